"""Committed offsets and the offsets of the log, by partition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from streamfacade.errors import (
    CommitFailedError,
    InconsistentGroupProtocolError,
    KafkaError,
    KafkaTimeoutError,
    UnknownTopicOrPartitionError,
)
from streamfacade.structs import OffsetAndMetadata, OffsetAndTimestamp, OffsetSpec, TopicPartition
from streamfacade_redis import codec
from streamfacade_redis.connection import script_command
from streamfacade_redis.keys import after

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from streamfacade_redis.address import Address
    from streamfacade_redis.desk import Command, Desk
    from streamfacade_redis.keys import PartitionKeys
    from streamfacade_redis.registry import Registry, Topic

_PAGE = 256  # entries of a look-up by timestamp: bounded by a segment, 4,096 records or 1 MiB


class Where(NamedTuple):
    """A partition of the incarnation that exists now."""

    topic_id: str
    keys: PartitionKeys


class Hold(NamedTuple):
    """By what right a group's offset is committed: an owned partition's fence, or none."""

    member: str = ""
    fence: int = 0


class Offsets:
    """Reads and stores offsets over the consumer's desk."""

    def __init__(self, desk: Desk, registry: Registry, address: Address, group: str) -> None:
        """Work for that group; "" is none."""
        self._desk, self._registry = desk, registry
        self._names, self._group = address.namespace, group
        self._counter = 0
        self._topics: dict[str, Topic] = {}

    def where(self, partition: TopicPartition, *, create: bool) -> Where:
        """Find a partition.

        Raises:
            UnknownTopicOrPartitionError: there is no such topic, or no such partition of it.

        """
        topic = self._topics.get(partition.topic)
        if topic is None or partition.partition >= topic.partitions:
            topic = self._registry.find_or_create(partition.topic, create=create)
            self._topics[partition.topic] = topic
        if partition.partition >= topic.partitions:
            msg = f"{partition} does not exist: the topic has {topic.partitions} partitions"
            raise UnknownTopicOrPartitionError(msg)
        keys = self._names.partition(partition.topic, topic.topic_id, partition.partition)
        return Where(topic.topic_id, keys)

    def forget(self, topic: str) -> None:
        """Look a topic up anew next time: it is not what it was."""
        self._topics.pop(topic, None)

    # What groups have stored

    def fence(self, op: str, partition: TopicPartition, hold: Hold, *value: Any) -> Command:
        """Return a call of the fence script."""
        place = self.where(partition, create=False)
        keys = (place.keys.state, place.keys.log, place.keys.groups)
        self._counter += 1
        offset, epoch, metadata = value or (-1, -1, "")
        return script_command(
            "fence", keys, place.topic_id, self._group, op, hold.member, hold.fence,
            self._counter, offset, epoch, metadata,
        )  # fmt: skip

    def commit_command(
        self, partition: TopicPartition, offset: OffsetAndMetadata, hold: Hold | None
    ) -> Command:
        """Return the call that commits: under a fence, or alone where the group has no members."""
        value = (offset.offset, offset.leader_epoch, offset.metadata or "")
        if hold is None:
            return self.fence("solo", partition, Hold(), *value)
        return self.fence("commit", partition, hold, *value)

    def committed(
        self, partitions: Collection[TopicPartition]
    ) -> dict[TopicPartition, OffsetAndMetadata | None]:
        """Return what the group has stored."""
        found: dict[TopicPartition, OffsetAndMetadata | None] = dict.fromkeys(partitions)
        known: dict[TopicPartition, Where] = {}
        for partition in partitions:
            try:
                known[partition] = self.where(partition, create=False)
            except UnknownTopicOrPartitionError:
                continue
        field = f"o:{self._group}"
        replies = self._desk.pipeline([("HGET", w.keys.groups, field) for w in known.values()])
        for partition, line in zip(known, replies, strict=True):
            found[partition] = stored(line)
        return found

    # Where logs begin and end

    def look_up(
        self, partition: TopicPartition, wanted: int, *, create: bool
    ) -> OffsetAndTimestamp | None:
        """Return an offset by `OffsetSpec` or timestamp in ms."""
        place = self.where(partition, create=create)
        leo, start = self._desk.call("HMGET", place.keys.state, "leo", "start")
        if leo is None:
            self.forget(partition.topic)
            place = self.where(partition, create=create)
            leo, start = self._desk.call("HMGET", place.keys.state, "leo", "start")
        if wanted == OffsetSpec.LATEST:
            return OffsetAndTimestamp(int(leo), -1, -1)
        if wanted == OffsetSpec.EARLIEST:
            return OffsetAndTimestamp(int(start), -1, -1)
        return self._first_since(partition, place, int(start), wanted)

    def _first_since(
        self, partition: TopicPartition, place: Where, start: int, timestamp: int
    ) -> OffsetAndTimestamp | None:
        """Find the first record at or after a timestamp, for any order of timestamps.

        The index names the first segment whose newest record, or an earlier one's, is new enough:
        nothing before it can be.
        """
        segment = self._desk.call(
            "ZRANGEBYSCORE", place.keys.segments, timestamp, "+inf", "LIMIT", 0, 1
        )
        if segment and segment[0] != b"~":
            start = max(start, int(segment[0].split(b" ")[0]))
        else:
            start = max(start, self._active_segment(place))
        while True:
            entries = self._desk.call(
                "XRANGE", place.keys.log, f"({after(start)}", "+", "COUNT", _PAGE
            )
            if not entries:
                return None
            decoded = codec.decode(partition, start, 0, entries)
            for record in decoded.records:
                if record.timestamp >= timestamp:
                    return OffsetAndTimestamp(record.offset, record.timestamp, 0)
            if decoded.error or decoded.next_offset == start:
                return None
            start = decoded.next_offset

    def _active_segment(self, place: Where) -> int:
        line = self._desk.call("HGET", place.keys.state, "h")
        return int(line.split(b" ")[2]) if line else 0


