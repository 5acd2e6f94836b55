"""Committing: what is stored, who is told, and where the next one starts."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from streamfacade import OffsetAndMetadata, TopicPartition
from streamfacade.errors import (
    IllegalStateError,
    KafkaTimeoutError,
    OffsetMetadataTooLargeError,
)
from streamfacade.testing.harness import label, polling, read, until
from streamfacade.testing.suite_consuming import numbered

if TYPE_CHECKING:
    from streamfacade import Consumer
    from streamfacade.testing.harness import Harness

PLACE = TopicPartition("topic", 0)
NOT_OFFSETS = [
    {PLACE: 1},
    {PLACE: None},
    {PLACE: OffsetAndMetadata(-1, "")},
    {PLACE: OffsetAndMetadata(None, "")},
    {PLACE: OffsetAndMetadata("1", "")},  # type: ignore[arg-type] # the mistake
    {("topic", 0): OffsetAndMetadata(1, "")},
    {"topic": OffsetAndMetadata(1, "")},
    [PLACE],
    3,
]


def _ready(harness: Harness, count: int = 10, **options: Any) -> tuple[TopicPartition, Any]:
    """Return a partition with records, and a reader of it that has a group."""
    topic = numbered(harness, count)
    options.setdefault("group_id", harness.name())
    return TopicPartition(topic, 0), harness.reader(topic, **options)


def _again(harness: Harness, consumer: Consumer[Any, Any], **options: Any) -> Consumer[Any, Any]:
    """Return another reader of the same partitions for the same group."""
    (place,) = consumer.assignment()
    return harness.reader(place.topic, group_id=consumer.config["group_id"], **options)


class TestCommit:
    """`commit` and `committed`."""

    def test_the_position_is_committed(self, harness: Harness) -> None:
        """`commit()` stores the next offset to read, and returns when it is stored."""
        place, consumer = _ready(harness)
        assert consumer.committed(place) is None
        read(consumer, 10)
        assert consumer.commit() is None
        assert consumer.committed(place) == 10
        assert _again(harness, consumer).committed(place) == 10

    def test_only_what_was_handed_out_counts(self, harness: Harness) -> None:
        """A commit in the loop's body covers the record at hand, not those fetched with it."""
        place, consumer = _ready(harness)
        for n in range(1, 4):
            assert next(consumer).value == b"%d" % (n - 1)
            consumer.commit()
            assert consumer.committed(place) == n

    def test_partitions_not_read_are_committed_too(self, harness: Harness) -> None:
        """`commit()` stores the position of every partition that has one, read or not."""
        topic = numbered(harness, 4)
        other = TopicPartition(harness.topic(), 0)
        consumer = harness.consumer(group_id=harness.name())
        consumer.assign([TopicPartition(topic, 0), other])
        read(consumer, 4)
        assert consumer.position(other) == 0
        consumer.commit()
        assert consumer.committed(other) == 0

    def test_any_offset_may_be_committed(self, harness: Harness) -> None:
        """Offsets that are given are stored as they are, back, forth and past the end."""
        place, consumer = _ready(harness)
        for offset in (5, 2, 10, 1_000_000, 0):
            consumer.commit({place: OffsetAndMetadata(offset, "")})
            assert consumer.committed(place) == offset
        assert consumer.position(place) == 0

    def test_metadata_is_kept(self, harness: Harness) -> None:
        """The committer's note is stored beside the offset; None becomes ''."""
        place, consumer = _ready(harness)
        for note, kept in (("note: é\n", "note: é\n"), ("", ""), (None, "")):
            consumer.commit({place: OffsetAndMetadata(3, note)})
            stored = consumer.committed(place, metadata=True)
            assert isinstance(stored, OffsetAndMetadata)
            assert (stored.offset, stored.metadata) == (3, kept)

    def test_a_note_may_be_long(self, harness: Harness) -> None:
        """A note of 4000 bytes is kept."""
        place, consumer = _ready(harness)
        consumer.commit({place: OffsetAndMetadata(3, "n" * 4000)})
        assert consumer.committed(place, metadata=True).metadata == "n" * 4000

    def test_a_note_that_is_too_long_is_refused(self, harness: Harness) -> None:
        """A note of 5000 bytes is OffsetMetadataTooLargeError, and nothing is stored."""
        place, consumer = _ready(harness)
        with pytest.raises(OffsetMetadataTooLargeError):
            consumer.commit({place: OffsetAndMetadata(3, "n" * 5000)})
        assert consumer.committed(place) is None

    def test_an_empty_commit_is_nothing(self, harness: Harness) -> None:
        """`commit({})` stores nothing and raises nothing."""
        place, consumer = _ready(harness)
        read(consumer, 10)
        consumer.commit({})
        assert consumer.committed(place) is None

    def test_no_offset_is_none(self, harness: Harness) -> None:
        """What was never committed is None, with metadata or without."""
        place, consumer = _ready(harness)
        assert consumer.committed(place) is None
        assert consumer.committed(place, metadata=True) is None

    def test_an_unknown_partition_cannot_be_committed(self, harness: Harness) -> None:
        """A commit for a partition that does not exist is a KafkaTimeoutError."""
        place, consumer = _ready(harness)
        missing = place._replace(partition=7)
        with pytest.raises(KafkaTimeoutError):
            consumer.commit({missing: OffsetAndMetadata(1, "")}, timeout_ms=500)

    @pytest.mark.parametrize("offsets", NOT_OFFSETS, ids=label)
    def test_offsets_are_a_dict(self, harness: Harness, offsets: Any) -> None:
        """Offsets other than {TopicPartition: OffsetAndMetadata} are a TypeError."""
        consumer = harness.consumer(group_id=harness.name())
        with pytest.raises(TypeError):
            consumer.commit(offsets)
        with pytest.raises(TypeError):
            consumer.commit_async(offsets)

    def test_without_a_group_there_is_nothing_to_commit(self, harness: Harness) -> None:
        """Without `group_id` committing and asking for it are IllegalStateErrors."""
        topic = harness.topic()
        place, consumer = TopicPartition(topic, 0), harness.reader(topic)
        for call in (consumer.commit, consumer.commit_async, lambda: consumer.committed(place)):
            with pytest.raises(IllegalStateError):
                call()


