"""What a consumer reads: topics, patterns, partitions by hand; and who is told."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from streamfacade import ConsumerRebalanceListener, TopicPartition
from streamfacade.errors import IllegalStateError, KafkaError
from streamfacade.testing.harness import Harness, label, polling, read, values
from streamfacade.testing.suite_consuming import numbered, numbers
from streamfacade.testing.suite_refusals import NOT_TOPICS

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamfacade import Consumer

GROUPED = pytest.mark.parametrize("grouped", [True, False], ids=["group", "alone"])


class Listener(ConsumerRebalanceListener):
    """Remembers what it was told, by which thread; does as it is asked."""

    def __init__(self, on_assigned: Callable[[set[TopicPartition]], Any] | None = None) -> None:
        """Call `on_assigned` when partitions come."""
        self.told: list[tuple[str, Any, int]] = []
        self._on_assigned = on_assigned

    def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Remember."""
        self.told.append(("revoked", revoked, threading.get_ident()))

    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Remember, and do as asked."""
        self.told.append(("assigned", assigned, threading.get_ident()))
        if self._on_assigned:
            self._on_assigned(assigned)


def _group(harness: Harness, *, grouped: bool) -> str | None:
    return harness.name() if grouped else None


def _settle(consumer: Consumer[Any, Any], partitions: set[TopicPartition]) -> None:
    """Poll until these are the consumer's partitions; none of them has records."""
    polling(consumer, lambda: consumer.assignment() == partitions, "assigned")
    assert consumer.assignment() == partitions


class TestSubscribe:
    """`subscribe` and the topics of the constructor."""

    @GROUPED
    def test_all_partitions_arrive_in_poll(self, harness: Harness, *, grouped: bool) -> None:
        """A lone consumer gets every partition of its topics, but none before it polls."""
        topics = [numbered(harness, 10, partitions=2), numbered(harness, 5)]
        consumer = harness.consumer(*topics, group_id=_group(harness, grouped=grouped))
        assert consumer.assignment() == set()
        assert sorted(values(read(consumer, 15))) == sorted(numbers(10) + numbers(5))
        assert consumer.assignment() == {
            TopicPartition(topics[0], 0), TopicPartition(topics[0], 1), TopicPartition(topics[1], 0)
        }  # fmt: skip

    @GROUPED
    def test_a_new_subscription_replaces_the_old(self, harness: Harness, *, grouped: bool) -> None:
        """`subscribe` again drops the topics that are not named again."""
        old, new = harness.topic(), harness.topic()
        consumer = harness.consumer(old, group_id=_group(harness, grouped=grouped))
        _settle(consumer, {TopicPartition(old, 0)})
        consumer.subscribe([new])
        assert consumer.subscription() == {new}
        _settle(consumer, {TopicPartition(new, 0)})
        harness.send(old, b"old")
        harness.send(new, b"new")
        assert values(read(consumer, 1)) == [b"new"]

    def test_subscription_tells_the_topics(self, harness: Harness) -> None:
        """`subscription` is a set of names, or None."""
        consumer = harness.consumer()
        assert consumer.subscription() is None
        consumer.subscribe(["a", "b"])
        assert consumer.subscription() == {"a", "b"}
        consumer.unsubscribe()
        assert consumer.subscription() is None

    @GROUPED
    def test_an_unknown_topic_is_created(self, harness: Harness, *, grouped: bool) -> None:
        """Subscribing to a topic that does not exist creates it, and reads what comes."""
        topic = harness.name()
        consumer = harness.consumer(
            topic, group_id=_group(harness, grouped=grouped), metadata_max_age_ms=300
        )
        _settle(consumer, {TopicPartition(topic, 0)})
        harness.send(topic, b"v")
        assert values(read(consumer, 1)) == [b"v"]

    @GROUPED
    def test_an_unknown_topic_may_stay_unknown(self, harness: Harness, *, grouped: bool) -> None:
        """Without auto-creation an unknown topic gives {}, and is read once it exists."""
        topic = harness.name()
        consumer = harness.consumer(
            topic, group_id=_group(harness, grouped=grouped),
            allow_auto_create_topics=False, metadata_max_age_ms=300,
        )  # fmt: skip
        assert consumer.poll(timeout_ms=200) == {}
        assert topic not in harness.admin().list_topics()
        harness.admin().create_topics([topic])
        harness.send(topic, b"v")
        assert values(read(consumer, 1)) == [b"v"]

    @GROUPED
    def test_a_pattern_finds_topics_new_ones_too(self, harness: Harness, *, grouped: bool) -> None:
        """A pattern matches from a name's start; topics created later are found."""
        prefix = harness.name()
        names = [f"{prefix}-{n}" for n in (1, 2)] + [f"other-{prefix}-1", f"{prefix}-a"]
        harness.admin().create_topics(names[:1] + names[2:])
        consumer = harness.consumer(
            group_id=_group(harness, grouped=grouped), metadata_max_age_ms=300
        )
        consumer.subscribe(pattern=rf"{prefix}-\d")
        _settle(consumer, {TopicPartition(names[0], 0)})
        harness.admin().create_topics([names[1]])
        _settle(consumer, {TopicPartition(name, 0) for name in names[:2]})
        for name in names:
            harness.send(name, name.encode())
        assert sorted(values(read(consumer, 2))) == [name.encode() for name in names[:2]]

    def test_unsubscribe_ends_it(self, harness: Harness) -> None:
        """After `unsubscribe` there is nothing to read, and anything can be chosen anew."""
        topic = numbered(harness, 3)
        consumer = harness.consumer(topic, group_id=harness.name())
        read(consumer, 3)
        consumer.unsubscribe()
        assert consumer.assignment() == set()
        assert consumer.poll(timeout_ms=10) == {}
        consumer.assign([TopicPartition(topic, 0)])
        assert values(read(consumer, 3)) == numbers(3)


