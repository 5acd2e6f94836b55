"""Reading: poll, iteration, subscriptions, listeners, deserializers."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from streamfacade import ConsumerRecord, JsonSerializer, TopicPartition
from streamfacade.testing.harness import PATIENCE, Harness, label, read, some, until, values

if TYPE_CHECKING:
    from collections.abc import Callable


def numbered(harness: Harness, count: int, partitions: int = 1) -> str:
    """Return a topic with records 0, 1, 2, … in turn in its partitions."""
    topic = harness.topic(partitions)
    for partition in range(partitions):
        harness.send(topic, *numbers(partition, count, partitions), partition=partition)
    return topic


def numbers(*of: int) -> list[bytes]:
    """Return the values that `numbered` sends."""
    return [b"%d" % n for n in range(*of)]


class TestPoll:
    """`poll`."""

    def test_records_come_by_partition(self, harness: Harness) -> None:
        """`poll` returns a dict of lists of records, with only the partitions that have some."""
        topic = numbered(harness, 1)
        polled = harness.reader(topic).poll(timeout_ms=30_000)
        assert type(polled) is dict
        assert list(polled) == [TopicPartition(topic, 0)]
        (records,) = polled.values()
        assert type(records) is list
        assert isinstance(records[0], ConsumerRecord)

    def test_nothing_is_an_empty_dict_in_time(self, harness: Harness) -> None:
        """Without records `poll` returns {} when its time is up, and not before."""
        consumer = harness.reader(harness.topic())
        began = time.monotonic()
        assert consumer.poll(timeout_ms=400) == {}
        assert 0.35 < time.monotonic() - began < 2

    def test_zero_does_not_wait(self, harness: Harness) -> None:
        """`poll(0)`, which is the default, returns what is at hand."""
        consumer = harness.reader(harness.topic())
        consumer.poll(timeout_ms=100)
        began = time.monotonic()
        assert consumer.poll() == {}
        assert time.monotonic() - began < 0.3

    def test_it_does_not_wait_to_be_full(self, harness: Harness) -> None:
        """One record is enough for `poll` to return, whatever it may hold."""
        consumer = harness.reader(numbered(harness, 1))
        began = time.monotonic()
        assert sum(map(len, consumer.poll(timeout_ms=20_000, max_records=1000).values())) == 1
        assert time.monotonic() - began < 10

    def test_a_new_record_ends_the_wait(self, harness: Harness) -> None:
        """A `poll` that waits returns soon after a record is stored."""
        topic = harness.topic()
        consumer = harness.reader(topic)
        consumer.poll(timeout_ms=100)
        sender = threading.Timer(0.2, harness.send, (topic, b"v"))
        sender.start()
        began = time.monotonic()
        assert consumer.poll(timeout_ms=20_000)
        assert time.monotonic() - began < 5
        sender.join()

    def test_max_records_is_kept_and_nothing_lost(self, harness: Harness) -> None:
        """No poll returns more than `max_records`, and together they return everything."""
        topic = numbered(harness, 100)
        seen: list[Any] = []
        consumer = harness.reader(topic)
        while len(seen) < 100:
            polled = consumer.poll(timeout_ms=30_000, max_records=7)
            assert 0 < sum(map(len, polled.values())) <= 7
            seen += [r.value for records in polled.values() for r in records]
        assert seen == numbers(100)

    def test_max_poll_records_is_the_default(self, harness: Harness) -> None:
        """The option `max_poll_records` limits a poll that names no limit."""
        consumer = harness.reader(numbered(harness, 20), max_poll_records=3)
        assert sum(map(len, consumer.poll(timeout_ms=30_000).values())) <= 3

    def test_the_limit_is_for_all_partitions_together(self, harness: Harness) -> None:
        """`max_records` counts the records of all partitions, each of which stays in order."""
        topic = numbered(harness, 90, partitions=3)
        seen: list[Any] = []
        consumer = harness.reader(topic, 0, 1, 2)
        while len(seen) < 90:
            polled = consumer.poll(timeout_ms=30_000, max_records=11)
            assert 0 < sum(map(len, polled.values())) <= 11
            seen += [(p.partition, r.value) for p, records in polled.items() for r in records]
        for partition in range(3):
            assert [value for p, value in seen if p == partition] == numbers(partition, 90, 3)

    def test_the_position_is_behind_what_was_returned(self, harness: Harness) -> None:
        """After a poll the position is the last record's offset + 1, no further."""
        topic = numbered(harness, 20)
        consumer = harness.reader(topic)
        polled = consumer.poll(timeout_ms=30_000, max_records=5)
        last = polled[TopicPartition(topic, 0)][-1].offset
        assert consumer.position(TopicPartition(topic, 0)) == last + 1

    def test_positions_can_be_left_alone(self, harness: Harness) -> None:
        """With `update_offsets=False` the next poll returns the same records again."""
        topic = numbered(harness, 20)
        consumer = harness.reader(topic)
        first = consumer.poll(timeout_ms=30_000, max_records=5, update_offsets=False)
        assert consumer.position(TopicPartition(topic, 0)) == 0
        assert values(read(consumer, 20))[: len(first)] == numbers(20)[: len(first)]

    def test_positions_can_be_left_alone_amid_iteration(self, harness: Harness) -> None:
        """`update_offsets=False` holds for records that an iteration had fetched already."""
        topic = numbered(harness, 20)
        consumer = harness.reader(topic)
        assert next(consumer).value == b"0"
        consumer.poll(timeout_ms=30_000, max_records=3, update_offsets=False)
        assert consumer.position(TopicPartition(topic, 0)) == 1
        assert values(read(consumer, 19)) == numbers(1, 20)

    def test_without_anything_to_read_there_is_nothing(self, harness: Harness) -> None:
        """A consumer with neither subscription nor assignment polls {}."""
        assert harness.consumer().poll(timeout_ms=10) == {}

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            ({"timeout_ms": -1}, ValueError),
            ({"timeout_ms": "1"}, TypeError),
            ({"max_records": 0}, ValueError),
            ({"max_records": -1}, ValueError),
            ({"max_records": 1.0}, TypeError),
            ({"max_records": "1"}, TypeError),
        ],
        ids=label,
    )
    def test_wrong_arguments_are_refused(
        self, harness: Harness, arguments: dict[str, Any], error: type[Exception]
    ) -> None:
        """A negative timeout and a limit that is none are errors."""
        with pytest.raises(error):
            harness.consumer().poll(**arguments)

    def test_a_busy_partition_starves_no_other(self, harness: Harness) -> None:
        """While one partition never runs dry, a record of another arrives all the same."""
        topic, producer = harness.topic(partitions=2), harness.producer()
        consumer, arrived = harness.reader(topic, 0, 1, max_poll_records=10), threading.Event()

        def flood() -> None:
            while not arrived.is_set():
                producer.produce(topic, b"x" * 100, partition=0)
                arrived.wait(0.0005)

        sender = threading.Thread(target=flood)
        sender.start()
        try:
            some(consumer)
            harness.send(topic, b"here", partition=1)
            quiet = TopicPartition(topic, 1)
            until(lambda: quiet in consumer.poll(timeout_ms=500), "the other record is there")
        finally:
            arrived.set()
            sender.join()


