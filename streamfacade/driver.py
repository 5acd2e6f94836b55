"""THE PORT: what a backend provides, and what it may assume.

The facade owns all that must not differ between backends: checking options and arguments,
serializers, sizes, futures and callbacks, positions, the reset policy, auto-commit, iteration,
timeouts and listener calls. A driver owns the rest: connections, batching, retries, membership
and the wire. A driver imports this module and those below it, nothing above.

A driver is found by the entry point `streamfacade.backends`: the URL's scheme names it, the
entry point is its `open_driver(url) -> Driver`. The conformance suite in `streamfacade.testing`
says whether it keeps the contract.

Rules for every method:

* Errors are those of `streamfacade.errors`, with the client library's own as `__cause__`.
  Retriable ones are retried by the driver until the given timeout, never by the facade.
* Timeouts are in seconds. A call that has one returns or raises `KafkaTimeoutError` by then.
* After `close`, no method is called. `close` is called once.
* Bytes, tuples and lists handed over belong to the receiver: nobody changes them afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from typing_extensions import Self

    from streamfacade.config import Options
    from streamfacade.driver_groups import GroupsDriver
    from streamfacade.structs import (
        ConsumerGroupMetadata,
        ConsumerRecord,
        Headers,
        OffsetAndMetadata,
        OffsetAndTimestamp,
        RecordMetadata,
        TopicPartition,
    )

    Deliver = Callable[[BaseException | None, RecordMetadata], None]
    Outgoing = tuple[bytes | None, bytes | None, Headers | None, int | None, Deliver | None]
    """A record on its way: key, value, headers, timestamp in ms (None: now), whom to tell.

    A plain tuple, because one is made for every record; drivers keep it and hand it back."""


class Capability(str, Enum):
    """What a backend may lack. All else in the contract holds on every backend.

    Checked when a client is built (if an option needs it) or at the call that needs it, skipped
    by name in the conformance suite, and printed as a table in the README.
    """

    doc: str

    DURABLE = "durable", "Records outlive the process that produced them."
    TRANSACTIONS = "transactions", "`transactional_id` and the five transaction calls."
    TIMESTAMP_ZERO = "timestamp_zero", "`timestamp_ms=0` can be sent (librdkafka takes 0 as now)."
    COMPRESSION = "compression", "`compression_type` compresses batches."
    REPLICATION_FACTOR = "replication_factor", "A topic's `replication_factor` may exceed 1."
    SHARED_GROUPS = "shared_groups", "Several live members share one group's partitions."
    INCREMENTAL_REBALANCE = (
        "incremental_rebalance",
        "With range and roundrobin too, only the partitions that move pause.",
    )
    CUSTOM_ASSIGNOR = "custom_assignor", "`partition_assignment_strategy` takes your own assignors."
    LONE_REFUSAL = "lone_refusal", "A record above its topic's limit takes none beside it along."
    ATOMIC_COMMIT = "atomic_commit", "A commit of several partitions is stored whole or not at all."
    REMOVE_MEMBERS = "remove_members", "`Admin.remove_group_members` expels members from a group."
    DELETE_OFFSETS = "delete_offsets", "`Admin.delete_group_offsets` forgets single offsets."

    def __new__(cls, name: str, doc: str) -> Self:
        """Make the value the name and keep the meaning beside it."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.doc = doc
        return member


class Report(Protocol):
    """How a producer driver tells the facade what became of records."""

    def __call__(
        self,
        topic: str,
        partition: int,
        records: Sequence[Outgoing],
        offsets: Sequence[int],
        timestamps: Sequence[int],
        error: BaseException | None,
    ) -> None:
        """Report records of one partition, in the order they were sent.

        Called from one background thread of the driver, once for each record, never under a lock
        that `send` needs. Runs the application's callbacks: they may call `send`. Never raises.
        With an error, offsets and timestamps count for nothing.
        """


class ProducerDriver(Protocol):
    """Takes records, batches them, sends them, reports each. Used from many threads at once."""

    def partitions(self, topic: str, timeout: float) -> int:
        """Return the topic's number of partitions.

        Called for every record: answers from memory, but blocks up to `timeout` for a topic not
        seen before, which it creates if `allow_auto_create_topics`. The driver keeps the answer
        no older than `metadata_max_age_ms` without making a caller wait.

        Raises:
            UnknownTopicOrPartitionError: no such topic, and none is to be created.
            KafkaTimeoutError: nobody answered.

        """

    def send(
        self, topic: str, partition: int | None, record: Outgoing, size: int, timeout: float
    ) -> None:
        """Take a record for sending and return; blocks only while the buffer is full.

        `size` is the record's estimated bytes, for the count against `buffer_memory`. `partition`
        is None only if the driver says `chooses_partitions`, and then by murmur2 of the key.
        Records of one thread to one partition keep their order, also through retries, and none
        is stored twice by a retry. A record not stored within `delivery_timeout_ms` is reported
        with `KafkaTimeoutError`.

        Raises:
            KafkaTimeoutError: the buffer stayed full for `timeout`.

        """

    def flush(self, timeout: float | None) -> int:
        """Wait until every record sent before this call is reported; return how many are not."""

    def metrics(self) -> Mapping[str, float]:
        """Return the driver's own figures by name. Does not block."""

    def close(self, timeout: float) -> None:
        """Send what is left for up to `timeout`, report the rest as failed, stop all threads."""


