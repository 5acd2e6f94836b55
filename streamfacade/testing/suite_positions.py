"""Positions: seeking, the reset policy, pausing, and what the log can be asked."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from streamfacade import OffsetAndTimestamp, TopicPartition
from streamfacade.errors import (
    IllegalStateError,
    KafkaTimeoutError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)
from streamfacade.testing.harness import label, polling, read, values
from streamfacade.testing.suite_consuming import numbered, numbers

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamfacade.testing.harness import Harness

NOT_PARTITIONS = [("t", 0), "t", None, [TopicPartition("t", 0)]]


class TestSeek:
    """`seek`, `seek_to_beginning`, `seek_to_end`, `position`."""

    def test_seek_goes_anywhere(self, harness: Harness) -> None:
        """Reading goes on from the offset sought, forwards or back, read or unread."""
        topic = numbered(harness, 20)
        place, consumer = TopicPartition(topic, 0), harness.reader(topic)
        for offset in (15, 3, 19, 0):
            consumer.seek(place, offset)
            assert consumer.position(place) == offset
            assert values(read(consumer, 20 - offset)) == numbers(offset, 20)

    def test_seek_drops_what_was_fetched(self, harness: Harness) -> None:
        """Records that were fetched before a seek are not returned after it."""
        topic = numbered(harness, 50)
        consumer = harness.reader(topic)
        assert next(consumer).value == b"0"
        consumer.seek(TopicPartition(topic, 0), 40)
        assert next(consumer).value == b"40"
        assert values(read(consumer, 9)) == numbers(41, 50)

    def test_seek_to_the_end_waits_for_more(self, harness: Harness) -> None:
        """The end of the log is a position: only what comes then is read."""
        topic = numbered(harness, 5)
        consumer = harness.reader(topic)
        consumer.seek(TopicPartition(topic, 0), 5)
        assert consumer.poll(timeout_ms=100) == {}
        harness.send(topic, b"5")
        assert values(read(consumer, 1)) == [b"5"]

    def test_seek_to_beginning_and_end(self, harness: Harness) -> None:
        """All partitions go to the beginning or the end, or only those that are named."""
        topic = numbered(harness, 20, partitions=2)
        first, second = TopicPartition(topic, 0), TopicPartition(topic, 1)
        consumer = harness.reader(topic, 0, 1)
        consumer.seek_to_end()
        assert (consumer.position(first), consumer.position(second)) == (10, 10)
        consumer.seek_to_beginning(second)
        assert (consumer.position(first), consumer.position(second)) == (10, 0)
        assert values(read(consumer, 10)) == numbers(1, 20, 2)
        consumer.seek_to_beginning()
        consumer.seek_to_end(second)
        assert values(read(consumer, 10)) == numbers(0, 20, 2)

    def test_a_position_is_found_without_a_poll(self, harness: Harness) -> None:
        """Right after `assign`, `position` answers by the reset policy."""
        topic = numbered(harness, 5)
        place = TopicPartition(topic, 0)
        assert harness.reader(topic).position(place) == 0
        assert harness.reader(topic, auto_offset_reset="latest").position(place) == 5

    @pytest.mark.parametrize("offset", [-1, 1.0, "1", None, True], ids=label)
    def test_offsets_are_whole_and_not_negative(self, harness: Harness, offset: Any) -> None:
        """Any other offset to seek is a ValueError, and the position stays."""
        topic = numbered(harness, 2)
        consumer = harness.reader(topic)
        with pytest.raises(ValueError, match="offset"):
            consumer.seek(TopicPartition(topic, 0), offset)
        assert values(read(consumer, 2)) == numbers(2)

    def test_only_assigned_partitions_have_a_position(self, harness: Harness) -> None:
        """Seeking an unassigned partition is a ValueError, its position an IllegalStateError."""
        topic = harness.topic()
        other, consumer = TopicPartition(topic, 1), harness.reader(topic)
        with pytest.raises(ValueError, match="[Uu]nassigned"):
            consumer.seek(other, 0)
        with pytest.raises(ValueError, match="[Uu]nassigned"):
            consumer.seek_to_beginning(other)
        with pytest.raises(ValueError, match="[Uu]nassigned"):
            consumer.seek_to_end(other)
        with pytest.raises(IllegalStateError):
            consumer.position(other)

    def test_before_the_first_poll_a_subscriber_has_nothing_to_seek(self, harness: Harness) -> None:
        """Just after `subscribe` no partition is assigned: seeking is a ValueError."""
        topic = harness.topic()
        consumer = harness.consumer(topic, group_id=harness.name())
        with pytest.raises(ValueError, match="[Uu]nassigned"):
            consumer.seek(TopicPartition(topic, 0), 0)
        with pytest.raises(ValueError, match="partitions"):
            consumer.seek_to_beginning()

    @pytest.mark.parametrize("partition", NOT_PARTITIONS, ids=label)
    def test_a_partition_is_a_topic_partition(self, harness: Harness, partition: Any) -> None:
        """Anything else than a TopicPartition is a TypeError."""
        consumer = harness.consumer(group_id=harness.name())
        calls: tuple[Callable[[], Any], ...] = (
            lambda: consumer.seek(partition, 0),
            lambda: consumer.seek_to_end(partition),
            lambda: consumer.position(partition),
            lambda: consumer.pause(partition),
            lambda: consumer.resume(partition),
            lambda: consumer.committed(partition),
        )
        for call in calls:
            with pytest.raises(TypeError):
                call()


class TestReset:
    """`auto_offset_reset`."""

    def test_earliest_starts_at_the_beginning(self, harness: Harness) -> None:
        """Without a committed offset, earliest reads all there is."""
        consumer = harness.reader(numbered(harness, 3), auto_offset_reset="earliest")
        assert values(read(consumer, 3)) == numbers(3)

    def test_latest_starts_at_the_end(self, harness: Harness) -> None:
        """Without a committed offset, latest reads what comes after the position was found."""
        topic = numbered(harness, 3)
        consumer = harness.reader(topic, auto_offset_reset="latest")
        assert consumer.poll(timeout_ms=100) == {}
        harness.send(topic, b"3")
        assert values(read(consumer, 1)) == [b"3"]

    def test_latest_is_the_default(self, harness: Harness) -> None:
        """A consumer that says nothing of it starts at the end."""
        topic = numbered(harness, 3)
        consumer = harness.reader(topic, auto_offset_reset="latest")
        assert consumer.position(TopicPartition(topic, 0)) == 3

    def test_none_is_an_error(self, harness: Harness) -> None:
        """With none, a missing offset is NoOffsetForPartitionError until somebody seeks."""
        topic = numbered(harness, 3)
        place, consumer = TopicPartition(topic, 0), harness.reader(topic, auto_offset_reset="none")
        for _ in range(2):
            with pytest.raises(NoOffsetForPartitionError):
                consumer.poll(timeout_ms=5000)
        with pytest.raises(NoOffsetForPartitionError):
            consumer.position(place)
        consumer.seek(place, 1)
        assert values(read(consumer, 2)) == numbers(1, 3)

    def test_none_is_an_error_for_a_member_too(self, harness: Harness) -> None:
        """A group without committed offsets and with none raises from `poll`."""
        topic = numbered(harness, 3)
        consumer = harness.consumer(topic, group_id=harness.name(), auto_offset_reset="none")
        with pytest.raises(NoOffsetForPartitionError):
            read(consumer, 3)

    @pytest.mark.parametrize(("policy", "position"), [("earliest", 0), ("latest", 3)])
    def test_a_position_out_of_range_is_reset(
        self, harness: Harness, policy: str, position: int
    ) -> None:
        """A seek past the end is found out by the next poll, and the policy applies."""
        topic = numbered(harness, 3)
        place, consumer = TopicPartition(topic, 0), harness.reader(topic, auto_offset_reset=policy)
        consumer.seek(place, 100)
        assert consumer.position(place) == 100
        if policy == "latest":
            polling(consumer, lambda: consumer.position(place) != 100, "reset")
            assert consumer.position(place) == position
            harness.send(topic, b"3")
        assert values(read(consumer, 1 if position else 3)) == numbers(3)[position:] + (
            [b"3"] if position else []
        )

    def test_out_of_range_with_none_is_an_error(self, harness: Harness) -> None:
        """With none, a position out of range is OffsetOutOfRangeError until somebody seeks."""
        topic = numbered(harness, 3)
        place, consumer = TopicPartition(topic, 0), harness.reader(topic, auto_offset_reset="none")
        consumer.seek(place, 100)
        for _ in range(2):
            with pytest.raises(OffsetOutOfRangeError):
                read(consumer, 1)
        consumer.seek(place, 2)
        assert values(read(consumer, 1)) == [b"2"]


class TestOffsets:
    """What the log can be asked."""

    def test_beginning_and_end(self, harness: Harness) -> None:
        """The first offset and the next one, of any partition, assigned or not."""
        topic = numbered(harness, 7, partitions=2)
        places = [TopicPartition(topic, 0), TopicPartition(topic, 1)]
        consumer = harness.consumer()
        assert consumer.beginning_offsets(places) == dict.fromkeys(places, 0)
        assert consumer.end_offsets(places) == {places[0]: 4, places[1]: 3}
        assert consumer.beginning_offsets([]) == consumer.end_offsets([]) == {}

    def test_by_time(self, harness: Harness) -> None:
        """The earliest offset whose timestamp is not before the one asked for, or None."""
        topic, now = harness.topic(), int(time.time() * 1000)
        for shift in (-9000, -5000, -7000, -3000):
            harness.send(topic, b"v", timestamp_ms=now + shift)
        place, consumer = TopicPartition(topic, 0), harness.consumer()

        def found(shift: int) -> tuple[int, int] | None:
            hit = consumer.offsets_for_times({place: now + shift})[place]
            assert hit is None or isinstance(hit, OffsetAndTimestamp)
            return hit and (hit.offset, hit.timestamp - now)

        shifts = (-100_000, -9000, -8999, -7000, -5000, -4999, -3000, -2999)
        first, second, last = (0, -9000), (1, -5000), (3, -3000)
        expected = [first, first, second, second, second, last, last, None]
        assert [found(shift) for shift in shifts] == expected

    def test_by_time_of_nothing(self, harness: Harness) -> None:
        """An empty partition has no offset for any time, an empty question no answer."""
        place, consumer = TopicPartition(harness.topic(), 0), harness.consumer()
        assert consumer.offsets_for_times({place: 0}) == {place: None}
        assert consumer.offsets_for_times({}) == {}

    def test_by_time_before_1970_is_refused(self, harness: Harness) -> None:
        """A negative timestamp is a ValueError."""
        with pytest.raises(ValueError, match="negative"):
            harness.consumer().offsets_for_times({TopicPartition(harness.topic(), 0): -1})

    def test_an_unknown_partition_is_waited_for_in_vain(self, harness: Harness) -> None:
        """A partition that the topic does not have is a KafkaTimeoutError."""
        place, consumer = TopicPartition(harness.topic(), 5), harness.consumer()
        for ask in (consumer.beginning_offsets, consumer.end_offsets):
            with pytest.raises(KafkaTimeoutError):
                ask([place], timeout_ms=500)
        with pytest.raises(KafkaTimeoutError):
            consumer.offsets_for_times({place: 0}, timeout_ms=500)

    def test_an_unknown_topic_is_created(self, harness: Harness) -> None:
        """Asking for the end of a topic that does not exist creates it."""
        place = TopicPartition(harness.name(), 0)
        assert harness.consumer().end_offsets([place]) == {place: 0}
        assert place.topic in harness.admin().list_topics()

    def test_an_unknown_topic_may_stay_unknown(self, harness: Harness) -> None:
        """Without auto-creation the question times out, and no topic is made."""
        place = TopicPartition(harness.name(), 0)
        consumer = harness.consumer(allow_auto_create_topics=False)
        with pytest.raises(KafkaTimeoutError):
            consumer.end_offsets([place], timeout_ms=500)
        assert place.topic not in harness.admin().list_topics()

    def test_topics_and_their_partitions(self, harness: Harness) -> None:
        """`topics` lists the topics, `partitions_for_topic` one's partitions; neither makes any."""
        topic, unknown = harness.topic(partitions=3), harness.name()
        consumer = harness.consumer()
        assert topic in consumer.topics()
        assert not any(name.startswith("__") for name in consumer.topics())
        assert consumer.partitions_for_topic(topic) == {0, 1, 2}
        assert consumer.partitions_for_topic(unknown) == set()
        assert unknown not in consumer.topics()

    def test_lag_is_what_is_still_to_come(self, harness: Harness) -> None:
        """`lag` is the end minus the position of each assigned partition."""
        topic = numbered(harness, 10)
        place, consumer = TopicPartition(topic, 0), harness.reader(topic)
        assert consumer.lag() == {place: 10}
        consumer.seek(place, 4)
        assert consumer.lag() == {place: 6}
        read(consumer, 6)
        assert consumer.lag() == {place: 0}


