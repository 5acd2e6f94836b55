"""What the admin client does about groups: kafka-python's arguments and plain results."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, TypeVar

from streamfacade.admin._types import (
    GroupInformation,
    MemberAssignment,
    MemberInformation,
    MemberMetadata,
    MemberToRemove,
    OffsetTimestamp,
)
from streamfacade.driver import Capability
from streamfacade.driver_groups import Expelled, GroupState, GroupType
from streamfacade.errors import (
    BrokerResponseError,
    GroupIdNotFoundError,
    NoError,
    UnknownError,
    UnsupportedCapabilityError,
)
from streamfacade.structs import OffsetAndMetadata, OffsetSpec, TopicPartition

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from streamfacade.driver import AdminDriver, Driver
    from streamfacade.driver_groups import GroupInfo, GroupMember
    from streamfacade.errors import KafkaError

    Verdict = type[KafkaError]
    Target = OffsetSpec | OffsetTimestamp | int

E = TypeVar("E", GroupState, GroupType)
_ENDS = (OffsetSpec.EARLIEST, OffsetSpec.LATEST)


class Groups:
    """Asks the driver about groups, and puts its values into words."""

    def __init__(self, backend: Driver, driver: AdminDriver) -> None:
        """Work over a driver's connections."""
        self._backend, self._admin, self._driver = backend, driver, driver.groups

    def listing(
        self,
        states: Iterable[Any] | None,
        types: Iterable[Any] | None,
        timeout: float,
    ) -> list[dict[str, Any]]:
        """Return a row for each group that the filters let through."""
        wanted_states = {_named(GroupState, state) for state in states or ()}
        wanted_types = {_named(GroupType, kind) for kind in types or ()}
        return [
            {
                "group_id": group.group_id,
                "protocol_type": group.protocol_type,
                "group_state": group.state.value,
                "group_type": group.type.value,
            }
            for group in self._driver.list_groups(timeout)
            if (not wanted_states or group.state in wanted_states)
            and (not wanted_types or group.type in wanted_types)
        ]

    def described(self, groups: Sequence[str], timeout: float) -> dict[str, dict[str, Any]]:
        """Return groups with their members."""
        found = self._driver.describe_groups(groups, timeout)
        return {group.group_id: _description(group) for group in found}

    def described_as_tuples(self, groups: Sequence[str], timeout: float) -> list[GroupInformation]:
        """Return groups with their members, in kafka-python 2's form."""
        return [_information(group) for group in self._driver.describe_groups(groups, timeout)]

    def delete(self, groups: Sequence[str], timeout: float) -> dict[str, Verdict]:
        """Delete groups; return the class of each one's error."""
        done = self._driver.delete_groups(groups, timeout)
        return {group: _class(error) for group, error in done.items()}

    def remove(
        self, group: str, members: Iterable[MemberToRemove], timeout: float
    ) -> dict[str, Verdict]:
        """Expel members; results are by member id, or by instance where no id was given."""
        self._need(Capability.REMOVE_MEMBERS)
        named = list(members)
        for member in named:
            if not isinstance(member, MemberToRemove):
                msg = f"expected MemberToRemove(member_id=…), not {member!r:.60}"
                raise TypeError(msg)
        asked = [Expelled(m.member_id or "", m.group_instance_id) for m in named]
        done = self._driver.remove_members(group, asked, timeout)
        names = [m.member_id or m.group_instance_id or "" for m in named]
        return {name: _class(error) for name, error in zip(names, done, strict=True)}

    def _need(self, capability: Capability) -> None:
        if capability not in self._backend.capabilities:
            raise UnsupportedCapabilityError(capability.value, f"not on {self._backend.name}")

    # Offsets

    def offsets(
        self, group: str, partitions: Collection[TopicPartition] | None, timeout: float
    ) -> dict[TopicPartition, OffsetAndMetadata]:
        """Return committed offsets; of those asked for, -1 where there is none."""
        if partitions is not None:
            partitions = [TopicPartition(*partition) for partition in partitions]
        found = self._driver.group_offsets(group, partitions, timeout)
        return {p: kept or OffsetAndMetadata(-1, "", -1) for p, kept in found.items()}

    def alter(
        self, group: str, offsets: Mapping[TopicPartition, OffsetAndMetadata], timeout: float
    ) -> dict[TopicPartition, Verdict]:
        """Store offsets; return the class of each one's error."""
        asked = {TopicPartition(*p): _checked(p, kept) for p, kept in offsets.items()}
        done = self._driver.alter_offsets(group, asked, timeout) if asked else {}
        return {partition: _class(error) for partition, error in done.items()}

    def reset(
        self, group: str, targets: Mapping[TopicPartition, Target], timeout: float
    ) -> dict[TopicPartition, dict[str, Any]]:
        """Store offsets found by where they shall be; the notes beside the old ones stay."""
        for partition, target in targets.items():
            _check_target(partition, target)
        places = self._places({TopicPartition(*p): t for p, t in targets.items()}, timeout)
        current = self.offsets(group, list(places), timeout)
        wanted = {p: OffsetAndMetadata(at, current[p].metadata) for p, at in places.items()}
        done = self.alter(group, wanted, timeout)
        return {p: {"error": done[p], "offset": places[p]} for p in places}

    def _places(
        self, targets: Mapping[TopicPartition, Target], timeout: float
    ) -> dict[TopicPartition, int]:
        """Return the offset that each target means, inside what the log holds."""
        times = {p: int(t) for p, t in targets.items() if isinstance(t, OffsetTimestamp)}
        found = self._admin.list_offsets(times, timeout) if times else {}
        first = self._bounds(OffsetSpec.EARLIEST, targets, timeout)
        last = self._bounds(OffsetSpec.LATEST, targets, timeout)
        places = {}
        for partition, target in targets.items():
            hit = found.get(partition)
            if isinstance(target, OffsetTimestamp):
                place = last[partition] if hit is None else hit.offset
            elif isinstance(target, OffsetSpec):
                place = (first if target == OffsetSpec.EARLIEST else last)[partition]
            else:
                place = last[partition] if target < 0 else target
            places[partition] = min(max(place, first[partition]), last[partition])
        return places

    def _bounds(
        self, which: OffsetSpec, partitions: Iterable[TopicPartition], timeout: float
    ) -> dict[TopicPartition, int]:
        found = self._admin.list_offsets(dict.fromkeys(partitions, which), timeout)
        return {partition: hit.offset for partition, hit in found.items() if hit is not None}

    def delete_offsets(
        self, group: str, partitions: Iterable[TopicPartition], timeout: float
    ) -> dict[TopicPartition, Verdict]:
        """Forget offsets; return the class of each one's error."""
        self._need(Capability.DELETE_OFFSETS)
        asked = [TopicPartition(*partition) for partition in partitions]
        done = self._driver.delete_offsets(group, asked, timeout) if asked else {}
        return {partition: _class(error) for partition, error in done.items()}

    def lag(self, group: str, timeout: float) -> dict[TopicPartition, dict[str, int | None]]:
        """Return how far the committed offsets are from the end; None where there is none."""
        committed = self.offsets(group, None, timeout)
        (info,) = self._driver.describe_groups([group], timeout)
        owned = {p for member in info.members for p in member.partitions}
        partitions = sorted(owned.union(committed))
        ends = self._bounds(OffsetSpec.LATEST, partitions, timeout) if partitions else {}
        return {p: _behind(committed.get(p), ends[p]) for p in partitions}


