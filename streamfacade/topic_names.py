"""Which names a topic may have."""

from __future__ import annotations

import re
from typing import Any

_MAX_TOPIC = 249
_LEGAL_TOPIC = re.compile(r"[a-zA-Z0-9._-]+\Z")


def topic_name(topic: Any) -> str:
    """Return a legal topic name, by Kafka's rules.

    Raises:
        TypeError: it is not a string.
        ValueError: it is empty, too long, or has characters that Kafka forbids.

    """
    if not isinstance(topic, str):
        msg = f"a topic must be a str, not {type(topic).__name__}"
        raise TypeError(msg)
    if topic in ("", ".", "..") or len(topic) > _MAX_TOPIC or not _LEGAL_TOPIC.match(topic):
        msg = (
            f"illegal topic name {topic!r}: 1 to {_MAX_TOPIC} of the characters a-z A-Z 0-9 . _ -,"
            " and neither '.' nor '..'"
        )
        raise ValueError(msg)
    return topic