class TestAssign:
    """`assign`."""

    @GROUPED
    def test_exactly_these_are_read(self, harness: Harness, *, grouped: bool) -> None:
        """The assigned partitions are read, with a group or without, and no others."""
        topic = numbered(harness, 30, partitions=3)
        consumer = harness.reader(topic, 0, 2, group_id=_group(harness, grouped=grouped))
        assert consumer.assignment() == {TopicPartition(topic, 0), TopicPartition(topic, 2)}
        assert sorted(values(read(consumer, 20))) == sorted(numbers(0, 30, 3) + numbers(2, 30, 3))

    def test_partitions_that_stay_keep_their_place(self, harness: Harness) -> None:
        """A new `assign` replaces the old; what is in both goes on where it was."""
        topic = numbered(harness, 30, partitions=3)
        consumer = harness.reader(topic, 0, 1)
        read(consumer, 20)
        consumer.pause(TopicPartition(topic, 1))
        consumer.assign([TopicPartition(topic, 1), TopicPartition(topic, 2)])
        assert consumer.paused() == {TopicPartition(topic, 1)}
        assert consumer.position(TopicPartition(topic, 1)) == 10
        consumer.resume(TopicPartition(topic, 1))
        assert values(read(consumer, 10)) == numbers(2, 30, 3)

    def test_assigning_nothing_is_unsubscribing(self, harness: Harness) -> None:
        """`assign([])` drops everything, and lets topics be subscribed to."""
        topic = numbered(harness, 3)
        consumer = harness.reader(topic)
        consumer.assign([])
        assert consumer.assignment() == set()
        consumer.subscribe([topic])
        assert values(read(consumer, 3)) == numbers(3)


