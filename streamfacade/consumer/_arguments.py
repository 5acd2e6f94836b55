"""What callers of a consumer may pass, and the errors when they pass something else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamfacade.structs import TopicPartition


def split_topics(arguments: tuple[Any, ...]) -> tuple[Mapping[str, Any], list[str]]:
    """Return the dict of options, if one leads, and the topics behind it."""
    if arguments and isinstance(arguments[0], Mapping):
        return arguments[0], list(arguments[1:])
    if arguments and not isinstance(arguments[0], str):
        msg = f"topics are separate arguments, each a str: Consumer(*{arguments[0]!r:.60}, …)"
        raise TypeError(msg)
    return {}, list(arguments)


def partition(value: Any) -> TopicPartition:
    """Return a TopicPartition."""
    if not isinstance(value, TopicPartition):
        msg = f"expected a TopicPartition, not {value!r:.60}"
        raise TypeError(msg)
    return value


def partitions(value: Any) -> list[TopicPartition]:
    """Return a list of TopicPartitions."""
    if isinstance(value, TopicPartition) or not isinstance(value, (list, tuple, set, frozenset)):
        msg = f"expected a list of TopicPartitions, not {value!r:.60}"
        raise TypeError(msg)
    return [partition(one) for one in value]


def offset(value: Any) -> int:
    """Return an offset to seek to."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        msg = f"an offset must be an int >= 0, not {value!r:.60}"
        raise ValueError(msg)
    return value


def timeout(milliseconds: Any) -> float:
    """Return a timeout in seconds."""
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, (int, float)):
        msg = f"a timeout must be a number of milliseconds, not {milliseconds!r:.60}"
        raise TypeError(msg)
    if not milliseconds >= 0:
        msg = f"a timeout must not be negative: {milliseconds}"
        raise ValueError(msg)
    return milliseconds / 1000


def max_records(value: Any, default: int) -> int:
    """Return how many records a poll may return."""
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool):
        msg = f"max_records must be an int, not {type(value).__name__}"
        raise TypeError(msg)
    if value <= 0:
        msg = f"max_records must be above 0: {value}"
        raise ValueError(msg)
    return value


def timestamps(value: Any) -> dict[TopicPartition, int]:
    """Return timestamps by partition, whole and not negative."""
    checked = {partition(p): int(ms) for p, ms in dict(value).items()}
    for ms in checked.values():
        if ms < 0:
            msg = f"a timestamp must not be negative: {ms}"
            raise ValueError(msg)
    return checked
