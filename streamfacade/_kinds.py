"""What a value of an option must be: each kind returns the value to use or raises ValueError.

The text after "must be" in the error is the kind's, so that the table needs none of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

Kind = Callable[[Any], Any]


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def integer(low: int, high: float = math.inf) -> Kind:
    """Whole numbers from `low` to `high`; `float("inf")` where there is no upper limit."""
    text = f"a whole number from {low} to {high}" if high < math.inf else f"a whole number >= {low}"

    def check(value: Any) -> Any:
        endless = value == math.inf == high
        if not endless and not (_is_int(value) and low <= value <= high):
            raise ValueError(text)
        return value

    return check


def milliseconds(low: int = 0) -> Kind:
    """Durations in milliseconds, whole or not."""

    def check(value: Any) -> Any:
        if not (_is_int(value) or isinstance(value, float)) or not value >= low:
            msg = f"a number of milliseconds >= {low}"
            raise ValueError(msg)
        return value

    return check


def forever_or_ms(value: Any) -> Any:
    """Milliseconds, or a negative number or infinity for "for ever"."""
    if not (_is_int(value) or isinstance(value, float)):
        msg = "a number of milliseconds, or float('inf')"
        raise ValueError(msg)
    return math.inf if value < 0 else value


def boolean(value: Any) -> bool:
    """Check for True or False, and take their names in lower case as Kafka's files write them."""
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return bool(value == "true")
    msg = "True or False"
    raise ValueError(msg)


def one_of(*allowed: Any) -> Kind:
    """Exactly one of these values."""

    def check(value: Any) -> Any:
        if isinstance(value, (list, dict, set)) or value not in allowed:
            raise ValueError(" or ".join(repr(a) for a in allowed))
        return value

    return check


def text(value: Any) -> str:
    """Check for a string that is not empty."""
    if not isinstance(value, str) or not value:
        msg = "a string that is not empty"
        raise ValueError(msg)
    return value


def servers(value: Any) -> str:
    """Check for a URL, "host:port,host:port", or a list of such; returns one string."""
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, (list, tuple, set)) or not all(listed):
        msg = "a URL, 'host:port', or a list of them"
        raise ValueError(msg)
    return ",".join(text(server) for server in listed)


def mapping(value: Any) -> dict[str, Any]:
    """Check for a dict with string keys."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        msg = "a dict with string keys"
        raise ValueError(msg)
    return dict(value)


def function(value: Any) -> Any:
    """Check for something to call."""
    if not callable(value):
        msg = "something to call"
        raise ValueError(msg)  # noqa: TRY004 - every kind raises it
    return value


def converter(method: str) -> Kind:
    """Check for a callable (`int` is one), or an object with `method`, not its class."""

    def check(value: Any) -> Any:
        has = hasattr(value, method)
        if not (has or callable(value)) or (has and isinstance(value, type)):
            msg = f"a callable or an object (not a class) with {method}()"
            raise ValueError(msg)
        return value

    return check


def anything(value: Any) -> Any:
    """Take any value: the client library checks it."""
    return value


def acks(value: Any) -> int:
    """Check for 0, 1, -1 or 'all'."""
    as_number = {"all": -1, "-1": -1, "0": 0, "1": 1}.get(value, value)
    return int(one_of(-1, 0, 1)(as_number))


def reset(value: Any) -> str:
    """Check for a reset policy, 2.x spellings included."""
    spelled = {"smallest": "earliest", "largest": "latest"}.get(value, value)
    return str(one_of("earliest", "latest", "none")(spelled))


def optional(kind: Kind) -> Kind:
    """Let a kind be None too."""
    return lambda value: None if value is None else kind(value)