class TestIteration:
    """`for record in consumer`."""

    def test_a_loop_yields_the_records_in_order(self, harness: Harness) -> None:
        """A loop yields record after record, and ends after `consumer_timeout_ms` of silence."""
        consumer = harness.reader(numbered(harness, 50), consumer_timeout_ms=700)
        assert [record.value for record in consumer] == numbers(50)

    def test_another_loop_goes_on(self, harness: Harness) -> None:
        """A loop that was left or has ended is followed by another that goes on after it."""
        topic = numbered(harness, 10)
        consumer = harness.reader(topic, consumer_timeout_ms=700)
        assert [next(consumer).value for _ in range(4)] == numbers(4)
        assert [record.value for record in consumer] == numbers(4, 10)
        harness.send(topic, b"10")
        assert [record.value for record in consumer] == [b"10"]

    def test_polls_and_loops_may_take_turns(self, harness: Harness) -> None:
        """`poll` goes on behind the record that the loop yielded last, and the other way round."""
        consumer = harness.reader(numbered(harness, 10))
        assert next(consumer).value == b"0"
        polled = consumer.poll(timeout_ms=30_000, max_records=3)
        taken = [r.value for records in polled.values() for r in records]
        assert taken == numbers(1, 1 + len(taken))
        assert next(consumer).value == b"%d" % (1 + len(taken))

    def test_the_position_is_behind_the_record_at_hand(self, harness: Harness) -> None:
        """In the loop's body the position is the record's offset + 1."""
        topic = numbered(harness, 5)
        consumer = harness.reader(topic)
        for _ in range(5):
            record = next(consumer)
            assert consumer.position(TopicPartition(topic, 0)) == record.offset + 1

    def test_a_consumer_is_its_own_iterator(self, harness: Harness) -> None:
        """`iter(consumer)` is the consumer."""
        consumer = harness.consumer()
        assert iter(consumer) is consumer


