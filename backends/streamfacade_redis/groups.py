"""Managing groups: a registry of their names, a hash each, and a field in every partition."""

from __future__ import annotations

import threading
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from streamfacade.errors import (
    GroupIdNotFoundError,
    GroupSubscribedToTopicError,
    InconsistentGroupProtocolError,
    KafkaError,
    NonEmptyGroupError,
    OffsetMetadataTooLargeError,
    UnknownMemberIdError,
    UnknownTopicOrPartitionError,
)
from streamfacade.limits import check_notes
from streamfacade.structs import TopicPartition
from streamfacade_redis import group_lines
from streamfacade_redis.connection import retrying, script_command
from streamfacade_redis.desk import Desk
from streamfacade_redis.membership import number_for_outsider, remove_member
from streamfacade_redis.membership.wire import (
    Beat,
    Identity,
    arguments,
    heartbeat_keys,
)
from streamfacade_redis.offsets import Hold, Offsets, Where, refusal, stored
from streamfacade_redis.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from streamfacade.config import Options
    from streamfacade.driver_groups import Expelled, GroupInfo, Verdicts
    from streamfacade.structs import OffsetAndMetadata, OffsetAndTimestamp
    from streamfacade_redis.address import Address
    from streamfacade_redis.connection import Link

T = TypeVar("T")


class Line(NamedTuple):
    """What a group has stored for a partition, as the server keeps it."""

    partition: TopicPartition
    where: Where
    text: bytes


class GroupDesk:
    """What is done to groups, step by step, over one connection; one thread uses it at a time."""

    def __init__(self, desk: Desk, address: Address) -> None:
        """Use that connection."""
        self.desk = desk
        self._address, self.names = address, address.namespace
        self._registry = Registry(desk, address)

    def offsets(self, group: str) -> Offsets:
        """Return what reads and stores a group's offsets, which knows no topic yet."""
        return Offsets(self.desk, self._registry, self._address, group)

    def number(self, group: str) -> int | None:
        """Remove the dead; return a fence above all grants, None while members live."""
        return number_for_outsider(self.desk, self.names, group)

    def listed(self) -> dict[str, bytes]:
        """Return the registry: group to `type since-empty`."""
        flat = self.desk.call("HGETALL", self.names.groups)
        return {n.decode(): line for n, line in zip(flat[::2], flat[1::2], strict=True)}

    def some(self, count: int) -> dict[str, bytes]:
        """Return some of the registry."""
        flat = self.desk.call("HRANDFIELD", self.names.groups, count, "WITHVALUES")
        return {n.decode(): line for n, line in zip(flat[::2], flat[1::2], strict=True)}

    def living(self, group: str) -> bool:
        """Return whether the group has members, after the dead have been removed."""
        (found,) = self.infos([group])
        return bool(found.members)

    def last_commit(self, group: str) -> int:
        """Return when, in ms, the group last committed anything; 0: never."""
        return max((int(line.text.split(b" ")[5]) for line in self.lines(group)), default=0)

    def list_if_new(self, group: str) -> None:
        """Put a group without members into the registry, unless it is there."""
        if self.desk.call("HGET", self.names.groups, group) is None:
            self.write_line(group, self.now())

    def write_line(self, group: str, since: int) -> None:
        """Note since when, in ms, a group is empty; 0: it is not."""
        self.desk.call("HSET", self.names.groups, group, f"consumer {since}")

    def now(self) -> int:
        """Return the server's time in ms."""
        seconds, micros = self.desk.call("TIME")
        return int(seconds) * 1000 + int(micros) // 1000

    def infos(self, groups: Sequence[str]) -> list[GroupInfo]:
        """Describe groups, after what is dead in them has been removed."""
        keys = [heartbeat_keys(self.names, group) for group in groups]
        probes = [[("HGET", k[0], "type"), ("ZCARD", k[2])] for k in keys]
        found = self.desk.pipeline(chain.from_iterable(probes))
        self.desk.pipeline(
            self._burial(group, kind.decode())
            for group, kind, count in zip(groups, found[::2], found[1::2], strict=True)
            if kind is not None and count > 1
        )
        asked = [
            [("HMGET", k[0], *group_lines.HEADER), ("HGETALL", k[1]),
             ("HGET", self.names.groups, group)]
            for group, k in zip(groups, keys, strict=True)
        ]  # fmt: skip
        replies = self.desk.pipeline(chain.from_iterable(asked))
        rows = zip(groups, replies[::3], replies[1::3], replies[2::3], strict=True)
        return [group_lines.info(*row) for row in rows]

    def _burial(self, group: str, kind: str) -> Any:
        """Return the heartbeat that removes dead members, and does nothing to the living."""
        who = Identity(group, "", "", 0.0, kind)
        keys = heartbeat_keys(self.names, group)
        return script_command("heartbeat", keys, *arguments(Beat(0.0, "fence", ""), who))

    def lines(self, group: str) -> list[Line]:
        """Return all that a group has stored, in every partition there is."""
        names = self.names
        places = [
            (TopicPartition(t.name, p), Where(t.topic_id, names.partition(t.name, t.topic_id, p)))
            for t in self._registry.all().values()
            for p in range(t.partitions)
        ]
        replies = self.desk.pipeline(("HGET", w.keys.groups, f"o:{group}") for _, w in places)
        found = zip(places, replies, strict=True)
        return [Line(p, where, text) for (p, where), text in found if text is not None]

    def forget_offset(self, group: str, where: Where, number: int | None, *, all_: bool) -> Any:
        """Return the command that forgets an offset, and its mirror."""
        keys = (where.keys.state, where.keys.log, where.keys.groups)
        fence = "" if number is None else number
        return script_command("offset_delete", keys, where.topic_id, group, fence, int(all_))

    def delete(self, group: str) -> KafkaError | None:
        """Delete a group that exists: its offsets, its line, its keys."""
        number = self.number(group)
        if number is None:
            return NonEmptyGroupError(f"group {group} has members")
        self.desk.pipeline(
            self.forget_offset(group, line.where, number, all_=True) for line in self.lines(group)
        )
        keys = heartbeat_keys(self.names, group)
        if self.desk.script("group_forget", keys)[0] != b"OK":
            return NonEmptyGroupError(f"group {group} has members again")
        line = ("HDEL", self.names.groups, group)
        _, again = self.desk.pipeline([line, ("EXISTS", keys[0])])
        if again:
            # Somebody joined meanwhile; the line that went may have been that member's.
            self.write_line(group, 0)
        return None

    def exists(self, group: str) -> bool:
        """Return whether the group is listed, or has keys."""
        header = heartbeat_keys(self.names, group)[0]
        listed, keys = self.desk.pipeline(
            [("HEXISTS", self.names.groups, group), ("EXISTS", header)]
        )
        return bool(listed or keys)


