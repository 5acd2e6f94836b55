"""The topic configs that backends without Kafka's own machinery honour: Kafka's names and defaults.

`maxlen` is redispubsub's bound in records, which Kafka does not have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamfacade.errors import InvalidConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULTS: dict[str, int] = {
    "retention.ms": 604_800_000,  # -1: keep for ever
    "retention.bytes": -1,
    "maxlen": -1,
    "max.message.bytes": 1_048_588,
    "min.insync.replicas": 1,
}
MAX_AHEAD_MS = 3_600_000
"""How far a timestamp may be ahead of the clock: Kafka's message.timestamp.after.max.ms."""

_LOWEST = {"max.message.bytes": 0, "min.insync.replicas": 1}


def settled(given: Mapping[str, object]) -> dict[str, int]:
    """Return all configs of a topic, the given ones checked.

    Raises:
        InvalidConfigurationError: an unknown name, or a value that is not a number in range.

    """
    configs = dict(DEFAULTS)
    for name, value in given.items():
        if name not in DEFAULTS:
            msg = f"unknown topic config {name!r}; there are {', '.join(DEFAULTS)}"
            raise InvalidConfigurationError(msg)
        configs[name] = _number(name, value)
    return configs


def _number(name: str, value: object) -> int:
    lowest = _LOWEST.get(name, -1)
    try:
        number = int(str(value))
    except ValueError:
        number = lowest - 1
    if number < lowest:
        msg = f"{name} must be a whole number >= {lowest}, not {value!r}"
        raise InvalidConfigurationError(msg)
    return number
