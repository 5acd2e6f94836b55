"""Where peers run: topics of ours on any backend, plain streams for redis-py. Leave nothing."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Protocol
from uuid import uuid4

from redis import Redis

from benchmarks.sample import batches, pairs
from streamfacade import Admin, Producer
from streamfacade.errors import UnknownTopicOrPartitionError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager


class Ground(Protocol):
    """One server, as peers see it."""

    url: str

    def fresh(self) -> AbstractContextManager[str]:
        """Lend an empty topic of one partition."""

    def filled(self, count: int) -> str:
        """Return a topic of at least `count` records that nobody writes to; kept until `close`."""

    def close(self) -> None:
        """Remove everything."""


class _Ground:
    """What both kinds share: full topics are filled once."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._full: dict[str, int] = {}

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """Lend an empty topic."""
        topic = self._create()
        try:
            yield topic
        finally:
            self._delete(topic)

    def filled(self, count: int) -> str:
        """Return a full topic, the one of before if it has enough."""
        for topic, records in self._full.items():
            if records >= count:
                return topic
        topic = self._create()
        self._full[topic] = count
        self._fill(topic, count)
        return topic

    def close(self) -> None:
        """Remove the full topics."""
        while self._full:
            self._delete(self._full.popitem()[0])

    def _create(self) -> str:
        raise NotImplementedError

    def _delete(self, topic: str) -> None:
        raise NotImplementedError

    def _fill(self, topic: str, count: int) -> None:
        raise NotImplementedError


class Topics(_Ground):
    """Topics of streamfacade, which on Kafka are Kafka's own."""

    def _create(self) -> str:
        topic = _name()
        with Admin(bootstrap_servers=self.url) as admin:
            admin.create_topics({topic: {"num_partitions": 1}})
        return topic

    def _delete(self, topic: str) -> None:
        with Admin(bootstrap_servers=self.url) as admin, suppress(UnknownTopicOrPartitionError):
            admin.delete_topics([topic])

    def _fill(self, topic: str, count: int) -> None:
        with Producer(bootstrap_servers=self.url) as producer:
            for key, value in pairs(count):
                producer.produce(topic, value, key)
            producer.flush()


class RedisTopics(Topics):
    """Topics of ours on Redis, in a namespace that is removed with all that is in it."""

    def __init__(self, url: str) -> None:
        self._server, self._namespace = url, _name()
        super().__init__(f"{url}?namespace={self._namespace}")

    def close(self) -> None:
        """Remove the namespace: topics, offsets and groups."""
        super().close()
        with Redis.from_url(self._server) as client:
            for key in client.scan_iter(f"{self._namespace}:*", count=1000):
                client.unlink(key)


class Streams(_Ground):
    """Plain Redis Streams with the fields k and v."""

    def _create(self) -> str:
        return _name()

    def _delete(self, topic: str) -> None:
        with Redis.from_url(self.url) as client:
            client.unlink(topic)

    def _fill(self, topic: str, count: int) -> None:
        with Redis.from_url(self.url) as client:
            for batch in batches(count):
                pipeline = client.pipeline(transaction=False)
                for key, value in batch:
                    pipeline.xadd(topic, {b"k": key, b"v": value})
                pipeline.execute()


def _name() -> str:
    return f"bench-{uuid4().hex}"