class RedisGroups:
    """See `streamfacade.driver_groups.GroupsDriver`."""

    def __init__(self, link: Link, address: Address, options: Options) -> None:
        """Connect when first asked."""
        self._steps = GroupDesk(Desk(link), address)
        self._backoff = options.seconds("retry_backoff_ms")
        self._one_at_a_time = threading.Lock()

    def _try(self, action: Callable[[], T], timeout: float) -> T:
        """Do what may be repeated, as often as the connection breaks."""
        with self._one_at_a_time:
            return retrying(action, timeout, self._backoff)  # type: ignore[no-any-return] # it is the action's

    def close(self) -> None:
        """Disconnect."""
        self._steps.desk.close()

    def list_offsets(
        self, wanted: Mapping[TopicPartition, int], timeout: float
    ) -> dict[TopicPartition, OffsetAndTimestamp | None]:
        """Look up offsets."""

        def look_up() -> dict[TopicPartition, OffsetAndTimestamp | None]:
            offsets = self._steps.offsets("")
            return {p: offsets.look_up(p, what, create=False) for p, what in wanted.items()}

        return self._try(look_up, timeout)

    def list_groups(self, timeout: float) -> list[GroupInfo]:
        """Return all groups."""
        steps = self._steps
        return self._try(lambda: steps.infos(sorted(steps.listed())), timeout)

    def describe_groups(self, groups: Sequence[str], timeout: float) -> list[GroupInfo]:
        """Describe groups."""
        return self._try(lambda: self._steps.infos(groups), timeout)

    def delete_groups(
        self, groups: Sequence[str], timeout: float
    ) -> Mapping[str, KafkaError | None]:
        """Delete groups."""
        return {group: self._try(lambda g=group: self._delete(g), timeout) for group in groups}  # type: ignore[misc] # the default binds it now

    def _delete(self, group: str) -> KafkaError | None:
        if not self._steps.exists(group):
            return GroupIdNotFoundError(f"no group {group}")
        try:
            return self._steps.delete(group)
        except InconsistentGroupProtocolError as error:
            return error

    def remove_members(
        self, group: str, members: Sequence[Expelled], timeout: float
    ) -> list[KafkaError | None]:
        """Expel members."""
        return [self._try(lambda m=member: self._remove(group, m), timeout) for member in members]  # type: ignore[misc] # the default binds it now

    def _remove(self, group: str, who: Expelled) -> KafkaError | None:
        steps = self._steps
        gone = remove_member(
            steps.desk, steps.names, group, member=who.member_id, instance=who.instance_id or ""
        )
        return None if gone else UnknownMemberIdError(f"group {group} has no member {who}")

    def group_offsets(
        self, group: str, partitions: Collection[TopicPartition] | None, timeout: float
    ) -> dict[TopicPartition, OffsetAndMetadata | None]:
        """Return committed offsets."""
        if partitions is not None:
            return self._try(lambda: self._steps.offsets(group).committed(partitions), timeout)
        lines = self._try(lambda: self._steps.lines(group), timeout)
        found = {line.partition: stored(line.text) for line in lines}
        return {p: kept for p, kept in found.items() if kept is not None}

    def alter_offsets(
        self, group: str, offsets: Mapping[TopicPartition, OffsetAndMetadata], timeout: float
    ) -> Verdicts:
        """Store offsets."""
        return self._try(lambda: self._alter(group, offsets), timeout)

    def _alter(self, group: str, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> Verdicts:
        number = self._steps.number(group)
        if number is None:
            why = f"group {group} has members: only they move its offsets"
            return dict.fromkeys(offsets, UnknownMemberIdError(why))
        self._steps.list_if_new(group)
        writer = self._steps.offsets(group)
        verdicts: dict[TopicPartition, KafkaError | None] = dict.fromkeys(offsets)
        commands = {}
        for partition, kept in offsets.items():
            try:
                check_notes({partition: kept})
                commands[partition] = (
                    writer.fence("clear", partition, Hold("", number)),
                    writer.commit_command(partition, kept, None),
                )
            except (OffsetMetadataTooLargeError, UnknownTopicOrPartitionError) as error:
                verdicts[partition] = error
        replies = self._steps.desk.pipeline(chain.from_iterable(commands.values()))
        for partition, reply in zip(commands, replies[1::2], strict=True):
            verdicts[partition] = _verdict(partition, reply)
        return verdicts

    def delete_offsets(
        self, group: str, partitions: Collection[TopicPartition], timeout: float
    ) -> Verdicts:
        """Forget offsets."""
        return self._try(lambda: self._forget(group, partitions), timeout)

    def _forget(self, group: str, partitions: Collection[TopicPartition]) -> Verdicts:
        if not self._steps.exists(group):
            msg = f"no group {group}"
            raise GroupIdNotFoundError(msg)
        number = self._steps.number(group)
        (info,) = self._steps.infos([group])
        wanted = {topic for member in info.members for topic in member.topics}
        places, verdicts = self._places(group, partitions)
        for partition in [p for p in places if p.topic in wanted]:
            del places[partition]
            verdicts[partition] = _subscribed(partition)
        commands = [
            self._steps.forget_offset(group, where, number, all_=False) for where in places.values()
        ]
        for partition, reply in zip(places, self._steps.desk.pipeline(commands), strict=True):
            owned = reply[0] == b"OWNED"
            verdicts[partition] = _subscribed(partition) if owned else refusal(partition, reply)
        return {p: verdicts.get(p) for p in partitions}

    def _places(
        self, group: str, partitions: Collection[TopicPartition]
    ) -> tuple[dict[TopicPartition, Where], dict[TopicPartition, KafkaError | None]]:
        """Return where partitions are, and the errors of those that are nowhere."""
        finder = self._steps.offsets(group)
        places: dict[TopicPartition, Where] = {}
        missing: dict[TopicPartition, KafkaError | None] = {}
        for partition in partitions:
            try:
                places[partition] = finder.where(partition, create=False)
            except UnknownTopicOrPartitionError as error:
                missing[partition] = error
        return places, missing


def _verdict(partition: TopicPartition, reply: list[Any]) -> KafkaError | None:
    """Return the error of a commit from outside: a member may have come in between."""
    if reply[0] in {b"OWNED", b"FENCED"}:
        return UnknownMemberIdError(f"{partition} belongs to a live member of the group")
    return refusal(partition, reply)


def _subscribed(partition: TopicPartition) -> KafkaError:
    return GroupSubscribedToTopicError(f"live members of the group want {partition.topic}")
