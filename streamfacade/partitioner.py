"""Which partition a record goes to: murmur2 of its key, as Java's and kafka-python's clients.

The same key must land on the same partition on every backend, whoever wrote it, so the
hash is fixed and computed over bytes.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from functools import lru_cache
from itertools import count
from struct import unpack_from
from typing import Any, Protocol

_MASK = 0xFFFFFFFF
_MULTIPLIER = 0x5BD1E995
_SEED = 0x9747B28C


def murmur2(data: bytes) -> int:
    """Return the 32-bit murmur2 of `data`, with Kafka's seed (Utils.murmur2 of the Java client)."""
    length = len(data)
    words = length >> 2
    h = _SEED ^ length
    for word in unpack_from(f"<{words}I", data):
        k = word * _MULTIPLIER & _MASK
        h = (h * _MULTIPLIER & _MASK) ^ ((k ^ k >> 24) * _MULTIPLIER & _MASK)
    if length & 3:
        h = (h ^ int.from_bytes(data[words << 2 :], "little")) * _MULTIPLIER & _MASK
    h = (h ^ h >> 13) * _MULTIPLIER & _MASK
    return h ^ h >> 15


# Pure Python hashes 0.5-1 M keys/s, a hit in this cache takes 80 ns: keys repeat.
_hash = lru_cache(maxsize=65536)(murmur2)


class Cluster(Protocol):
    """What a partitioner may ask about topics."""

    def topics(self) -> set[str]:
        """Return the names of the topics that this producer knows."""

    def partitions_for_topic(self, topic: str) -> set[int]:
        """Return the partitions of `topic`."""

    def available_partitions_for_topic(self, topic: str) -> set[int]:
        """Return those of them that can take a record now."""


class Partitioner(ABC):
    """Chooses partitions; pass an instance as the producer's `partitioner`."""

    @abstractmethod
    def partition(
        self,
        topic: str,
        key: Any,
        serialized_key: bytes | None,
        value: Any,
        serialized_value: bytes | None,
        cluster: Cluster,
    ) -> int:
        """Return the partition for a record. Called on the thread that sends."""


class DefaultPartitioner(Partitioner):
    """Keyed records by murmur2; records without a key in turn over all partitions."""

    def __init__(self) -> None:
        """Start the turn of keyless records anywhere, so that producers do not march in step."""
        self._turn = count(random.randrange(1 << 16))  # noqa: S311 - spreads load, guards nothing

    def choose(self, key: bytes | None, partitions: int) -> int:
        """Return the partition for `key` among `partitions`; the producer's fast path."""
        if key is None:
            return next(self._turn) % partitions
        return (_hash(key) & 0x7FFFFFFF) % partitions

    def partition(
        self,
        topic: str,
        key: Any,
        serialized_key: bytes | None,
        value: Any,
        serialized_value: bytes | None,
        cluster: Cluster,
    ) -> int:
        """Return the partition for a record."""
        return self.choose(serialized_key, len(cluster.partitions_for_topic(topic)))


class StickyPartitioner(DefaultPartitioner):
    """Keyless records stay on one partition for a while, which makes fuller batches (KIP-480)."""

    def __init__(self, records: int = 500) -> None:
        """Change the partition of keyless records after `records` of them."""
        super().__init__()
        self._records = records

    def choose(self, key: bytes | None, partitions: int) -> int:
        """Return the partition for `key`; without one, the present sticky partition."""
        if key is None:
            return next(self._turn) // self._records % partitions
        return super().choose(key, partitions)
