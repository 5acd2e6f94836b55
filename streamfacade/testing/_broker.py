"""The reference model: what topics, partitions and committed offsets are, in plain Python.

One lock for a whole broker: the model is for reading and for tests, not for speed.
"""

from __future__ import annotations

import threading
import time
import uuid
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from streamfacade.errors import (
    InvalidReplicationFactorError,
    InvalidTimestampError,
    MessageSizeTooLargeError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
)
from streamfacade.limits import check_partitions
from streamfacade.structs import (
    CREATE_TIME,
    ConsumerRecord,
    OffsetAndTimestamp,
    OffsetSpec,
    TopicPartition,
)
from streamfacade.topic_configs import MAX_AHEAD_MS, settled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamfacade.driver import Outgoing, TopicSpec
    from streamfacade.testing._groups import Group

    Raw = ConsumerRecord[bytes | None, bytes | None]


class Log:
    """The records of one partition: dense offsets from `start` to `end`."""

    def __init__(self, partition: TopicPartition, configs: Mapping[str, int]) -> None:
        """Start empty, at offset 0."""
        self._partition = partition
        self._configs = configs
        self.records: list[Raw] = []
        self.start = 0

    @property
    def end(self) -> int:
        """The offset of the next record."""
        return self.start + len(self.records)

    def append(self, record: Outgoing) -> Raw:
        """Store a record."""
        key, value, headers, timestamp, _ = record
        key_size, value_size = (-1 if part is None else len(part) for part in (key, value))
        header_size = sum(len(n.encode()) + len(v) for n, v in headers or ()) if headers else -1
        self._check(key_size + value_size, timestamp or 0)
        topic, number = self._partition
        stored: Raw = ConsumerRecord(
            topic, number, 0, self.end,
            _now() if timestamp is None else timestamp, CREATE_TIME,
            key, value, headers or [], None, key_size, value_size, header_size,
        )  # fmt: skip
        self.records.append(stored)
        self._retain()
        return stored

    def _check(self, size: int, timestamp: int) -> None:
        if size > self._configs["max.message.bytes"]:
            msg = f"the record exceeds max.message.bytes of topic {self._partition.topic}"
            raise MessageSizeTooLargeError(msg)
        if timestamp > _now() + MAX_AHEAD_MS:
            msg = "timestamp_ms is more than an hour ahead of the clock"
            raise InvalidTimestampError(msg)

    def _retain(self) -> None:
        """Drop what retention no longer keeps; the newest record always stays."""
        configs = self._configs
        oldest = time.time() * 1000 - configs["retention.ms"]
        size = sum(map(_bytes, self.records)) if configs["retention.bytes"] >= 0 else 0
        gone = 0
        for record in islice(self.records, len(self.records) - 1):
            expired = configs["retention.ms"] >= 0 and record.timestamp < oldest
            many = 0 <= configs["maxlen"] < len(self.records) - gone
            size -= _bytes(record)
            if not (expired or many or 0 <= configs["retention.bytes"] <= size):
                break
            gone += 1
        del self.records[:gone]
        self.start += gone

    def read(self, offset: int, limit: int) -> list[Raw]:
        """Return up to `limit` records from `offset`."""
        first = offset - self.start
        return self.records[first : first + limit]

    def find(self, wanted: int) -> OffsetAndTimestamp | None:
        """Return an offset by `OffsetSpec` or timestamp in ms."""
        if wanted == OffsetSpec.EARLIEST:
            return OffsetAndTimestamp(self.start, -1, -1)
        if wanted == OffsetSpec.LATEST:
            return OffsetAndTimestamp(self.end, -1, -1)
        found = next((r for r in self.records if r.timestamp >= wanted), None)
        if wanted == OffsetSpec.MAX_TIMESTAMP:
            found = max(self.records, key=lambda r: (r.timestamp, -r.offset), default=None)
        return found and OffsetAndTimestamp(found.offset, found.timestamp, 0)


def _now() -> int:
    return int(time.time() * 1000)


def _bytes(record: Raw) -> int:
    return len(record.key or b"") + len(record.value or b"")


@dataclass
class Topic:
    """A topic of one incarnation: a re-created one is another object with another id."""

    name: str
    logs: list[Log]
    topic_id: str = field(default_factory=lambda: str(uuid.uuid4()))


class Broker:
    """All topics and groups of one `memory://name`."""

    def __init__(self, name: str) -> None:
        """Start empty."""
        self.name = name
        self.topics: dict[str, Topic] = {}
        self.groups: dict[str, Group] = {}
        self.changed = threading.Condition(threading.RLock())

    def check_new(self, spec: TopicSpec) -> dict[str, int]:
        """Return a new topic's configs if it can be created."""
        if spec.name in self.topics:
            msg = f"topic {spec.name} exists"
            raise TopicAlreadyExistsError(msg)
        check_partitions(spec.num_partitions)
        if spec.replication_factor not in (-1, 1):
            msg = "memory keeps one copy: replication_factor must be 1 or -1"
            raise InvalidReplicationFactorError(msg)
        return settled(spec.configs)

    def create(self, spec: TopicSpec) -> Topic:
        """Create a topic."""
        with self.changed:
            configs = self.check_new(spec)
            count = 1 if spec.num_partitions == -1 else spec.num_partitions
            logs = [Log(TopicPartition(spec.name, p), configs) for p in range(count)]
            self.topics[spec.name] = Topic(spec.name, logs)
            self.changed.notify_all()
            return self.topics[spec.name]

    def delete(self, name: str) -> Topic:
        """Delete a topic and what groups committed for it."""
        with self.changed:
            topic = self.topics.pop(name, None)
            if topic is None:
                msg = f"no topic {name}"
                raise UnknownTopicOrPartitionError(msg)
            for group in self.groups.values():
                group.forget_topic(name)
            self.changed.notify_all()
            return topic

    def log(self, partition: TopicPartition) -> Log | None:
        """Return a partition's log if it exists."""
        topic = self.topics.get(partition.topic)
        if topic is None or not 0 <= partition.partition < len(topic.logs):
            return None
        return topic.logs[partition.partition]

    def counts(self) -> dict[str, int]:
        """Return each topic's number of partitions."""
        return {name: len(topic.logs) for name, topic in self.topics.items()}


_brokers: dict[str, Broker] = {}


def broker(name: str) -> Broker:
    """Return the broker of that name, the same one for everybody in this process."""
    return _brokers.setdefault(name, Broker(name))


def reset() -> None:
    """Forget all topics and groups of all memory backends."""
    _brokers.clear()
