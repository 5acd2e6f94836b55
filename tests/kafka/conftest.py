"""The driver at port level: a sink in the facade's place, and clients that are closed."""

from __future__ import annotations

import secrets
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from streamfacade._settings import settle
from streamfacade.driver import TopicSpec
from streamfacade_kafka import KafkaDriver, open_driver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from streamfacade.structs import TopicPartition

PATIENCE = 30.0


def options(client: str, **given: Any) -> Any:
    """Return a client's options as the facade hands them over."""
    settled = settle(client, given)
    settled["client_id"] = settled["client_id"] or "test"
    return settled


class Sink:
    """Takes partitions and starts them at the committed offset, else at the beginning."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, set[TopicPartition]]] = []
        self.committed: dict[TopicPartition, Any] = {}
        self.consumer: Any = None

    def assigned(self, partitions: Any) -> None:
        """Seek where reading starts."""
        self.calls.append(("assigned", set(partitions)))
        self.committed.update(partitions)
        for partition, committed in partitions.items():
            self.consumer.seek(partition, committed.offset if committed else 0)

    def revoked(self, partitions: Any) -> None:
        """Note it."""
        self.calls.append(("revoked", set(partitions)))

    def lost(self, partitions: Any) -> None:
        """Note it."""
        self.calls.append(("lost", set(partitions)))

    def has(self, what: str) -> bool:
        """Tell whether a call came that named partitions."""
        return any(name == what and partitions for name, partitions in self.calls)


class Reports:
    """Takes reports apart: one tuple for each record."""

    def __init__(self) -> None:
        self.rows: list[tuple[Any, ...]] = []

    def __call__(
        self, topic: Any, partition: Any, records: Any, offsets: Any, timestamps: Any, error: Any
    ) -> None:
        """Take a report apart."""
        for record, offset, timestamp in zip(records, offsets, timestamps, strict=True):
            self.rows.append((topic, partition, record[1], offset, timestamp, error))

    @property
    def errors(self) -> list[Any]:
        """What each record's error is."""
        return [row[5] for row in self.rows]

    @property
    def offsets(self) -> list[int]:
        """What each record's offset is."""
        return [row[3] for row in self.rows]

    @property
    def values(self) -> list[Any]:
        """What was sent."""
        return [row[2] for row in self.rows]


class Kafka:
    """Opens clients of the driver."""

    def __init__(self, url: str, stack: ExitStack) -> None:
        self.driver: KafkaDriver = open_driver(url)
        self._stack = stack

    def topic(self, partitions: int = 1, **configs: str) -> str:
        """Create a topic; configs are written with underscores for dots."""
        admin, name = self.admin(), f"kafka-{secrets.token_hex(6)}"
        spec = TopicSpec(name, partitions, 1, {k.replace("_", "."): v for k, v in configs.items()})
        (info,) = admin.create_topics([spec], PATIENCE, validate_only=False)
        assert info.error is None
        return name

    def admin(self) -> Any:
        """Open an admin client."""
        admin = self.driver.open_admin(options("A"))
        self._stack.callback(admin.close)
        return admin

    def producer(self, **given: Any) -> tuple[Any, Reports]:
        """Open a producer."""
        reports = Reports()
        producer = self.driver.open_producer(options("P", **given), reports)
        self._stack.callback(lambda: producer.close(5))
        return producer, reports

    def consumer(self, sink: Sink | None = None, **given: Any) -> tuple[Any, Sink]:
        """Open a consumer."""
        sink = sink or Sink()
        sink.consumer = self.driver.open_consumer(options("C", **given), sink)
        consumer = sink.consumer
        self._stack.callback(lambda: consumer.close(5))  # which a test may have replaced
        return consumer, sink

    def filled(self, count: int, partitions: int = 1, **given: Any) -> str:
        """Return a topic with `count` records, numbered, in turn on its partitions."""
        topic = self.topic(partitions)
        producer, reports = self.producer(**given)
        for number in range(count):
            send(producer, topic, b"%d" % number, number % partitions)
        assert producer.flush(PATIENCE) == 0
        assert not any(reports.errors)
        return topic


def send(producer: Any, topic: str, value: bytes | None, partition: int | None = 0) -> None:
    """Send a value as the facade would."""
    producer.send(topic, partition, (None, value, None, None, None), 100, PATIENCE)


def fetch(consumer: Any, count: int, patience: float = PATIENCE) -> list[Any]:
    """Fetch until there are `count` records."""
    records: list[Any] = []
    deadline = time.monotonic() + patience
    while len(records) < count and time.monotonic() < deadline:
        for listed in consumer.fetch(0.2, 500).values():
            records += listed
    assert len(records) == count
    return records


def fetching(condition: Callable[[], object], *consumers: Any) -> None:
    """Fetch, whatever comes, until something holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        for consumer in consumers:
            consumer.fetch(0.05, 500)


@pytest.fixture
def kafka(kafka_url: str) -> Iterator[Kafka]:
    """Give the driver on the Kafka that all tests share."""
    with ExitStack() as stack:
        yield Kafka(kafka_url, stack)
