"""Who shall get what: from a snapshot of the members to the lines that `install` stores. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from streamfacade.assignors import range_, roundrobin, sticky
from streamfacade.errors import KafkaConfigurationError
from streamfacade.structs import TopicPartition
from streamfacade_redis.membership.wire import Owned

if TYPE_CHECKING:
    from streamfacade_redis.membership.wire import Line

Assign = Callable[
    [
        Mapping[str, Collection[str]],
        Mapping[str, int],
        Mapping[str, Collection[TopicPartition]],
    ],
    Mapping[str, Collection[TopicPartition]],
]
"""(member -> topics wanted, topic -> number of partitions, member -> partitions it has now) ->
member -> partitions it shall have."""
Registry = Mapping[str, tuple[str, int]]

_BUILT_IN: dict[str, Assign] = {
    "sticky": sticky,
    "cooperative-sticky": sticky,
    "range": range_,
    "roundrobin": roundrobin,
}


def strategies(option: Any) -> dict[str, Assign]:
    """Return the assignors that `partition_assignment_strategy` names, in order of preference.

    Each is a name, a class or an object with `name`; other names than ours need `assign`.

    Raises:
        KafkaConfigurationError: an unknown name, or an object that cannot assign.

    """
    given = list(option or ["sticky"]) if isinstance(option, (list, tuple)) else [option]
    return dict(_strategy(one) for one in given)


def _strategy(given: Any) -> tuple[str, Assign]:
    name = given if isinstance(given, str) else getattr(given, "name", "")
    if name in _BUILT_IN:
        return str(name), _BUILT_IN[name]
    named = isinstance(name, str) and name and not set(name) & set(", \n")
    assign = getattr(given() if isinstance(given, type) else given, "assign", None)
    if not named or not callable(assign):
        msg = (
            f"partition_assignment_strategy {given!r} is none of {', '.join(_BUILT_IN)}, nor has it"
            " a name (without blanks and commas) and assign(wanted, counts, current)"
        )
        raise KafkaConfigurationError(msg)
    return name, assign


def common(members: Mapping[str, Line]) -> list[str]:
    """Return the strategies that all members have, the most preferred first."""
    lists = [line.strategies for line in members.values()]
    shared = set(lists[0]).intersection(*lists)
    return sorted(shared, key=lambda name: (sum(names.index(name) for names in lists), name))


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
