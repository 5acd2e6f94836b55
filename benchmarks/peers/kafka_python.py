"""kafka-python: the names and idioms that ours are modelled on."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from benchmarks.peer import Consumes, Produces, optional, reading
from benchmarks.sample import BATCH, pairs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.peer import Work

_PATIENCE = 60


class KafkaPythonProduces(Produces):
    """send() with an errback for each record."""

    name = "kafka-python send()"
    share = 0.05

    def setup(self, count: int) -> None:
        """Find the library."""
        super().setup(count)
        self._library = optional("kafka")

    @contextmanager
    def opened(self, topic: str) -> Iterator[Work]:
        """Lend a function that sends and waits for all of them."""
        server = self.ground.url.removeprefix("kafka://")
        producer = self._library.KafkaProducer(bootstrap_servers=server, acks="all", linger_ms=0)
        failures: list[BaseException] = []

        def send(count: int) -> None:
            for key, value in pairs(count):
                producer.send(topic, value, key).add_errback(failures.append)
            producer.flush(_PATIENCE)

        with closing(producer):
            yield send
        assert not failures, failures[0]


class KafkaPythonConsumes(Consumes):
    """poll() of 500."""

    name = "kafka-python poll(500)"
    share = 0.1

    def setup(self, count: int) -> None:
        """Find the library."""
        self._library = optional("kafka")
        super().setup(count)

    @contextmanager
    def opened(self, topic: str) -> Iterator[Work]:
        """Lend a function that reads on."""
        server = self.ground.url.removeprefix("kafka://")
        consumer = self._library.KafkaConsumer(bootstrap_servers=server, max_poll_records=BATCH)
        partition = self._library.TopicPartition(topic, 0)
        consumer.assign([partition])
        consumer.seek_to_beginning(partition)

        def batch() -> int:
            found = consumer.poll(1000)
            return len([record.value for records in found.values() for record in records])

        with closing(consumer):
            yield reading(batch)
