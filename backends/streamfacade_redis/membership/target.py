"""Who shall get what: from a snapshot of the members to the lines that `install` stores. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from streamfacade.assignors import Assign, shared, strategies
from streamfacade.structs import TopicPartition
from streamfacade_redis.membership.wire import Owned

if TYPE_CHECKING:
    from streamfacade_redis.membership.wire import Line

Registry = Mapping[str, tuple[str, int]]


def common(members: Mapping[str, Line]) -> list[str]:
    """Return the strategies that all members have, the most preferred first."""
    return shared([line.strategies for line in members.values()])


def compute(members: Mapping[str, Line], registry: Registry, assign: Assign) -> dict[str, str]:
    """Return each member's target, as the group's keys name partitions.

    Raises:
        ValueError: the assignor gave a partition twice, or one that does not exist.

    """
    counts = {topic: count for topic, (_, count) in registry.items()}
    wanted = {member: line.topics for member, line in members.items()}
    current = {member: _present(line.current, registry) for member, line in members.items()}
    result = assign(wanted, counts, current)
    _check(result, members, counts)
    return {m: " ".join(_places(result.get(m, ()), registry)) for m in members}


def _present(current: Collection[Owned], registry: Registry) -> set[TopicPartition]:
    """Leave out partitions of a topic that is gone, or was deleted and made again."""
    nothing = ("", 0)
    return {
        TopicPartition(owned.topic, owned.partition)
        for owned in current
        if owned.topic_id == registry.get(owned.topic, nothing)[0]
        and owned.partition < registry[owned.topic][1]
    }


def _check(
    result: Mapping[str, Collection[TopicPartition]],
    members: Mapping[str, Line],
    counts: Mapping[str, int],
) -> None:
    given = [partition for partitions in result.values() for partition in partitions]
    wrong = {p for p in given if not 0 <= p[1] < counts.get(p[0], 0)}
    strangers = set(result) - set(members)
    if len(given) != len(set(given)) or wrong or strangers:
        twice = {p for p in given if given.count(p) > 1} if len(given) != len(set(given)) else ()
        msg = f"the assignor gave twice: {twice}, unknown: {wrong}, to strangers: {strangers}"
        raise ValueError(msg)


def _places(partitions: Collection[TopicPartition], registry: Registry) -> list[str]:
    return [Owned(t, registry[t][0], p, 0).place for t, p in sorted(partitions)]


__all__ = ["Assign", "common", "compute", "strategies"]
