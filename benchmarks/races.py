"""Who runs against whom. The first of a race is what the others are held against."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from benchmarks.grounds import RedisTopics, Streams, Topics
from benchmarks.peers import (
    asyncio_kafka,
    confluent,
    kafka_python,
    ours,
    plain_list,
    redis_benchmark,
    redis_py,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import ExitStack

    from benchmarks.peer import Peer

# What we promise, as shares of the first of the race.
TARGETS: Mapping[tuple[str, str], float] = {
    ("redis produce", ours.Produce.name): 1.8,
    ("redis consume", ours.Consume.name): 0.8,
    ("kafka produce", ours.Produce.name): 0.8,
    ("kafka consume", ours.Consume.name): 0.5,
}


_SMALL = 0.1  # memory is for tests, which keep few records


@dataclass(frozen=True)
class Race:
    """Peers that do the same job on the same server."""

    title: str
    peers: Sequence[Peer]
    share: float = 1.0

    def only(self, pattern: str) -> Race:
        """Keep the first peer and those whose name, behind the title, matches; or none."""
        matches = re.compile(pattern, re.IGNORECASE).search
        first, others = self.peers[0], self.peers[1:]
        kept = [peer for peer in others if matches(f"{self.title}: {peer.name}")]
        wanted = kept or matches(f"{self.title}: {first.name}")
        return replace(self, peers=[first, *kept] if wanted else [])


def memory(stack: ExitStack) -> list[Race]:
    """Return the races on memory."""
    topics = Topics("memory://benchmarks")
    stack.callback(topics.close)
    produce = [plain_list.Appends(topics), ours.Produce(topics), ours.SendFutures(topics)]
    consume = [plain_list.Slices(topics), ours.Consume(topics), ours.ConsumeInGroup(topics)]
    return [Race("memory produce", produce, _SMALL), Race("memory consume", consume, _SMALL)]


def redis(stack: ExitStack, url: str) -> list[Race]:
    """Return the races on Redis."""
    streams, topics = Streams(url), RedisTopics(url)
    stack.callback(streams.close)
    stack.callback(topics.close)
    produce = [
        redis_py.Pipelined(streams),
        ours.Produce(topics),
        ours.SendFutures(topics),
        redis_py.OneByOne(streams),
        redis_benchmark.RedisBenchmark(streams),
    ]
    consume = [
        redis_py.Xread(streams),
        ours.Consume(topics),
        ours.ConsumeInGroup(topics),
        redis_py.XreadGroup(streams),
        redis_py.XreadGroupOneByOne(streams),
    ]
    latency = [redis_py.XreadBlock(streams), ours.EndToEnd(topics)]
    return _races("redis", produce, consume, latency)


def kafka(stack: ExitStack, url: str) -> list[Race]:
    """Return the races on Kafka."""
    topics = Topics(url)
    stack.callback(topics.close)
    produce = [
        confluent.Raw(topics),
        ours.Produce(topics),
        ours.SendFutures(topics),
        asyncio_kafka.AioKafkaProduces(topics),
        kafka_python.KafkaPythonProduces(topics),
    ]
    consume = [
        confluent.RawConsume(topics),
        ours.Consume(topics),
        ours.ConsumeInGroup(topics),
        asyncio_kafka.AioKafkaConsumes(topics),
        kafka_python.KafkaPythonConsumes(topics),
    ]
    latency = [confluent.RawLatency(topics), ours.EndToEnd(topics)]
    return _races("kafka", produce, consume, latency)


def _races(
    server: str, produce: Sequence[Peer], consume: Sequence[Peer], latency: Sequence[Peer]
) -> list[Race]:
    jobs = {"produce": produce, "consume": consume, "latency": latency}
    return [Race(f"{server} {job}", peers) for job, peers in jobs.items()]