class TestPause:
    """`pause` and `resume`."""

    def test_paused_partitions_give_nothing(self, harness: Harness) -> None:
        """A paused partition gives no records while others do; resumed it has lost none."""
        topic = numbered(harness, 20, partitions=2)
        first, second = TopicPartition(topic, 0), TopicPartition(topic, 1)
        consumer = harness.reader(topic, 0, 1)
        consumer.pause(first)
        assert consumer.paused() == {first}
        assert values(read(consumer, 10)) == numbers(1, 20, 2)
        assert consumer.poll(timeout_ms=100) == {}
        assert consumer.assignment() == {first, second}
        consumer.resume(first)
        assert consumer.paused() == set()
        assert values(read(consumer, 10)) == numbers(0, 20, 2)

    def test_records_fetched_before_wait_too(self, harness: Harness) -> None:
        """What was fetched before the pause is neither returned nor lost."""
        topic = numbered(harness, 20)
        place, consumer = TopicPartition(topic, 0), harness.reader(topic)
        assert next(consumer).value == b"0"
        consumer.pause(place)
        assert consumer.poll(timeout_ms=100) == {}
        assert consumer.position(place) == 1
        consumer.resume(place)
        assert values(read(consumer, 19)) == numbers(1, 20)

    def test_seeking_while_paused(self, harness: Harness) -> None:
        """A seek during the pause counts when it ends, and does not end it."""
        topic = numbered(harness, 10)
        place, consumer = TopicPartition(topic, 0), harness.reader(topic)
        read(consumer, 10)
        consumer.pause(place)
        consumer.seek(place, 6)
        assert consumer.poll(timeout_ms=100) == {}
        consumer.resume(place)
        assert values(read(consumer, 4)) == numbers(6, 10)

    def test_only_assigned_partitions_can_be_paused(self, harness: Harness) -> None:
        """Pausing or resuming an unassigned partition is a ValueError."""
        place, consumer = TopicPartition(harness.topic(), 0), harness.consumer()
        for call in (consumer.pause, consumer.resume):
            with pytest.raises(ValueError, match="[Uu]nassigned"):
                call(place)
