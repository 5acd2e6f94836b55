"""Where a consumer starts after another one has stopped, orderly or not; and automatic commits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from streamfacade import ConsumerRebalanceListener, TopicPartition
from streamfacade.testing.harness import polling, read, some, values
from streamfacade.testing.suite_consuming import numbered, numbers

if TYPE_CHECKING:
    from streamfacade import Consumer
    from streamfacade.testing.harness import Harness

ASSIGNED = pytest.mark.parametrize("by_hand", [True, False], ids=["assigned", "subscribed"])


def _reader(harness: Harness, topic: str, group: str, *, by_hand: bool, **options: Any) -> Any:
    if by_hand:
        return harness.reader(topic, group_id=group, **options)
    return harness.consumer(topic, group_id=group, **options)


def _committed(harness: Harness, topic: str, group: str) -> Any:
    return harness.reader(topic, group_id=group).committed(TopicPartition(topic, 0))


def _loop(consumer: Consumer[Any, Any], count: int) -> None:
    for _ in range(count):
        next(consumer)


class TestResume:
    """The next consumer of a group."""

    @ASSIGNED
    def test_it_goes_on_at_the_committed_offset(self, harness: Harness, *, by_hand: bool) -> None:
        """After `close` the group's next consumer starts at what was committed."""
        topic, group = numbered(harness, 10), harness.name()
        first = _reader(harness, topic, group, by_hand=by_hand)
        _loop(first, 4)
        first.commit()
        _loop(first, 3)
        first.close()
        assert values(read(_reader(harness, topic, group, by_hand=by_hand), 6)) == numbers(4, 10)

    def test_uncommitted_records_come_again_after_a_kill(self, harness: Harness) -> None:
        """Of a member that was killed, what it had not committed is delivered again, no more."""
        topic, group = numbered(harness, 10), harness.name()
        session = harness.session_timeout_ms
        quick = {"session_timeout_ms": session, "heartbeat_interval_ms": session // 3}
        worker = harness.worker(topic, group_id=group, max_poll_records=4, **quick)
        done = len(some(worker))
        worker.commit()
        some(worker)
        harness.kill(worker)
        rest = read(harness.consumer(topic, group_id=group, **quick), 10 - done)
        assert values(rest) == numbers(done, 10)

    def test_a_group_without_commits_starts_over(self, harness: Harness) -> None:
        """What was only read, never committed, is read again by the group's next consumer."""
        topic, group = numbered(harness, 10), harness.name()
        first = _reader(harness, topic, group, by_hand=False)
        read(first, 10)
        first.close()
        assert values(read(_reader(harness, topic, group, by_hand=False), 10)) == numbers(10)

    def test_many_consumers_in_turn_lose_nothing(self, harness: Harness) -> None:
        """Consumers that each read a little, commit and close read everything once, in order."""
        topic, group = numbered(harness, 50), harness.name()
        seen: list[Any] = []
        while len(seen) < 50:
            with harness.consumer(topic, group_id=group, max_poll_records=10) as consumer:
                seen += values(some(consumer))
                consumer.commit()
        assert seen == numbers(50)

    def test_two_groups_each_see_everything(self, harness: Harness) -> None:
        """Groups do not share records, nor committed offsets."""
        topic, groups = numbered(harness, 20), [harness.name(), harness.name()]
        for group in groups:
            consumer = harness.consumer(topic, group_id=group)
            assert values(read(consumer, 20)) == numbers(20)
            consumer.commit()

    def test_a_late_group_sees_all_or_only_the_new(self, harness: Harness) -> None:
        """A group made after the records starts as its reset policy says."""
        topic = numbered(harness, 5)
        place = TopicPartition(topic, 0)
        early = harness.consumer(topic, group_id=harness.name(), auto_offset_reset="earliest")
        late = harness.consumer(topic, group_id=harness.name(), auto_offset_reset="latest")
        polling(late, lambda: late.assignment() == {place}, "assigned")
        harness.send(topic, b"5")
        assert values(read(early, 6)) == numbers(6)
        assert values(read(late, 1)) == [b"5"]

    def test_the_committed_offset_wins_over_the_policy(self, harness: Harness) -> None:
        """`auto_offset_reset` says nothing where an offset is committed."""
        topic, group = numbered(harness, 5), harness.name()
        first = harness.reader(topic, group_id=group)
        _loop(first, 2)
        first.commit()
        late = harness.reader(topic, group_id=group, auto_offset_reset="latest")
        assert late.position(TopicPartition(topic, 0)) == 2
        assert values(read(late, 3)) == numbers(2, 5)

    def test_a_committed_offset_past_the_end_is_reset(self, harness: Harness) -> None:
        """An offset that was committed past the end is out of range, and the policy applies."""
        topic, group = numbered(harness, 5), harness.name()
        first = harness.reader(topic, group_id=group)
        first.seek(TopicPartition(topic, 0), 50)
        first.commit()
        assert values(read(harness.reader(topic, group_id=group), 5)) == numbers(5)


class TestAutoCommit:
    """`enable_auto_commit`."""

    @ASSIGNED
    def test_close_commits(self, harness: Harness, *, by_hand: bool) -> None:
        """`close` commits what was handed out, and no record more."""
        topic, group = numbered(harness, 10), harness.name()
        consumer = _reader(harness, topic, group, by_hand=by_hand, enable_auto_commit=True)
        _loop(consumer, 4)
        consumer.close()
        assert _committed(harness, topic, group) == 4

    def test_close_may_be_told_not_to(self, harness: Harness) -> None:
        """`close(autocommit=False)` commits nothing."""
        topic, group = numbered(harness, 10), harness.name()
        consumer = harness.reader(topic, group_id=group, enable_auto_commit=True)
        _loop(consumer, 4)
        consumer.close(autocommit=False)
        assert _committed(harness, topic, group) is None

    @ASSIGNED
    def test_leaving_the_block_commits(self, harness: Harness, *, by_hand: bool) -> None:
        """The end of `with` commits."""
        topic, group = numbered(harness, 10), harness.name()
        with _reader(harness, topic, group, by_hand=by_hand, enable_auto_commit=True) as consumer:
            _loop(consumer, 4)
        assert _committed(harness, topic, group) == 4

    @ASSIGNED
    def test_an_exception_that_leaves_the_block_does_not(
        self, harness: Harness, *, by_hand: bool
    ) -> None:
        """An exception that leaves `with` skips the commit: its record is read again."""
        topic, group = numbered(harness, 10), harness.name()
        consumer = _reader(harness, topic, group, by_hand=by_hand, enable_auto_commit=True)
        with pytest.raises(ZeroDivisionError), consumer:
            _loop(consumer, 4)
            raise ZeroDivisionError
        assert _committed(harness, topic, group) is None

    def test_polls_commit_when_it_is_time(self, harness: Harness) -> None:
        """After `auto_commit_interval_ms` a poll commits what earlier polls handed out."""
        topic, group = numbered(harness, 10), harness.name()
        consumer = harness.reader(
            topic, group_id=group, enable_auto_commit=True, auto_commit_interval_ms=50
        )
        read(consumer, 10)
        place = TopicPartition(topic, 0)
        polling(consumer, lambda: consumer.committed(place) == 10, "committed")

    def test_nothing_is_committed_between_polls(self, harness: Harness) -> None:
        """Automatic commits happen in `poll` alone: work at hand is never committed behind it."""
        topic, group = numbered(harness, 10), harness.name()
        consumer = harness.reader(
            topic, group_id=group, enable_auto_commit=True, auto_commit_interval_ms=1
        )
        consumer.poll(timeout_ms=30_000)
        watcher = harness.reader(topic, group_id=group)
        watcher.poll(timeout_ms=100)
        assert watcher.committed(TopicPartition(topic, 0)) in {None, 0}

    def test_unsubscribe_and_assign_commit(self, harness: Harness) -> None:
        """What is dropped by `unsubscribe` or another `assign` is committed first."""
        topics, group = [numbered(harness, 3), numbered(harness, 3)], harness.name()
        consumer = harness.reader(topics[0], group_id=group, enable_auto_commit=True)
        read(consumer, 3)
        consumer.assign([TopicPartition(topics[1], 0)])
        assert consumer.committed(TopicPartition(topics[0], 0)) == 3
        read(consumer, 3)
        consumer.unsubscribe()
        assert consumer.committed(TopicPartition(topics[1], 0)) == 3

    def test_without_it_nothing_is_committed(self, harness: Harness) -> None:
        """With `enable_auto_commit=False` neither poll nor close commits."""
        topic, group = numbered(harness, 3), harness.name()
        with harness.consumer(topic, group_id=group, enable_auto_commit=False) as consumer:
            read(consumer, 3)
        assert _committed(harness, topic, group) is None

    def test_without_a_group_it_is_silently_off(self, harness: Harness) -> None:
        """Automatic commits without `group_id` are no error: nothing is committed."""
        with harness.reader(numbered(harness, 3), enable_auto_commit=True) as consumer:
            read(consumer, 3)

    def test_a_listener_may_commit(self, harness: Harness) -> None:
        """In `on_partitions_revoked` a commit is still accepted, the position still known."""
        topic, group = numbered(harness, 5), harness.name()
        consumer = harness.consumer(group_id=group)

        class Committing(ConsumerRebalanceListener):
            def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
                pass

            def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
                consumer.commit()

        consumer.subscribe([topic], listener=Committing())
        _loop(consumer, 3)
        consumer.unsubscribe()
        assert _committed(harness, topic, group) == 3
