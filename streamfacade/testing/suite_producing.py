"""What becomes of records that are sent: futures, callbacks, flush, close."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from streamfacade import RecordMetadata, TopicPartition
from streamfacade.driver import Capability
from streamfacade.errors import KafkaError, KafkaTimeoutError, MessageSizeTooLargeError
from streamfacade.testing.harness import PATIENCE, read, requires, until, values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamfacade import Producer
    from streamfacade.testing.harness import Harness

Report = tuple["BaseException | None", RecordMetadata]


@contextmanager
def held(producer: Producer[Any, Any], topic: str) -> Iterator[None]:
    """Keep the producer's background thread busy, in a callback, for the time of the block."""
    entered, leave = threading.Event(), threading.Event()

    def hold(*_: object) -> None:
        entered.set()
        leave.wait(PATIENCE)

    producer.produce(topic, b"hold", on_delivery=hold)
    assert entered.wait(PATIENCE)
    try:
        yield
    finally:
        leave.set()


def strict(harness: Harness) -> str:
    """Return a topic that refuses records above 2000 bytes, after they have been sent."""
    return harness.topic(max_message_bytes=2000)


class TestFutures:
    """What `send` returns."""

    def test_a_future_becomes_the_metadata(self, harness: Harness) -> None:
        """`get` waits and returns the record's metadata; the future's attributes follow."""
        topic, producer = harness.topic(), harness.producer()
        future = producer.send(topic, b"v")
        metadata = future.get(timeout=PATIENCE)
        assert (metadata.topic, metadata.partition, metadata.offset) == (topic, 0, 0)
        assert (future.is_done, future.succeeded(), future.failed()) == (True, True, False)
        assert (future.value, future.exception) == (metadata, None)

    def test_get_gives_up_in_time(self, harness: Harness) -> None:
        """`get(timeout)` raises KafkaTimeoutError; the record is not harmed by that."""
        topic, producer = harness.topic(), harness.producer()
        with held(producer, topic):
            future = producer.send(topic, b"v")
            for timeout in (0, 0.05):
                with pytest.raises(KafkaTimeoutError):
                    future.get(timeout)
            assert not future.is_done
        assert future.get(PATIENCE).offset == 1

    def test_a_record_the_server_refuses_fails_its_future(self, harness: Harness) -> None:
        """An error of the server is raised by `get`, and stays on the future."""
        future = harness.producer().send(strict(harness), b"x" * 3000)
        with pytest.raises(MessageSizeTooLargeError):
            future.get(PATIENCE)
        assert (future.is_done, future.succeeded(), future.failed()) == (True, False, True)
        assert isinstance(future.exception, MessageSizeTooLargeError)
        assert not future.retriable()

    @requires(Capability.LONE_REFUSAL)
    def test_a_refused_record_fails_alone(self, harness: Harness) -> None:
        """Records around a refused one are stored, without a hole in the offsets."""
        topic, producer = strict(harness), harness.producer(linger_ms=20)
        sizes = (1, 3000, 2, 3000, 3000, 3)
        futures = [producer.send(topic, b"x" * size) for size in sizes]
        producer.flush(PATIENCE)
        assert [future.failed() for future in futures] == [size == 3000 for size in sizes]
        stored = read(harness.reader(topic), 3)
        assert [(r.offset, len(r.value)) for r in stored] == [(0, 1), (1, 2), (2, 3)]

    def test_callbacks_get_the_metadata(self, harness: Harness) -> None:
        """`add_callback` returns the future; its arguments come before the metadata."""
        producer, seen = harness.producer(), []
        future = producer.send(harness.topic(), b"v")
        assert future.add_callback(lambda *a, **k: seen.append((a, k)), 1, 2, c=3) is future
        future.add_errback(lambda error: seen.append(error))
        producer.flush(PATIENCE)
        assert seen == [((1, 2, future.value), {"c": 3})]

    def test_errbacks_get_the_error(self, harness: Harness) -> None:
        """`add_errback` and `add_both` hear of the failure, `add_callback` does not."""
        producer, seen = harness.producer(), []
        future = producer.send(strict(harness), b"x" * 3000)
        future.add_callback(lambda metadata: seen.append(("ok", metadata)))
        future.add_errback(lambda error: seen.append(("error", error)))
        future.add_both(lambda either: seen.append(("both", either)))
        producer.flush(PATIENCE)
        assert seen == [("error", future.exception), ("both", future.exception)]

    def test_a_late_callback_is_called_at_once(self, harness: Harness) -> None:
        """On a future that is done the callback runs in the caller's thread."""
        producer, seen = harness.producer(), []
        future = producer.send(harness.topic(), b"v")
        future.get(PATIENCE)
        future.add_callback(lambda _: seen.append(threading.current_thread()))
        assert seen == [threading.current_thread()]

    def test_callbacks_run_in_the_background(self, harness: Harness) -> None:
        """A callback that was there first runs on the producer's thread, without `poll`."""
        topic, producer, seen = harness.topic(), harness.producer(), []
        with held(producer, topic):
            producer.send(topic, b"v").add_callback(lambda _: seen.append(threading.get_ident()))
        until(lambda: seen, "the callback has run")
        assert seen != [threading.get_ident()]

    def test_a_raising_callback_harms_nobody(self, harness: Harness) -> None:
        """What a callback raises is swallowed; other callbacks and records go on."""
        topic, producer, seen = harness.topic(), harness.producer(), []
        with held(producer, topic):
            first = producer.send(topic, b"1").add_callback(lambda _: 1 / 0)
            first.add_callback(lambda metadata: seen.append(metadata.offset))
            second = producer.send(topic, b"2")
        assert second.get(PATIENCE).offset == 2
        assert seen == [1]

    def test_a_future_can_be_awaited(self, harness: Harness) -> None:
        """In asyncio, awaiting a future gives the metadata, or raises."""
        topics, producer = (harness.topic(), strict(harness)), harness.producer()

        async def send() -> list[Any]:
            good, bad = (producer.send(topic, b"x" * 3000) for topic in topics)

            async def wait(future: Any) -> Any:
                return await future

            return list(await asyncio.gather(wait(good), wait(bad), return_exceptions=True))

        metadata, error = asyncio.run(send())
        assert metadata.offset == 0
        assert isinstance(error, MessageSizeTooLargeError)