class TestWrongChoices:
    """Choices that are refused."""

    def test_ways_of_choosing_do_not_mix(self, harness: Harness) -> None:
        """Topics, a pattern and partitions exclude each other until `unsubscribe`."""
        consumer = harness.consumer("topic")
        with pytest.raises(IllegalStateError):
            consumer.assign([TopicPartition("topic", 0)])
        with pytest.raises(IllegalStateError):
            consumer.subscribe(pattern="t")
        with pytest.raises(IllegalStateError):
            consumer.subscribe(["topic"], pattern="t")
        consumer.unsubscribe()
        consumer.subscribe(pattern="t")
        with pytest.raises(IllegalStateError):
            consumer.subscribe(["topic"])
        consumer.unsubscribe()
        consumer.assign([TopicPartition(harness.topic(), 0)])
        with pytest.raises(IllegalStateError):
            consumer.subscribe(["topic"])

    @pytest.mark.parametrize("topics", ["topic", {"topic"}, 1, [1], [None], [b"topic"]], ids=label)
    def test_topics_are_a_list_of_names(self, harness: Harness, topics: Any) -> None:
        """A str, a set and names that are not text are TypeErrors; nothing changes then."""
        consumer = harness.consumer("before")
        with pytest.raises(TypeError):
            consumer.subscribe(topics)
        assert consumer.subscription() == {"before"}

    @pytest.mark.parametrize("topic", NOT_TOPICS, ids=label)
    def test_topics_have_legal_names(self, harness: Harness, topic: str) -> None:
        """A name that no topic can have is a ValueError."""
        with pytest.raises(ValueError, match="topic"):
            harness.consumer(topic)

    def test_something_must_be_chosen(self, harness: Harness) -> None:
        """`subscribe` without topics and pattern is a ValueError."""
        with pytest.raises(ValueError, match="topics"):
            harness.consumer().subscribe()

    def test_a_list_in_the_constructor_is_an_error(self, harness: Harness) -> None:
        """The constructor takes names one by one: a list is a TypeError."""
        with pytest.raises(TypeError):
            harness.consumer(["topic"])  # type: ignore[arg-type] # that is the mistake

    def test_a_listener_is_a_listener(self, harness: Harness) -> None:
        """A listener of another type is a TypeError, and the subscription stays as it was."""
        consumer = harness.consumer("before")
        with pytest.raises(TypeError):
            consumer.subscribe(["after"], listener=print)  # type: ignore[arg-type] # the mistake
        assert consumer.subscription() == {"before"}

    @pytest.mark.parametrize(
        "partitions", [TopicPartition("t", 0), "t", 1, ["t"], [("t", 0)]], ids=label
    )
    def test_partitions_are_a_list(self, harness: Harness, partitions: Any) -> None:
        """`assign` takes a list of TopicPartition."""
        with pytest.raises(TypeError):
            harness.consumer().assign(partitions)


class TestListener:
    """A listener of one member."""

    def test_it_is_told_on_the_polling_thread(self, harness: Harness) -> None:
        """Partitions come in `poll` and go in `close`, as sets, on the caller's thread."""
        topic, listener = harness.topic(partitions=2), Listener()
        mine = {TopicPartition(topic, 0), TopicPartition(topic, 1)}
        consumer = harness.consumer(group_id=harness.name())
        consumer.subscribe([topic], listener=listener)
        assert listener.told == []
        _settle(consumer, mine)
        consumer.close()
        told = [(event, partitions) for event, partitions, _ in listener.told if partitions]
        assert told == [("assigned", mine), ("revoked", mine)]
        assert {thread for *_, thread in listener.told} == {threading.get_ident()}

    def test_it_may_seek(self, harness: Harness) -> None:
        """A `seek` in `on_partitions_assigned` decides where reading starts."""
        topic = numbered(harness, 10)
        consumer = harness.consumer(group_id=harness.name())

        def to_seven(assigned: set[TopicPartition]) -> None:
            for partition in assigned:
                consumer.seek(partition, 7)

        seek = Listener(to_seven)
        consumer.subscribe([topic], listener=seek)
        assert values(read(consumer, 3)) == numbers(7, 10)

    def test_what_it_raises_is_raised_by_poll(self, harness: Harness) -> None:
        """An error of a listener comes out of `poll` as a KafkaError's cause, once.

        The partitions are there all the same.
        """
        topic = numbered(harness, 3)
        consumer = harness.consumer(group_id=harness.name())
        consumer.subscribe([topic], listener=Listener(lambda _: 1 / 0))
        with pytest.raises(KafkaError) as caught:
            read(consumer, 3)
        assert isinstance(caught.value.__cause__, ZeroDivisionError)
        assert consumer.assignment() == {TopicPartition(topic, 0)}
        assert values(read(consumer, 3)) == numbers(3)
