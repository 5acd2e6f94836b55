"""The part of the port that is about managing groups. See `driver` for the rules of all calls."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from streamfacade.errors import KafkaError
    from streamfacade.structs import OffsetAndMetadata, TopicPartition

    Verdicts = Mapping[TopicPartition, KafkaError | None]
    """The error of each partition, None where all went well."""


class GroupState(str, Enum):
    """Where a group stands; Kafka's words."""

    UNKNOWN = "Unknown"
    PREPARING_REBALANCE = "PreparingRebalance"
    COMPLETING_REBALANCE = "CompletingRebalance"
    STABLE = "Stable"
    DEAD = "Dead"
    EMPTY = "Empty"
    ASSIGNING = "Assigning"
    RECONCILING = "Reconciling"

    def __str__(self) -> str:
        """Return Kafka's spelling."""
        return self.value


class GroupType(str, Enum):
    """How a group agrees on who reads what; Kafka's words."""

    UNKNOWN = "Unknown"
    CLASSIC = "classic"
    CONSUMER = "consumer"
    SHARE = "share"

    def __str__(self) -> str:
        """Return Kafka's spelling."""
        return self.value


@dataclass(frozen=True)
class GroupMember:
    """One live member: who it is, what it wants and what it has."""

    member_id: str
    instance_id: str | None = None
    client_id: str = ""
    host: str = ""
    topics: Collection[str] = ()
    partitions: Collection[TopicPartition] = ()


@dataclass(frozen=True)
class GroupInfo:
    """One group. `protocol_type` is "consumer", or "" where no member was ever seen."""

    group_id: str
    state: GroupState = GroupState.DEAD
    type: GroupType = GroupType.CLASSIC
    protocol_type: str = ""
    protocol: str = ""
    """The assignment strategy that the members agreed on."""
    members: Collection[GroupMember] = ()
    error: KafkaError | None = None


@dataclass(frozen=True)
class Expelled:
    """A member to remove: named by its id, or by its instance."""

    member_id: str = ""
    instance_id: str | None = None


class GroupsDriver(Protocol):
    """Manages groups. Results name each item's own error; used from any thread.

    A group exists from its first member or commit until it is deleted or expires. A member lives
    until it leaves or its session is over.
    """

    def list_groups(self, timeout: float) -> list[GroupInfo]:
        """Return all groups, without their members."""

    def describe_groups(self, groups: Sequence[str], timeout: float) -> list[GroupInfo]:
        """Describe groups in the order asked for; an unknown one is DEAD."""

    def delete_groups(
        self, groups: Sequence[str], timeout: float
    ) -> Mapping[str, KafkaError | None]:
        """Delete groups with their offsets.

        Errors: NonEmptyGroupError while members live, GroupIdNotFoundError.
        """

    def remove_members(
        self, group: str, members: Sequence[Expelled], timeout: float
    ) -> list[KafkaError | None]:
        """Expel members, as if they had left; needs the capability `remove_members`.

        Errors: UnknownMemberIdError.
        """

    def group_offsets(
        self, group: str, partitions: Collection[TopicPartition] | None, timeout: float
    ) -> dict[TopicPartition, OffsetAndMetadata | None]:
        """Return committed offsets, None where there is none; all there are for None."""

    def alter_offsets(
        self, group: str, offsets: Mapping[TopicPartition, OffsetAndMetadata], timeout: float
    ) -> Verdicts:
        """Store offsets for a group without members; makes the group.

        Errors: UnknownMemberIdError while members live, UnknownTopicOrPartitionError,
        OffsetMetadataTooLargeError.
        """

    def delete_offsets(
        self, group: str, partitions: Collection[TopicPartition], timeout: float
    ) -> Verdicts:
        """Forget offsets; needs the capability `delete_offsets`.

        Errors: GroupSubscribedToTopicError while a live member wants the topic.

        Raises:
            GroupIdNotFoundError: no such group.

        """


__all__ = ["Expelled", "GroupInfo", "GroupMember", "GroupState", "GroupType", "GroupsDriver"]