class TestDelivery:
    """`produce(on_delivery=)`."""

    def test_each_record_is_reported_once(self, harness: Harness) -> None:
        """`on_delivery` is called once for each record, in order, and by flush's end for all."""
        topic, producer = harness.topic(), harness.producer()
        reports: list[Report] = []
        for n in range(500):
            produced = producer.produce(  # type: ignore[func-returns-value] # that is the question
                topic, b"%d" % n, on_delivery=lambda error, record: reports.append((error, record))
            )
            assert produced is None
        producer.flush(PATIENCE)
        assert [(error, record.offset) for error, record in reports] == [
            (None, n) for n in range(500)
        ]

    def test_reports_come_on_one_background_thread(self, harness: Harness) -> None:
        """All reports come on one thread, which is none of the caller's."""
        topic, producer = harness.topic(partitions=3), harness.producer()
        threads: set[int] = set()
        for n in range(60):
            producer.produce(
                topic, b"v", partition=n % 3,
                on_delivery=lambda *_: threads.add(threading.get_ident()),
            )  # fmt: skip
        producer.flush(PATIENCE)
        assert len(threads) == 1
        assert threading.get_ident() not in threads

    def test_metadata_comes_with_the_error_too(self, harness: Harness) -> None:
        """A failure is reported with the record's topic, partition and sizes, offset -1."""
        topic, producer = strict(harness), harness.producer()
        reports: list[Report] = []
        producer.produce(
            topic, b"x" * 3000, b"key", on_delivery=lambda *report: reports.append(report)
        )  # fmt: skip
        producer.flush(PATIENCE)
        ((error, record),) = reports
        assert isinstance(error, MessageSizeTooLargeError)
        assert record == (topic, 0, TopicPartition(topic, 0), -1, -1, None, 3, 3000, -1)

    def test_a_raising_report_harms_nobody(self, harness: Harness) -> None:
        """What `on_delivery` raises is swallowed; the reports after it come."""
        topic, producer, seen = harness.topic(), harness.producer(), []

        def raising(_error: object, record: RecordMetadata) -> None:
            seen.append(record.offset)
            raise ValueError(record)

        for _ in range(20):
            producer.produce(topic, b"v", on_delivery=raising)
        producer.flush(PATIENCE)
        assert seen == list(range(20))

    def test_a_callback_may_send(self, harness: Harness) -> None:
        """From a callback the next record may be sent, through the same producer."""
        topic, producer, done = harness.topic(), harness.producer(), threading.Event()

        def again(_error: object, record: RecordMetadata) -> None:
            if record.offset == 9:
                done.set()
            else:
                producer.produce(topic, b"%d" % (record.offset + 1), on_delivery=again)

        producer.produce(topic, b"0", on_delivery=again)
        assert done.wait(PATIENCE)
        assert values(read(harness.reader(topic), 10)) == [b"%d" % n for n in range(10)]

    def test_nobody_needs_to_poll(self, harness: Harness) -> None:
        """`poll` exists, does not block and is not needed."""
        producer, done = harness.producer(), threading.Event()
        assert producer.poll(0) == 0
        producer.produce(harness.topic(), b"v", on_delivery=lambda *_: done.set())
        assert done.wait(PATIENCE)


