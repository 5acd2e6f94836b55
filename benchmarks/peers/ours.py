"""streamfacade, the same on every backend: that is its point."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from benchmarks.latency import Latency
from benchmarks.peer import Consumes, Produces, reading
from benchmarks.sample import pairs
from streamfacade import Consumer, Producer, TopicPartition

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.latency import Receive, Send
    from benchmarks.peer import Work


class Produce(Produces):
    """produce() with a callback for each record."""

    name = "ours produce(on_delivery=)"

    @contextmanager
    def opened(self, topic: str) -> Iterator[Work]:
        """Lend a function that sends and waits for all reports."""
        failures: list[object] = []

        def delivered(error: object, _metadata: object) -> None:
            if error:
                failures.append(error)

        def send(count: int) -> None:
            for key, value in pairs(count):
                producer.produce(topic, value, key, on_delivery=delivered)
            producer.flush()

        with Producer[bytes, bytes](bootstrap_servers=self.ground.url) as producer:
            yield send
        assert not failures, failures[0]


class SendFutures(Produces):
    """send(), and the futures of all records asked."""

    name = "ours send() and futures"

    @contextmanager
    def opened(self, topic: str) -> Iterator[Work]:
        """Lend a function that sends and waits for all futures."""

        def send(count: int) -> None:
            futures = [producer.send(topic, value, key) for key, value in pairs(count)]
            for future in futures:
                future.get(60)

        with Producer[bytes, bytes](bootstrap_servers=self.ground.url) as producer:
            yield send


class Consume(Consumes):
    """poll() of 500 full records, outside any group."""

    name = "ours poll(500)"

    @contextmanager
    def opened(self, topic: str) -> Iterator[Work]:
        """Lend a function that reads on."""
        with _alone(self.ground.url, topic) as consumer:
            yield reading(lambda: len(_values(consumer)))


class ConsumeInGroup(Consumes):
    """The same in a group of its own that commits ten times a second."""

    name = "ours poll(500) in a group"

    @contextmanager
    def opened(self, topic: str) -> Iterator[Work]:
        """Lend a function that reads on."""
        group = {"group_id": f"bench-{uuid4().hex}", "auto_commit_interval_ms": 100}
        options = {"auto_offset_reset": "earliest", **group}
        with Consumer(topic, bootstrap_servers=self.ground.url, **options) as consumer:
            yield reading(lambda: len(_values(consumer)))


class EndToEnd(Latency):
    """produce() and poll()."""

    name = "ours"

    @contextmanager
    def opened(self, topic: str) -> Iterator[tuple[Send, Receive]]:
        """Lend both ends."""
        url = self.ground.url
        with (
            Producer[bytes, bytes](bootstrap_servers=url) as producer,
            _alone(url, topic) as reader,
        ):
            yield partial(producer.produce, topic), lambda: _values(reader)


@contextmanager
def _alone(url: str, topic: str) -> Iterator[Consumer[Any, Any]]:
    with Consumer(bootstrap_servers=url, auto_offset_reset="earliest") as consumer:
        consumer.assign([TopicPartition(topic, 0)])
        yield consumer


def _values(consumer: Consumer[Any, Any]) -> list[bytes]:
    found = consumer.poll(1000)
    return [record.value for records in found.values() for record in records]