class TestDeserializers:
    """Key and value deserializers."""

    def test_keys_and_values_are_deserialized(self, harness: Harness) -> None:
        """Deserializers make the key and the value; the sizes stay those of the bytes."""
        topic = harness.topic()
        harness.send(topic, b'{"n": 1}', key="é".encode())
        consumer = harness.reader(
            topic, key_deserializer=lambda k: k.decode(), value_deserializer=JsonSerializer()
        )
        (record,) = read(consumer, 1)
        assert (record.key, record.value) == ("é", {"n": 1})
        assert (record.serialized_key_size, record.serialized_value_size) == (2, 8)

    def test_a_function_is_called_for_none_too(self, harness: Harness) -> None:
        """A plain callable gets the None of a tombstone, as in kafka-python."""
        topic = harness.topic()
        harness.send(topic, None, key=b"k")
        assert read(harness.reader(topic, value_deserializer=repr), 1)[0].value == "None"

    def test_a_bad_record_is_not_passed(self, harness: Harness) -> None:
        """What a deserializer raises comes from every poll; the position stays before the record.

        The good records before it are returned first; `seek` behind it goes on.
        """
        topic = harness.topic()
        place = TopicPartition(topic, 0)
        harness.send(topic, b"1", b"2", b"bad", b"4")
        consumer = harness.reader(topic, value_deserializer=int)
        assert values(read(consumer, 2)) == [1, 2]
        for _ in range(3):
            with pytest.raises(ValueError, match="bad"):
                consumer.poll(timeout_ms=30_000)
            assert consumer.position(place) == 2
        consumer.seek(place, 3)
        assert values(read(consumer, 1)) == [4]

    def test_a_loop_meets_the_bad_record_too(self, harness: Harness) -> None:
        """Iterating raises what the deserializer raised, each time, until a seek."""
        topic = harness.topic()
        harness.send(topic, b"1", b"bad", b"3")
        consumer = harness.reader(topic, value_deserializer=int)
        assert next(consumer).value == 1
        for _ in range(2):
            with pytest.raises(ValueError, match="bad"):
                next(consumer)
        consumer.seek(TopicPartition(topic, 0), 2)
        assert next(consumer).value == 3

    def test_a_bad_record_harms_no_other_partition(self, harness: Harness) -> None:
        """The other partitions' records arrive, each once, while one partition is stuck."""
        topic = numbered(harness, 30, partitions=2)
        harness.send(topic, b"bad", partition=0)
        harness.send(topic, b"100", b"101", partition=1)
        consumer, errors = harness.reader(topic, 0, 1, value_deserializer=int), 0
        seen: list[Any] = []
        deadline = time.monotonic() + PATIENCE
        while (len(seen) < 32 or errors < 3) and time.monotonic() < deadline:
            try:
                polled = consumer.poll(timeout_ms=1000, max_records=5)
            except ValueError:
                errors += 1
            else:
                seen += [r.value for records in polled.values() for r in records]
        assert sorted(seen) == [*range(30), 100, 101]
        assert errors >= 3

    def test_a_type_error_is_not_masked(self, harness: Harness) -> None:
        """A TypeError inside a deserializer is raised as it is."""

        def fail(_data: bytes) -> None:
            raise TypeError("mine")

        consumer = harness.reader(numbered(harness, 1), value_deserializer=fail)
        with pytest.raises(TypeError, match=r"^mine$"):
            read(consumer, 1)


class TestThreads:
    """What other threads may ask."""

    @pytest.mark.parametrize(
        "ask", [lambda c: c.assignment(), lambda c: c.group_metadata()], ids=["assignment", "group"]
    )
    def test_another_thread_may_ask_during_a_poll(
        self, harness: Harness, ask: Callable[[Any], Any]
    ) -> None:
        """`assignment` and `group_metadata` answer at once while another thread polls."""
        consumer = harness.reader(harness.topic())
        poller = threading.Thread(target=consumer.poll, kwargs={"timeout_ms": 600})
        poller.start()
        began = time.monotonic()
        ask(consumer)
        assert time.monotonic() - began < 0.4
        poller.join()