def stored(line: bytes | None) -> OffsetAndMetadata | None:
    """Parse `fence owner counter offset leader-epoch ms metadata`."""
    if line is None:
        return None
    _, _, _, offset, epoch, _, metadata = line.decode().split(" ", 6)
    return None if offset == "-1" else OffsetAndMetadata(int(offset), metadata, int(epoch))


def claimed(reply: list[Any]) -> OffsetAndMetadata | None:
    """Return the committed offset out of a claim's reply."""
    _, offset, epoch, metadata = reply[:4]
    return (
        None if offset == b"-1" else OffsetAndMetadata(int(offset), metadata.decode(), int(epoch))
    )


def refusal(partition: TopicPartition, reply: Any) -> KafkaError | None:
    """Return the error that a fence reply stands for, None if it is no refusal."""
    if isinstance(reply, KafkaError):
        return reply
    word = reply[0]
    if word == b"FENCED":
        return CommitFailedError(f"{partition} belongs to another member now")
    if word == b"OWNED":
        return CommitFailedError(f"{partition} belongs to a live member of the group")
    if word == b"TYPE":
        return InconsistentGroupProtocolError("the group is a share group")
    if word == b"UNKNOWN_TOPIC":
        return UnknownTopicOrPartitionError(f"{partition} is gone")
    return None


def raise_refusals(refused: Mapping[TopicPartition, KafkaError], timeout: float) -> None:
    """Raise one error for all partitions whose commit was refused.

    Raises:
        CommitFailedError: naming those that belong to others.
        KafkaTimeoutError: naming those that do not exist.

    """
    lost = [p for p, error in refused.items() if isinstance(error, CommitFailedError)]
    if lost:
        msg = f"not committed, they are no longer this member's: {sorted(lost)}"
        raise CommitFailedError(msg)
    for partition, error in refused.items():
        if isinstance(error, UnknownTopicOrPartitionError):
            msg = f"no {partition} after {timeout} seconds"
            raise KafkaTimeoutError(msg) from error
        raise error
