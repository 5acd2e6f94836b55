"""redis-py, as one would use it for streams: in batches of 500, and one by one."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from redis import Redis

from benchmarks.latency import Latency
from benchmarks.peer import Consumes, Produces, reading
from benchmarks.sample import BATCH, batches, pairs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.latency import Receive, Send
    from benchmarks.peer import Work

_GROUP, _MEMBER = "group", "member"


class Pipelined(Produces):
    """XADD, 500 in a pipeline."""

    name = "redis-py pipelined XADD(500)"

    @contextmanager
    def opened(self, topic: str) -> Iterator[Work]:
        """Lend a function that sends pipelines."""
        with Redis.from_url(self.ground.url) as client:

            def send(count: int) -> None:
                for batch in batches(count):
                    pipeline = client.pipeline(transaction=False)
                    for key, value in batch:
                        pipeline.xadd(topic, {b"k": key, b"v": value})
                    pipeline.execute()

            yield send


class OneByOne(Produces):
    """XADD, a round trip each."""

    name = "redis-py XADD one by one"
    share = 0.02

    @contextmanager
    def opened(self, topic: str) -> Iterator[Work]:
        """Lend a function that sends one by one."""
        with Redis.from_url(self.ground.url) as client:

            def send(count: int) -> None:
                for key, value in pairs(count):
                    client.xadd(topic, {b"k": key, b"v": value})

            yield send


class Xread(Consumes):
    """Plain XREAD."""

    name = "redis-py XREAD(500)"

    @contextmanager
    def opened(self, topic: str) -> Iterator[Work]:
        """Lend a function that reads on."""
        with Redis.from_url(self.ground.url) as client:
            yield reading(_batches(client, topic))


class XreadGroup(Consumes):
    """XREADGROUP, and one XACK for each batch."""

    name = "redis-py XREADGROUP(500)"
    batch = BATCH

    @contextmanager
    def opened(self, topic: str) -> Iterator[Work]:
        """Lend a function that reads and acknowledges; the group is new each time."""
        with Redis.from_url(self.ground.url) as client:
            client.xgroup_create(topic, _GROUP, "0")
            try:
                yield reading(lambda: self._read(client, topic))
            finally:
                client.xgroup_destroy(topic, _GROUP)

    def _read(self, client: Redis, topic: str) -> int:
        reply: Any = client.xreadgroup(_GROUP, _MEMBER, {topic: ">"}, count=self.batch, block=1000)
        entries = _entries(reply)
        client.xack(topic, _GROUP, *[entry_id for entry_id, _ in entries])
        return len(_values(entries))


class XreadGroupOneByOne(XreadGroup):
    """XREADGROUP and XACK, two round trips a record."""

    name = "redis-py XREADGROUP one by one"
    batch = 1
    share = 0.02


class XreadBlock(Latency):
    """XADD, and a reader blocked in XREAD."""

    name = "redis-py XADD, XREAD BLOCK"

    @contextmanager
    def opened(self, topic: str) -> Iterator[tuple[Send, Receive]]:
        """Lend both ends, each with its connection."""
        with Redis.from_url(self.ground.url) as writer, Redis.from_url(self.ground.url) as client:
            read = _following(client, topic)
            yield lambda value: writer.xadd(topic, {b"v": value}), lambda: _values(read())


def _batches(client: Redis, topic: str) -> Callable[[], int]:
    read = _following(client, topic)
    return lambda: len(_values(read()))


def _following(client: Redis, topic: str) -> Callable[[], list[Any]]:
    """Return a function that reads the entries behind those it returned before."""
    last: Any = "0"

    def read() -> list[Any]:
        nonlocal last
        entries = _entries(client.xread({topic: last}, count=BATCH, block=1000))
        if entries:
            last = entries[-1][0]
        return entries

    return read


def _entries(reply: Any) -> list[Any]:
    """Return the entries of the one stream; RESP2 answers with a list, RESP3 with a dict."""
    if not reply:
        return []
    if isinstance(reply, dict):
        (found,) = reply.values()
        return list(found[0])
    return list(reply[0][1])


def _values(entries: list[Any]) -> list[bytes]:
    return [fields[b"v"] for _, fields in entries]