class TransactionalProducerDriver(ProducerDriver, Protocol):
    """The five calls of KIP-98, for a driver with the capability `transactions`."""

    def init_transactions(self, timeout: float) -> None:
        """Fence older producers of the same id and finish what they left."""

    def begin_transaction(self) -> None:
        """Start a transaction."""

    def send_offsets_to_transaction(
        self,
        offsets: Mapping[TopicPartition, OffsetAndMetadata],
        group: ConsumerGroupMetadata,
        timeout: float,
    ) -> None:
        """Commit consumed offsets with the transaction."""

    def commit_transaction(self, timeout: float) -> None:
        """Flush and commit."""

    def abort_transaction(self, timeout: float) -> None:
        """Drop what is unsent and abort."""


class Rebalance(Protocol):
    """How a consumer driver hands partitions to the facade and takes them back.

    Called only inside `fetch`, `unsubscribe` and `close`, on the thread that called those, and
    only with partitions that changed: what stays is not named and does not pause. librdkafka
    settles a rebalance when its callback returns, so that is everybody's rule.
    """

    def assigned(self, partitions: Mapping[TopicPartition, OffsetAndMetadata | None]) -> None:
        """Take partitions, each with the group's committed offset (None: none).

        Before it returns, the facade has called `seek` for each partition whose start it knows.
        Until it is sought, a partition is parked: nothing is fetched from it.
        """

    def revoked(self, partitions: Collection[TopicPartition]) -> None:
        """Give up partitions that are still ours.

        When it returns, the listener has run and the last commit is answered: the driver may let
        go. Nothing fetched from these partitions before is handed out afterwards.
        """

    def lost(self, partitions: Collection[TopicPartition]) -> None:
        """Forget partitions that are no longer ours: too late to commit."""


class ConsumerDriver(Protocol):
    """Reads records, keeps the membership, stores offsets. Called by one thread at a time.

    The facade serialises the calls: `close` waits for a `fetch` that runs in another thread, so
    `fetch` must end within its timeout. The driver keeps a fetch position per partition, starting
    at the last `seek`, which runs ahead of what the application has seen.
    """

    def subscribe(self, topics: Collection[str]) -> None:
        """Make `topics` what this member wants of its group; joins in the next `fetch`."""

    def unsubscribe(self) -> None:
        """Leave the group (`revoked` is called), drop all partitions. Blocks like a commit."""

    def assign(self, partitions: Collection[TopicPartition]) -> None:
        """Fetch from exactly these, without a group's say; those that stay keep their place."""

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Fetch next from `offset`; nothing fetched before is handed out. Does not block."""

    def pause(self, partitions: Collection[TopicPartition]) -> None:
        """Fetch nothing from these until `resume`; their place is kept. Does not block."""

    def resume(self, partitions: Collection[TopicPartition]) -> None:
        """Fetch from these again. Does not block."""

    def fetch(
        self, timeout: float, max_records: int
    ) -> dict[TopicPartition, list[ConsumerRecord[bytes | None, bytes | None]]]:
        """Return the next records, `max_records` in all, as soon as there are any.

        Within a partition they follow the fetch position without repeats; offsets may have holes.
        Returns {} when nothing comes within `timeout`, or earlier. Rebalances happen in here.
        An error about one partition waits until there are no records to return before it.

        Raises:
            OffsetOutOfRangeError: with {partition: offset} of positions before the start or after
                the end of their log; they are parked until sought.
            CorruptRecordError: the record at a position cannot be read; `seek` passes it.

        """

    def tend(self) -> None:
        """Do what is due without reading: rebalances, answers to commits. Does not wait.

        Called before records of an earlier `fetch` are handed out after a while: a member that
        was frozen must notice here that its partitions are lost.
        """

    def commit(self, offsets: Mapping[TopicPartition, OffsetAndMetadata], timeout: float) -> None:
        """Store the group's offsets.

        Raises:
            CommitFailedError: this member no longer owns a partition, or the group has members
                that this consumer is none of.

        """

    def commit_async(
        self,
        offsets: Mapping[TopicPartition, OffsetAndMetadata],
        on_done: Callable[[BaseException | None], None],
    ) -> None:
        """Store the group's offsets without waiting, after earlier commits.

        `on_done` is called once, inside this call or a later `fetch`, `commit`, `unsubscribe` or
        `close`.
        """

    def committed(
        self, partitions: Collection[TopicPartition], timeout: float
    ) -> dict[TopicPartition, OffsetAndMetadata | None]:
        """Return the group's stored offset of each, None where there is none."""

    def list_offsets(
        self, wanted: Mapping[TopicPartition, int], timeout: float
    ) -> dict[TopicPartition, OffsetAndTimestamp | None]:
        """Look up offsets by timestamp in ms, or by `OffsetSpec` (-1 end, -2 beginning).

        None where no record is at or after the timestamp. A topic that does not exist is created
        if `allow_auto_create_topics`.

        Raises:
            KafkaTimeoutError: no such partition, or nobody answered.

        """

    def topics(self, timeout: float) -> dict[str, int]:
        """Return all topics, internal ones too, with their number of partitions."""

    def group_metadata(self) -> ConsumerGroupMetadata:
        """Return this member's identity. Does not block; any thread."""

    def close(self, timeout: float) -> None:
        """Leave the group if still in it (`revoked` is called), close the connections."""


