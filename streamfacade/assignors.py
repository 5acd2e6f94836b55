"""Who of a group's members gets which partitions, computed by a client.

Pure functions of three facts: what each member wants, how many partitions each topic has, and
who has what now.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import cycle
from typing import Any

from streamfacade.errors import KafkaConfigurationError
from streamfacade.structs import TopicPartition

Wanted = Mapping[str, Collection[str]]
Assignment = dict[str, set[TopicPartition]]
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


def sticky(
    wanted: Wanted,
    counts: Mapping[str, int],
    current: Mapping[str, Collection[TopicPartition]],
) -> Assignment:
    """Spread partitions evenly and move as few as possible (KIP-54's two aims, in that order)."""
    takers = _takers(wanted)
    result: Assignment = {member: set() for member in wanted}
    free = {TopicPartition(t, p) for t in takers for p in range(counts.get(t, 0))}
    for member in sorted(result):
        kept = {p for p in current.get(member, ()) if p in free and member in takers[p.topic]}
        result[member] |= kept
        free -= kept
    for partition in sorted(free):
        _least_loaded(takers[partition.topic], result).add(partition)
    while _level(takers, result):
        pass
    return result


def _takers(wanted: Wanted) -> dict[str, list[str]]:
    topics = {topic for names in wanted.values() for topic in names}
    return {topic: sorted(m for m, names in wanted.items() if topic in names) for topic in topics}


def _least_loaded(members: Collection[str], result: Assignment) -> set[TopicPartition]:
    return min((result[member] for member in members), key=len)


def _level(takers: Mapping[str, list[str]], result: Assignment) -> bool:
    """Move partitions from fuller to emptier members; return whether any moved."""
    moved = False
    for member in sorted(result, key=lambda m: -len(result[m])):
        mine = result[member]
        for partition in sorted(mine, reverse=True):
            other = _least_loaded(takers[partition.topic], result)
            if len(mine) - len(other) > 1:
                mine.discard(partition)
                other.add(partition)
                moved = True
    return moved


def range_(
    wanted: Wanted,
    counts: Mapping[str, int],
    _current: Mapping[str, Collection[TopicPartition]],
) -> Assignment:
    """Give each member a run of neighbouring partitions of every topic (Kafka's first assignor)."""
    result: Assignment = {member: set() for member in wanted}
    for topic, takers in _takers(wanted).items():
        share, extra = divmod(counts.get(topic, 0), len(takers))
        first = 0
        for place, member in enumerate(takers):
            end = first + share + (place < extra)
            result[member] |= {TopicPartition(topic, p) for p in range(first, end)}
            first = end
    return result


def roundrobin(
    wanted: Wanted,
    counts: Mapping[str, int],
    _current: Mapping[str, Collection[TopicPartition]],
) -> Assignment:
    """Deal the partitions of all topics out in turn, past members that do not want the topic."""
    takers = _takers(wanted)
    result: Assignment = {member: set() for member in wanted}
    turns = cycle(sorted(wanted))
    for topic in sorted(takers):
        for partition in range(counts.get(topic, 0)):
            member = next(m for m in turns if m in takers[topic])
            result[member].add(TopicPartition(topic, partition))
    return result


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


def shared(lists: Sequence[Sequence[str]]) -> list[str]:
    """Return the names that all lists have, the most preferred by all first."""
    common = set(lists[0]).intersection(*lists)
    return sorted(common, key=lambda name: (sum(names.index(name) for names in lists), name))