def _behind(committed: OffsetAndMetadata | None, end: int) -> dict[str, int | None]:
    offset = None if committed is None else committed.offset
    return {"committed": offset, "end": end, "lag": None if offset is None else end - offset}


def _checked(partition: object, kept: OffsetAndMetadata) -> OffsetAndMetadata:
    kept = OffsetAndMetadata(*kept)
    if not isinstance(kept.offset, int) or kept.offset < 0:
        msg = f"the offset of {partition} is a number from 0 on, not {kept.offset!r}"
        raise ValueError(msg)
    return kept


def _check_target(partition: object, target: object) -> None:
    if isinstance(target, OffsetSpec) and target not in _ENDS:
        msg = f"{partition} can be reset to EARLIEST or LATEST, not to {target.name}"
        raise ValueError(msg)
    if not isinstance(target, int) or isinstance(target, bool):
        msg = f"{partition} is reset to an OffsetSpec, an OffsetTimestamp or an int, not {target!r}"
        raise TypeError(msg)


def _class(error: KafkaError | None) -> Verdict:
    return NoError if error is None else type(error)


def _named(kind: type[E], given: Any) -> E:
    """Return a state or type by Kafka's spelling, or by its name here in any case."""
    for one in kind:
        if str(given).upper().replace("-", "_") in {one.name, one.value.upper()}:
            return one
    msg = f"{given!r} is none of {', '.join(one.value for one in kind)}"
    raise ValueError(msg)


def _error(group: GroupInfo) -> KafkaError | None:
    if group.error is None and group.state == GroupState.DEAD:
        return GroupIdNotFoundError(f"no group {group.group_id}")
    return group.error


def _description(group: GroupInfo) -> dict[str, Any]:
    error = _error(group)
    return {
        "group_id": group.group_id,
        "group_state": group.state.value,
        "group_type": group.type.value,
        "protocol_type": group.protocol_type,
        "protocol_data": group.protocol,
        "members": [_member(member) for member in group.members],
        "error": None if error is None else str(error),
    }


def _member(member: GroupMember) -> dict[str, Any]:
    return {
        "member_id": member.member_id,
        "group_instance_id": member.instance_id,
        "client_id": member.client_id,
        "client_host": member.host,
        "member_metadata": {"topics": sorted(member.topics)},
        "member_assignment": {
            "assigned_partitions": [
                {"topic": topic, "partitions": numbers}
                for topic, numbers in _by_topic(member.partitions)
            ]
        },
    }


def _by_topic(partitions: Iterable[TopicPartition]) -> list[tuple[str, list[int]]]:
    numbers: dict[str, list[int]] = defaultdict(list)
    for topic, number in sorted(partitions):
        numbers[topic].append(number)
    return list(numbers.items())


def _information(group: GroupInfo) -> GroupInformation:
    error = _error(group)
    code = error.errno if isinstance(error, BrokerResponseError) else UnknownError.errno
    return GroupInformation(
        0 if error is None else code, group.group_id, group.state.value, group.protocol_type,
        group.protocol, [_member_information(member) for member in group.members],
    )  # fmt: skip


def _member_information(member: GroupMember) -> MemberInformation:
    return MemberInformation(
        member.member_id, member.client_id, member.host, MemberMetadata(sorted(member.topics)),
        MemberAssignment(_by_topic(member.partitions)),
    )  # fmt: skip
