"""The values that cross the API: kafka-python's named tuples, field for field.

They are tuples on purpose: cheap to build by the thousand, hashable, comparable,
and equal to what programs written for kafka-python already compare them with.
"""

from __future__ import annotations

from collections import namedtuple
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, Any, Generic, NamedTuple

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    # With a default, `producer = Producer()` needs no annotation (PEP 696).
    K = TypeVar("K", default=Any)
    V = TypeVar("V", default=Any)
else:
    from typing import TypeVar

    K = TypeVar("K")
    V = TypeVar("V")

Headers = list[tuple[str, bytes]]
"""Record headers: ordered, names may repeat; a value is None only from foreign producers."""

NO_TIMESTAMP = -1
CREATE_TIME = 0
LOG_APPEND_TIME = 1


class TopicPartition(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int


class TopicPartitionReplica(NamedTuple):
    """One broker's copy of a partition."""

    topic: str
    partition: int
    broker_id: int


class OffsetAndMetadata(NamedTuple):
    """A committed position: the *next* offset to read, with the committer's own note.

    `leader_epoch` is the epoch of the last record read, or -1 when unknown (KIP-320).
    """

    offset: int | None = None
    metadata: str | None = ""
    leader_epoch: int = -1


class OffsetAndTimestamp(NamedTuple):
    """An offset found by timestamp (milliseconds since 1970; -1 when not known)."""

    offset: int
    timestamp: int
    leader_epoch: int


class MemberState(str, Enum):
    """Where a consumer stands towards its group."""

    UNJOINED = "<unjoined>"
    REBALANCING = "<rebalancing>"
    STABLE = "<stable>"

    def __str__(self) -> str:
        """Return kafka-python's spelling."""
        return self.value


class ConsumerGroupMetadata(NamedTuple):
    """A consumer's identity in its group. `generation_id` is opaque: only > 0 when stable."""

    group_id: str | None = None
    generation_id: int = -1
    member_id: str = ""
    group_instance_id: str | None = None
    state: MemberState = MemberState.UNJOINED


class IsolationLevel(IntEnum):
    """Whether records of open and aborted transactions are read (KIP-98)."""

    READ_UNCOMMITTED = 0
    READ_COMMITTED = 1


class OffsetSpec(IntEnum):
    """Which offset to look up where no timestamp is meant."""

    LATEST = -1
    EARLIEST = -2
    MAX_TIMESTAMP = -3


if TYPE_CHECKING:

    class ConsumerRecord(NamedTuple, Generic[K, V]):
        """A record as the application gets it.

        `timestamp` is in milliseconds (-1: none), `timestamp_type` 0 = set by the
        producer, 1 = set at append. `value=None` is a tombstone. The sizes are those of
        the raw bytes, -1 for None; `checksum` is always None (Kafka dropped it).
        """

        topic: str
        partition: int
        leader_epoch: int
        offset: int
        timestamp: int
        timestamp_type: int
        key: K
        value: V
        headers: Headers
        checksum: None
        serialized_key_size: int
        serialized_value_size: int
        serialized_header_size: int
else:
    # Python 3.10 has no generic NamedTuple; at run time the type parameters mean nothing.
    ConsumerRecord = namedtuple(  # noqa: PYI024 - see above
        "ConsumerRecord",
        "topic partition leader_epoch offset timestamp timestamp_type key value headers checksum"
        " serialized_key_size serialized_value_size serialized_header_size",
    )
    ConsumerRecord.__class_getitem__ = classmethod(lambda cls, _: cls)


class RecordMetadata(NamedTuple):
    """Where a record was stored. `offset` is -1 when nobody knows: `acks=0`, or a failure."""

    topic: str
    partition: int
    topic_partition: TopicPartition
    offset: int
    timestamp: int
    checksum: None
    serialized_key_size: int
    serialized_value_size: int
    serialized_header_size: int
