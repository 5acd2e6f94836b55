"""The memory backend, `memory://name`: the embedded default, and the contract's reference model.

What it holds belongs to this process and lives until the process ends or `reset()`.
"""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from streamfacade._room import Room
from streamfacade.driver import Capability, ClusterInfo, PartitionInfo, TopicInfo, TopicSpec
from streamfacade.errors import (
    KafkaConfigurationError,
    KafkaError,
    UnknownTopicOrPartitionError,
)
from streamfacade.testing._broker import Broker, Topic, broker, reset
from streamfacade.testing._group_admin import MemoryGroups
from streamfacade.testing._memory_consumer import MemoryConsumer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamfacade.config import Options
    from streamfacade.driver import Outgoing, Rebalance, Report
    from streamfacade.structs import OffsetAndTimestamp, TopicPartition
    from streamfacade.testing._broker import Log

__all__ = ["MemoryDriver", "open_driver", "reset"]


def open_driver(url: str) -> MemoryDriver:
    """Return the driver for `memory://` or `memory://name`."""
    parts = urlsplit(url)
    if parts.path.strip("/") or parts.query or parts.username or parts.port:
        msg = f"a memory URL is memory:// or memory://name, not {url}"
        raise KafkaConfigurationError(msg)
    return MemoryDriver(parts.netloc or "default")


class MemoryDriver:
    """One named broker of this process."""

    name = "memory"
    chooses_partitions = False
    capabilities = frozenset({
        Capability.TIMESTAMP_ZERO, Capability.SHARED_GROUPS, Capability.LONE_REFUSAL,
        Capability.INCREMENTAL_REBALANCE, Capability.CUSTOM_ASSIGNOR, Capability.REMOVE_MEMBERS,
        Capability.DELETE_OFFSETS,
    })  # fmt: skip

    def __init__(self, name: str) -> None:
        """Use the broker of that name."""
        self.address = f"memory://{name}"
        self._broker = broker(name)

    def open_producer(self, options: Options, report: Report) -> MemoryProducer:
        """Open a producer."""
        return MemoryProducer(self._broker, options, report)

    def open_consumer(self, options: Options, rebalance: Rebalance) -> MemoryConsumer:
        """Open a consumer."""
        return MemoryConsumer(self._broker, options, rebalance)

    def open_admin(self, options: Options) -> MemoryAdmin:
        """Open an admin client."""
        return MemoryAdmin(self._broker)


class MemoryProducer:
    """Stores a record in `send`, and reports it on a thread of its own, as every backend does."""

    def __init__(self, broker: Broker, options: Options, report: Report) -> None:
        """Report to `report`."""
        self._broker = broker
        self._creates = options["allow_auto_create_topics"]
        self._report = report
        self._room = Room(options["buffer_memory"])
        self._sending = threading.Lock()
        self._reports: queue.SimpleQueue[
            tuple[int, str, int, Outgoing, int, int, KafkaError | None]
        ]
        self._reports = queue.SimpleQueue()
        self._reporter = threading.Thread(
            target=self._run, name=f"{options['client_id']}-network-thread", daemon=True
        )
        self._reporter.start()

    def partitions(self, topic: str, timeout: float) -> int:
        """Return the number of partitions, creating the topic if that is allowed."""
        found = self._broker.topics.get(topic)
        if found is None and not self._creates:
            msg = f"no topic {topic}"
            raise UnknownTopicOrPartitionError(msg)
        with self._broker.changed:
            found = self._broker.topics.get(topic) or self._broker.create(TopicSpec(topic))
        return len(found.logs)

    def send(
        self, topic: str, partition: int | None, record: Outgoing, size: int, timeout: float
    ) -> None:
        """Store a record."""
        self._room.enter(size, timeout)
        with self._sending:
            self._reports.put(
                (size, topic, partition or 0, record, *self._store(topic, partition or 0, record))
            )

    def _store(
        self, topic: str, partition: int, record: Outgoing
    ) -> tuple[int, int, KafkaError | None]:
        try:
            self.partitions(topic, 0)
            with self._broker.changed:
                stored = self._broker.topics[topic].logs[partition].append(record)
                self._broker.changed.notify_all()
        except KafkaError as error:
            return -1, -1, error
        return stored.offset, stored.timestamp, None

    def _run(self) -> None:
        while (waiting := self._reports.get())[0] >= 0:
            size, topic, partition, record, offset, timestamp, error = waiting
            self._report(topic, partition, [record], [offset], [timestamp], error)
            self._room.leave(size, 1)

    def flush(self, timeout: float | None) -> int:
        """Wait for the reports."""
        return self._room.drained(timeout)

    def metrics(self) -> dict[str, float]:
        """Return nothing: memory has no figures of its own."""
        return {}

    def close(self, timeout: float) -> None:
        """Report what is left, and stop the thread."""
        self._reports.put((-1, "", 0, (None,) * 5, 0, 0, None))
        self._reporter.join(timeout)


class MemoryAdmin:
    """Manages the topics and groups of a broker."""

    def __init__(self, broker: Broker) -> None:
        """Manage that broker's."""
        self._broker = broker
        self.groups = MemoryGroups(broker)

    def create_topics(
        self,
        topics: Sequence[TopicSpec],
        timeout: float,
        *,
        validate_only: bool,
    ) -> list[TopicInfo]:
        """Create topics."""
        return [self._create(spec, validate_only=validate_only) for spec in topics]

    def _create(self, spec: TopicSpec, *, validate_only: bool) -> TopicInfo:
        try:
            if not validate_only:
                return _info(self._broker.create(spec))
            self._broker.check_new(spec)
        except KafkaError as error:
            return TopicInfo(spec.name, error)
        return TopicInfo(spec.name)

    def delete_topics(self, names: Sequence[str], timeout: float) -> list[TopicInfo]:
        """Delete topics."""
        return [self._delete(name) for name in names]

    def _delete(self, name: str) -> TopicInfo:
        try:
            return _info(self._broker.delete(name))
        except KafkaError as error:
            return TopicInfo(name, error)

    def describe_topics(self, names: Sequence[str] | None, timeout: float) -> list[TopicInfo]:
        """Describe topics."""
        topics = self._broker.topics
        return [
            _info(topics[name]) if name in topics
            else TopicInfo(name, UnknownTopicOrPartitionError(f"no topic {name}"))
            for name in (sorted(topics) if names is None else names)
        ]  # fmt: skip

    def describe_cluster(self, timeout: float) -> ClusterInfo:
        """Describe this process."""
        return ClusterInfo(f"memory-{self._broker.name}", 0, [(0, "localhost", -1, None)])

    def list_offsets(
        self, wanted: Mapping[TopicPartition, int], timeout: float
    ) -> dict[TopicPartition, OffsetAndTimestamp | None]:
        """Look up offsets."""
        with self._broker.changed:
            return {p: self._log(p).find(what) for p, what in wanted.items()}

    def _log(self, partition: TopicPartition) -> Log:
        found = self._broker.log(partition)
        if found is None:
            msg = f"no {partition}"
            raise UnknownTopicOrPartitionError(msg)
        return found

    def close(self) -> None:
        """Nothing is open."""


def _info(topic: Topic) -> TopicInfo:
    partitions = [PartitionInfo(p, leader_epoch=0) for p in range(len(topic.logs))]
    return TopicInfo(topic.name, None, topic.topic_id, partitions)