class TestCommitAsync:
    """`commit_async`."""

    def test_it_returns_a_future_and_calls_back_in_poll(self, harness: Harness) -> None:
        """The callback comes inside a later `poll`, on that thread: (offsets, None)."""
        place, consumer = _ready(harness)
        read(consumer, 10)
        seen: list[Any] = []
        offsets = {place: OffsetAndMetadata(4, "note")}
        future = consumer.commit_async(offsets, lambda *a: seen.append((a, threading.get_ident())))
        assert seen == []
        polling(consumer, lambda: seen, "the callback has run")
        ((called_with, thread),) = seen
        assert called_with[0] == offsets
        assert not isinstance(called_with[1], BaseException)
        assert thread == threading.get_ident()
        assert (future.succeeded(), consumer.committed(place)) == (True, 4)

    def test_the_position_is_the_default(self, harness: Harness) -> None:
        """Without offsets the positions at the time of the call are committed."""
        place, consumer = _ready(harness)
        for _ in range(3):
            next(consumer)
        future = consumer.commit_async()
        next(consumer)
        polling(consumer, lambda: future.is_done, "the commit is done")
        assert consumer.committed(place) == 3

    def test_a_commit_waits_for_those_before(self, harness: Harness) -> None:
        """Commits are stored in the order they were made, asynchronous ones too."""
        place, consumer = _ready(harness)
        for offset in range(20):
            consumer.commit_async({place: OffsetAndMetadata(offset, "")})
        consumer.commit({place: OffsetAndMetadata(99, "")})
        assert consumer.committed(place) == 99
        consumer.poll(timeout_ms=100)
        assert consumer.committed(place) == 99

    def test_the_callback_comes_in_commit_too(self, harness: Harness) -> None:
        """A later `commit` calls back as well as a later `poll`."""
        place, consumer = _ready(harness)
        seen: list[Any] = []
        consumer.commit_async({place: OffsetAndMetadata(1, "")}, lambda *a: seen.append(a))
        until(lambda: consumer.commit({place: OffsetAndMetadata(2, "")}) or seen, "called back")
        assert seen

    def test_the_default_callback(self, harness: Harness) -> None:
        """The option `default_offset_commit_callback` is called where none is given."""
        seen: list[Any] = []
        place, consumer = _ready(harness, default_offset_commit_callback=lambda *a: seen.append(a))
        offsets = {place: OffsetAndMetadata(1, "")}
        consumer.commit_async(offsets)
        polling(consumer, lambda: seen, "the callback has run")
        assert seen[0][0] == offsets

    def test_a_failure_reaches_the_callback(self, harness: Harness) -> None:
        """A commit that fails gives its error to the callback and to the future."""
        place, consumer = _ready(harness)
        seen: list[Any] = []
        future = consumer.commit_async(
            {place: OffsetAndMetadata(1, "n" * 5000)}, lambda *a: seen.append(a)
        )
        polling(consumer, lambda: seen, "the callback has run")
        assert isinstance(seen[0][1], OffsetMetadataTooLargeError)
        assert isinstance(future.exception, OffsetMetadataTooLargeError)

    def test_a_raising_callback_harms_nobody(self, harness: Harness) -> None:
        """What a callback raises does not come out of `poll`."""
        place, consumer = _ready(harness)
        future = consumer.commit_async({place: OffsetAndMetadata(1, "")}, lambda *_: 1 / 0)
        polling(consumer, lambda: future.is_done, "the commit is done")
        consumer.poll(timeout_ms=50)
        assert consumer.committed(place) == 1

    def test_an_empty_commit_succeeds(self, harness: Harness) -> None:
        """`commit_async({})` stores nothing, and its future succeeds."""
        _, consumer = _ready(harness)
        assert consumer.commit_async({}).succeeded()
