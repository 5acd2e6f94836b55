"""confluent-kafka without anything on top: what there is to lose on Kafka."""

from __future__ import annotations

from contextlib import closing, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, Producer, TopicPartition

from benchmarks.latency import Latency
from benchmarks.peer import Consumes, Produces, reading
from benchmarks.sample import BATCH, pairs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.latency import Receive, Send
    from benchmarks.peer import Work

_FULL = 0.01


class Raw(Produces):
    """produce() with a callback for each record; linger and idempotence as ours."""

    name = "confluent-kafka produce()"

    @contextmanager
    def opened(self, topic: str) -> Iterator[Work]:
        """Lend a function that sends and waits for all reports."""
        producer, failures = _producer(self.ground.url), []

        def delivered(error: object, _message: Message) -> None:
            if error:
                failures.append(error)

        def send(count: int) -> None:
            for number, (key, value) in enumerate(pairs(count)):
                try:
                    producer.produce(topic, value, key, on_delivery=delivered)
                except BufferError:
                    _insist(producer, topic, value, key, delivered)
                if not number % BATCH:
                    producer.poll(0)
            producer.flush()

        with closing(producer):
            yield send
        assert not failures, failures[0]


class RawConsume(Consumes):
    """consume(500) and value()."""

    name = "confluent-kafka consume(500)"

    @contextmanager
    def opened(self, topic: str) -> Iterator[Work]:
        """Lend a function that reads on."""
        with closing(_consumer(self.ground.url, topic)) as consumer:
            yield reading(lambda: len(_values(consumer.consume(BATCH, 1))))


class RawLatency(Latency):
    """produce() and poll()."""

    name = "confluent-kafka produce()"

    @contextmanager
    def opened(self, topic: str) -> Iterator[tuple[Send, Receive]]:
        """Lend both ends."""
        producer = _producer(self.ground.url)
        with closing(producer), closing(_consumer(self.ground.url, topic)) as consumer:
            yield partial(producer.produce, topic), lambda: _one(consumer)
            producer.flush()


def _producer(url: str) -> Producer:
    return Producer(_common(url) | {"linger.ms": 0, "enable.idempotence": True, "acks": "all"})


def _consumer(url: str, topic: str) -> Consumer:
    alone = {"group.id": topic, "enable.auto.commit": False}
    # Its default lets a reader that outran the network wait for a second.
    consumer = Consumer(_common(url) | alone | {"fetch.queue.backoff.ms": 5})
    consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
    return consumer


def _common(url: str) -> dict[str, Any]:
    return {"bootstrap.servers": url.removeprefix("kafka://")}


def _insist(producer: Producer, topic: str, value: bytes, key: bytes, delivered: Any) -> None:
    """Send as soon as the queue has room again."""
    while True:
        producer.poll(_FULL)
        with suppress(BufferError):
            producer.produce(topic, value, key, on_delivery=delivered)
            return


def _one(consumer: Consumer) -> list[bytes | None]:
    message = consumer.poll(1)
    return _values([message]) if message else []


def _values(messages: list[Message]) -> list[bytes | None]:
    assert not any(map(Message.error, messages)), "Kafka refuses to be read"
    return list(map(Message.value, messages))