@dataclass(frozen=True)
class TopicSpec:
    """A topic to create; -1 means the server's default."""

    name: str
    num_partitions: int = -1
    replication_factor: int = -1
    configs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TopicInfo:
    """What is known of one topic after a call: its shape, or the error."""

    name: str
    error: BaseException | None = None
    topic_id: str = ""
    partitions: Sequence[PartitionInfo] = ()
    is_internal: bool = False


@dataclass(frozen=True)
class PartitionInfo:
    """Where a partition lives."""

    partition: int
    leader: int = 0
    replicas: Sequence[int] = (0,)
    in_sync: Sequence[int] = (0,)
    leader_epoch: int = -1


@dataclass(frozen=True)
class ClusterInfo:
    """Who answers: `brokers` are (id, host, port, rack)."""

    cluster_id: str
    controller_id: int
    brokers: Sequence[tuple[int, str, int, str | None]]


class AdminDriver(Protocol):
    """Manages topics and groups. Results name each item's own error; used from any thread."""

    @property
    def groups(self) -> GroupsDriver:
        """What manages groups; it lives until `close`."""

    def create_topics(
        self, topics: Sequence[TopicSpec], timeout: float, *, validate_only: bool
    ) -> list[TopicInfo]:
        """Create topics and wait until producers and consumers can use them."""

    def delete_topics(self, names: Sequence[str], timeout: float) -> list[TopicInfo]:
        """Delete topics with their records and their groups' offsets."""

    def describe_topics(self, names: Sequence[str] | None, timeout: float) -> list[TopicInfo]:
        """Describe these topics, or all of them for None; creates none."""

    def describe_cluster(self, timeout: float) -> ClusterInfo:
        """Describe who answers."""

    def list_offsets(
        self, wanted: Mapping[TopicPartition, int], timeout: float
    ) -> dict[TopicPartition, OffsetAndTimestamp | None]:
        """Look up offsets as `ConsumerDriver.list_offsets` does; creates no topic.

        Raises:
            UnknownTopicOrPartitionError: no such partition.

        """

    def close(self) -> None:
        """Close the connections."""


class Driver(Protocol):
    """One backend at one address. Opening a client connects, and checks what it finds.

    `open_*` raise within `bootstrap_timeout_ms`: `NoBrokersAvailable` when nobody answers,
    another `KafkaError` that names the address and the likely cause when somebody does but
    cannot serve. Passwords never show in messages.
    """

    name: str
    """Who it is, as in the option table: memory, redis, kafka or another."""
    address: str
    """Where it connects to, without credentials; for messages and metrics."""
    capabilities: frozenset[Capability]
    chooses_partitions: bool
    """Whether `send` takes partition None and then hashes keys by murmur2 itself."""

    def open_producer(self, options: Options, report: Report) -> ProducerDriver:
        """Connect a producer."""

    def open_consumer(self, options: Options, rebalance: Rebalance) -> ConsumerDriver:
        """Connect a consumer."""

    def open_admin(self, options: Options) -> AdminDriver:
        """Connect an admin client."""


OpenDriver = Callable[[str], Driver]
"""The type of the entry point: takes the URL as the user wrote it.

Raises `KafkaConfigurationError` for a URL it cannot use."""

__all__ = [
    "AdminDriver",
    "Capability",
    "ClusterInfo",
    "ConsumerDriver",
    "Driver",
    "OpenDriver",
    "PartitionInfo",
    "ProducerDriver",
    "Rebalance",
    "Report",
    "TopicInfo",
    "TopicSpec",
    "TransactionalProducerDriver",
]