class TestFlush:
    """`flush`."""

    def test_after_flush_everything_is_settled(self, harness: Harness) -> None:
        """When `flush` returns, every earlier record is stored or failed, and says so."""
        topics, producer = (harness.topic(), strict(harness)), harness.producer(linger_ms=5000)
        futures = [producer.send(topic, b"x" * 3000) for topic in topics * 100]
        producer.flush()
        assert [future.succeeded() for future in futures] == [True, False] * 100
        assert [harness.end(topic) for topic in topics] == [100, 0]

    def test_flush_covers_other_threads(self, harness: Harness) -> None:
        """Records that other threads sent before are covered too."""
        topic, producer = harness.topic(), harness.producer(linger_ms=1000)
        with ThreadPoolExecutor(4) as pool:
            futures = list(pool.map(lambda n: producer.send(topic, b"%d" % n), range(40)))
        producer.flush(PATIENCE)
        assert all(future.succeeded() for future in futures)

    def test_flush_gives_up_in_time(self, harness: Harness) -> None:
        """`flush(timeout)` raises KafkaTimeoutError while something is not settled."""
        topic, producer = harness.topic(), harness.producer()
        with held(producer, topic):
            producer.send(topic, b"v")
            began = time.monotonic()
            with pytest.raises(KafkaTimeoutError):
                producer.flush(timeout=0.2)
            assert 0.15 < time.monotonic() - began < 5
        producer.flush(PATIENCE)

    def test_flush_of_nothing_is_nothing(self, harness: Harness) -> None:
        """`flush` returns at once where nothing waits, and does nothing after `close`."""
        producer = harness.producer()
        producer.flush(timeout=5)
        producer.close()
        producer.flush()


class TestClose:
    """The producer's end."""

    def test_close_sends_what_waits(self, harness: Harness) -> None:
        """`close` sends all that was buffered, however long it would have lingered."""
        topic, producer = harness.topic(), harness.producer(linger_ms=60_000)
        futures = [producer.send(topic, b"v") for _ in range(100)]
        producer.close()
        assert [future.get(0).offset for future in futures] == list(range(100))

    def test_leaving_the_block_closes(self, harness: Harness) -> None:
        """`with` closes, also when an exception leaves it, and what was sent is sent."""
        topic = harness.topic()
        producer = harness.producer(linger_ms=60_000)
        with pytest.raises(ZeroDivisionError), producer:
            future = producer.send(topic, b"v")
            raise ZeroDivisionError
        assert future.get(0).offset == 0

    def test_close_again_is_harmless(self, harness: Harness) -> None:
        """A second `close` does nothing."""
        producer = harness.producer()
        producer.close()
        producer.close()
        producer.close(timeout=0)

    def test_close_refuses_a_negative_timeout(self, harness: Harness) -> None:
        """A negative timeout is a ValueError, and the producer stays open."""
        producer = harness.producer()
        with pytest.raises(ValueError, match="timeout"):
            producer.close(timeout=-1)
        assert producer.send(harness.topic(), b"v").get(PATIENCE).offset == 0

    def test_close_without_time_settles_everything(self, harness: Harness) -> None:
        """`close(0)` waits for nothing: each record is either stored or failed, none is pending."""
        topic, producer = harness.topic(), harness.producer(linger_ms=60_000)
        futures = [producer.send(topic, b"%d" % n) for n in range(200)]
        began = time.monotonic()
        producer.close(timeout=0)
        assert time.monotonic() - began < 5
        until(lambda: all(future.is_done for future in futures), "every future is done")
        assert all(isinstance(f.exception, KafkaError) for f in futures if f.failed())
        assert harness.end(topic) >= sum(future.succeeded() for future in futures)

    def test_close_does_not_wait_for_a_callback(self, harness: Harness) -> None:
        """`close(timeout)` returns in time, though a callback blocks the background thread."""
        topic, producer = harness.topic(), harness.producer()
        with held(producer, topic):
            future = producer.send(topic, b"v")
            began = time.monotonic()
            producer.close(timeout=0.2)
            assert time.monotonic() - began < 5
        until(lambda: future.is_done, "the future is done")

    def test_close_of_an_idle_producer_is_prompt(self, harness: Harness) -> None:
        """A producer with nothing to send closes at once."""
        topic, producer = harness.topic(), harness.producer()
        producer.send(topic, b"v").get(PATIENCE)
        began = time.monotonic()
        producer.close()
        assert time.monotonic() - began < 2
