"""Managing the groups of the memory backend."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamfacade.driver_groups import GroupInfo, GroupMember, GroupState
from streamfacade.errors import (
    GroupIdNotFoundError,
    GroupSubscribedToTopicError,
    KafkaError,
    NonEmptyGroupError,
    OffsetMetadataTooLargeError,
    UnknownMemberIdError,
    UnknownTopicOrPartitionError,
)
from streamfacade.limits import check_notes
from streamfacade.testing._groups import Group

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from streamfacade.driver_groups import Expelled, Verdicts
    from streamfacade.structs import OffsetAndMetadata, TopicPartition
    from streamfacade.testing._broker import Broker


class MemoryGroups:
    """Manages the groups of a broker."""

    def __init__(self, broker: Broker) -> None:
        """Manage that broker's."""
        self._broker = broker

    def list_groups(self, timeout: float) -> list[GroupInfo]:
        """Return all groups."""
        with self._broker.changed:
            names = [name for name, group in self._broker.groups.items() if group.exists()]
            return [self._info(name, with_members=False) for name in sorted(names)]

    def describe_groups(self, groups: Sequence[str], timeout: float) -> list[GroupInfo]:
        """Describe groups."""
        with self._broker.changed:
            return [self._info(name, with_members=True) for name in groups]

    def _info(self, name: str, *, with_members: bool) -> GroupInfo:
        group = self._broker.groups.get(name)
        if group is None or not group.exists():
            return GroupInfo(name)
        state = GroupState.EMPTY
        if group.has_members():
            settled = all(m.owned == m.target for m in group.members.values())
            state = GroupState.STABLE if settled else GroupState.PREPARING_REBALANCE
        members = [
            GroupMember(
                member_id, member.instance_id, member.client_id, "localhost", member.topics,
                frozenset(member.owned),
            )
            for member_id, member in group.members.items()
        ]  # fmt: skip
        return GroupInfo(
            name, state, protocol_type="consumer" if group.generation else "",
            protocol=group.protocol(), members=members if with_members else (),
        )  # fmt: skip

    def delete_groups(
        self, groups: Sequence[str], timeout: float
    ) -> Mapping[str, KafkaError | None]:
        """Delete groups."""
        with self._broker.changed:
            return {name: self._delete(name) for name in groups}

    def _delete(self, name: str) -> KafkaError | None:
        group = self._broker.groups.get(name)
        if group is None or not group.exists():
            return GroupIdNotFoundError(f"no group {name}")
        if group.has_members():
            return NonEmptyGroupError(f"group {name} has members")
        del self._broker.groups[name]
        return None

    def remove_members(
        self, group: str, members: Sequence[Expelled], timeout: float
    ) -> list[KafkaError | None]:
        """Expel members."""
        with self._broker.changed:
            done = [self._remove(group, member) for member in members]
            self._broker.changed.notify_all()
            return done

    def _remove(self, group: str, who: Expelled) -> KafkaError | None:
        known = self._broker.groups.get(group, Group())
        for name, member in known.members.items():
            if who.member_id == name or (who.instance_id and who.instance_id == member.instance_id):
                known.leave(name)
                return None
        return UnknownMemberIdError(f"group {group} has no member {who}")

    def group_offsets(
        self, group: str, partitions: Collection[TopicPartition] | None, timeout: float
    ) -> dict[TopicPartition, OffsetAndMetadata | None]:
        """Return committed offsets."""
        with self._broker.changed:
            stored = self._broker.groups.get(group, Group()).offsets
            return {p: stored.get(p) for p in (stored if partitions is None else partitions)}

    def alter_offsets(
        self, group: str, offsets: Mapping[TopicPartition, OffsetAndMetadata], timeout: float
    ) -> Verdicts:
        """Store offsets."""
        with self._broker.changed:
            known = self._broker.groups.setdefault(group, Group())
            return {p: self._alter(known, p, kept) for p, kept in offsets.items()}

    def _alter(
        self, group: Group, partition: TopicPartition, kept: OffsetAndMetadata
    ) -> KafkaError | None:
        try:
            check_notes({partition: kept})
        except OffsetMetadataTooLargeError as error:
            return error
        if group.has_members():
            return UnknownMemberIdError("the group has members: only they move its offsets")
        if self._broker.log(partition) is None:
            return UnknownTopicOrPartitionError(f"no {partition}")
        group.offsets[partition] = kept._replace(metadata=kept.metadata or "")
        return None

    def delete_offsets(
        self, group: str, partitions: Collection[TopicPartition], timeout: float
    ) -> Verdicts:
        """Forget offsets."""
        with self._broker.changed:
            known = self._broker.groups.get(group)
            if known is None or not known.exists():
                msg = f"no group {group}"
                raise GroupIdNotFoundError(msg)
            return {p: self._forget(known, p) for p in partitions}

    def _forget(self, group: Group, partition: TopicPartition) -> KafkaError | None:
        if group.has_members() and any(
            partition.topic in member.topics for member in group.members.values()
        ):
            return GroupSubscribedToTopicError(f"members want {partition.topic}")
        if self._broker.log(partition) is None:
            return UnknownTopicOrPartitionError(f"no {partition}")
        group.offsets.pop(partition, None)
        return None
