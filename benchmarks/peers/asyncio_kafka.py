"""aiokafka: Kafka for asyncio. Its event loop turns only while it has work to do."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from benchmarks.peer import Consumes, Produces, optional
from benchmarks.sample import BATCH, pairs

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from benchmarks.peer import Work


class AioKafkaProduces(Produces):
    """send() and the futures of all records awaited."""

    name = "aiokafka send()"
    share = 0.25

    def setup(self, count: int) -> None:
        """Find the library."""
        super().setup(count)
        self._library = optional("aiokafka")

    @contextmanager
    def opened(self, topic: str) -> Iterator[Work]:
        """Lend a function that sends and waits for all of them."""

        def make() -> Any:
            options = {"linger_ms": 0, "enable_idempotence": True}
            return self._library.AIOKafkaProducer(bootstrap_servers=_server(self), **options)

        async def send(producer: Any, count: int) -> None:
            sent = [await producer.send(topic, value, key) for key, value in pairs(count)]
            await producer.flush()
            await asyncio.gather(*sent)

        with _working(make, send) as work:
            yield work


class AioKafkaConsumes(Consumes):
    """getmany() of 500."""

    name = "aiokafka getmany(500)"

    def setup(self, count: int) -> None:
        """Find the library."""
        self._library = optional("aiokafka")
        super().setup(count)

    @contextmanager
    def opened(self, topic: str) -> Iterator[Work]:
        """Lend a function that reads on."""

        def make() -> Any:
            consumer = self._library.AIOKafkaConsumer(
                bootstrap_servers=_server(self), auto_offset_reset="earliest"
            )
            consumer.assign([self._library.TopicPartition(topic, 0)])
            return consumer

        async def read(consumer: Any, count: int) -> None:
            while count > 0:
                found = await consumer.getmany(timeout_ms=1000, max_records=BATCH)
                count -= len([record.value for records in found.values() for record in records])

        with _working(make, read) as work:
            yield work


def _server(peer: Produces | Consumes) -> str:
    return peer.ground.url.removeprefix("kafka://")


@contextmanager
def _working(
    make: Callable[[], Any], work: Callable[[Any, int], Awaitable[None]]
) -> Iterator[Work]:
    """Lend a client's asynchronous work as a plain function."""
    loop = asyncio.new_event_loop()

    async def started() -> Any:
        client = make()
        await client.start()
        return client

    client = loop.run_until_complete(started())
    try:
        yield lambda count: loop.run_until_complete(work(client, count))
    finally:
        loop.run_until_complete(client.stop())
        loop.close()
