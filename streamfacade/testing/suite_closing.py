"""The end of consumers: from another thread, again, in a block, after a fork."""

from __future__ import annotations

import os
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from streamfacade import ConsumerRebalanceListener, TopicPartition
from streamfacade.errors import IllegalStateError, KafkaError
from streamfacade.testing.harness import PATIENCE, polling, read
from streamfacade.testing.suite_consuming import numbered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from streamfacade import Consumer
    from streamfacade.testing.harness import Harness

JOINED = pytest.mark.parametrize("joined", [True, False], ids=["member", "alone"])


def _idle(harness: Harness, *, joined: bool, **options: Any) -> Consumer[Any, Any]:
    """Return a consumer that has its partition, and nothing to read."""
    topic = harness.topic()
    if not joined:
        return harness.reader(topic, **options)
    consumer = harness.consumer(topic, group_id=harness.name(), **options)
    polling(consumer, consumer.assignment, "joined")
    return consumer


@contextmanager
def _elsewhere(call: Callable[[], Any]) -> Iterator[list[Any]]:
    """Run a call in a thread; the list gets its result, and the time it ended."""
    results: list[Any] = []
    entered = threading.Event()

    def run() -> None:
        entered.set()
        results.extend([call(), time.monotonic()])

    thread = threading.Thread(target=run)
    thread.start()
    entered.wait(PATIENCE)
    yield results
    thread.join(PATIENCE)


class TestCloseElsewhere:
    """`close` while another thread waits for records."""

    @JOINED
    def test_a_waiting_poll_returns_nothing(self, harness: Harness, *, joined: bool) -> None:
        """A blocked `poll` returns {} within a second of `close`, and later ones raise."""
        consumer = _idle(harness, joined=joined)
        with _elsewhere(lambda: consumer.poll(timeout_ms=60_000)) as results:
            time.sleep(0.1)
            closing = time.monotonic()
            consumer.close()
        assert results[0] == {}
        assert results[1] - closing < 1
        with pytest.raises(IllegalStateError):
            consumer.poll()

    @JOINED
    def test_a_waiting_loop_ends(self, harness: Harness, *, joined: bool) -> None:
        """A blocked iteration ends within a second of `close`."""
        consumer = _idle(harness, joined=joined)
        with _elsewhere(lambda: list(consumer)) as results:
            time.sleep(0.1)
            closing = time.monotonic()
            consumer.close()
        assert results[0] == []
        assert results[1] - closing < 1

    @JOINED
    def test_close_itself_is_prompt(self, harness: Harness, *, joined: bool) -> None:
        """`close` does not wait for the poll of another thread to time out."""
        consumer = _idle(harness, joined=joined)
        with _elsewhere(lambda: consumer.poll(timeout_ms=60_000)):
            time.sleep(0.05)
            began = time.monotonic()
            consumer.close()
            assert time.monotonic() - began < 3


class TestClosedConsumer:
    """A consumer after `close`."""

    def test_close_again_is_harmless(self, harness: Harness) -> None:
        """A second `close` does nothing, from any thread."""
        consumer = _idle(harness, joined=False)
        consumer.close()
        consumer.close()
        with _elsewhere(consumer.close):
            consumer.close(autocommit=False, timeout_ms=0)

    def test_it_can_be_used_no_more(self, harness: Harness) -> None:
        """Every call that would need the server is an IllegalStateError."""
        topic = harness.topic()
        place, consumer = TopicPartition(topic, 0), harness.reader(topic, group_id=harness.name())
        consumer.close()
        for call in (
            consumer.poll,
            consumer.commit,
            consumer.commit_async,
            consumer.unsubscribe,
            consumer.topics,
            consumer.seek_to_end,
            lambda: consumer.subscribe([topic]),
            lambda: consumer.assign([place]),
            lambda: consumer.position(place),
            lambda: consumer.committed(place),
            lambda: consumer.seek(place, 0),
            lambda: consumer.end_offsets([place]),
            lambda: consumer.offsets_for_times({place: 0}),
            lambda: consumer.partitions_for_topic(topic),
        ):
            with pytest.raises(IllegalStateError):
                call()

    def test_iterating_ends_at_once(self, harness: Harness) -> None:
        """Iterating over a closed consumer yields nothing."""
        consumer = harness.reader(numbered(harness, 3))
        assert next(consumer).value == b"0"
        consumer.close()
        assert list(consumer) == []

    def test_it_still_says_what_it_had(self, harness: Harness) -> None:
        """`assignment` and `group_metadata` answer after `close` too."""
        consumer = _idle(harness, joined=True)
        group = consumer.group_metadata().group_id
        consumer.close()
        assert isinstance(consumer.assignment(), set)
        assert consumer.group_metadata().group_id == group

    def test_leaving_the_block_closes(self, harness: Harness) -> None:
        """`with` closes, also when an exception leaves it."""
        with _idle(harness, joined=False) as consumer:
            pass
        with pytest.raises(IllegalStateError):
            consumer.poll()
        with pytest.raises(ZeroDivisionError), _idle(harness, joined=False) as consumer:
            raise ZeroDivisionError
        with pytest.raises(IllegalStateError):
            consumer.poll()

    def test_a_listener_cannot_keep_it_open(self, harness: Harness) -> None:
        """What a listener raises comes out of `close`, and the consumer is closed."""

        class Raising(ConsumerRebalanceListener):
            def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
                pass

            def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
                raise ZeroDivisionError

        consumer = harness.consumer(group_id=harness.name())
        consumer.subscribe([numbered(harness, 1)], listener=Raising())
        read(consumer, 1)
        with pytest.raises(KafkaError) as caught:
            consumer.close()
        assert isinstance(caught.value.__cause__, ZeroDivisionError)
        with pytest.raises(IllegalStateError):
            consumer.poll()

    def test_the_members_place_is_free_at_once(self, harness: Harness) -> None:
        """A member that closes leaves its group: the next one need not wait for its session."""
        topic, group = numbered(harness, 3), harness.name()
        first = harness.consumer(topic, group_id=group)
        read(first, 3)
        first.close()
        began = time.monotonic()
        read(harness.consumer(topic, group_id=group), 3)
        assert time.monotonic() - began < 10

    def test_ten_at_once(self, harness: Harness) -> None:
        """Ten consumers that are opened and closed at once leave everything as it was."""
        topic = numbered(harness, 5)

        def open_and_close() -> None:
            with harness.reader(topic):
                pass

        threads = [threading.Thread(target=open_and_close) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        assert len(read(harness.reader(topic), 5)) == 5


class TestFork:
    """Clients that came through a fork."""

    def test_a_child_cannot_use_its_parents_clients(self, harness: Harness) -> None:
        """In a forked child every client raises IllegalStateError; in the parent all go on."""
        topic = numbered(harness, 1)
        producer, consumer, admin = harness.producer(), harness.reader(topic), harness.admin()
        refused = _in_a_child(
            lambda: producer.send(topic, b"v"), consumer.poll, consumer.topics, admin.list_topics
        )
        assert refused == 4
        assert producer.send(topic, b"1").get(PATIENCE).offset == 1
        assert len(read(consumer, 2)) == 2
        assert topic in admin.list_topics()

    def test_a_child_may_close_them(self, harness: Harness) -> None:
        """Closing in the child neither blocks nor closes anything of the parent's."""
        topic = numbered(harness, 1)
        producer, consumer = harness.producer(), harness.reader(topic)
        assert _in_a_child(producer.close, consumer.close) == 0
        assert producer.send(topic, b"1").get(PATIENCE).offset == 1
        assert len(read(consumer, 2)) == 2


def _in_a_child(*calls: Callable[[], Any]) -> int:
    """Make calls in a forked process; return how many of them were IllegalStateErrors."""
    child = os.fork()
    if child == 0:
        os._exit(_refusals(calls))
    waited, status = os.waitpid(child, 0)
    assert waited == child
    return os.waitstatus_to_exitcode(status)


def _refusals(calls: tuple[Callable[[], Any], ...]) -> int:
    count = 0
    for call in calls:
        try:
            call()
        except IllegalStateError:
            count += 1
        except BaseException:  # noqa: BLE001 - a child has only its exit code to tell
            return 99
    return count
