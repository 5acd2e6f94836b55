"""Every key name and entry id, in one place. Pure.

All keys of a partition share a hash tag, and so do all keys of a group, so that scripts work on
Redis Cluster too. Names can never change: they are the layout.
"""

from __future__ import annotations

import secrets
import string
import time
from dataclasses import dataclass

LAYOUT = "1"
"""First character of a topic id: clients of an older layout neither read nor write the topic."""

BIAS = 10**13
"""Added to offsets in entry ids, so that a human's `XADD log *` (an id of about 1.7*10^12) sorts
below every record and cannot move the end of the log."""

LAST_PART = "18446744073709551615"
_DIGITS = string.digits + string.ascii_lowercase


def new_topic_id() -> str:
    """Return an id for a new incarnation of a topic: layout, creation time, four random digits."""
    number, text = int(time.time() * 1000), ""
    while number:
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
    return LAYOUT + text + "".join(secrets.choice(_DIGITS) for _ in range(4))


@dataclass(frozen=True)
class PartitionKeys:
    """The keys of one partition of one incarnation of a topic."""

    state: str
    log: str
    producers: str
    segments: str
    groups: str

    @property
    def all(self) -> tuple[str, ...]:
        """All of them: they are created and deleted together."""
        return (self.state, self.log, self.producers, self.segments, self.groups)


@dataclass(frozen=True)
class Namespace:
    """The keys that begin with one namespace."""

    name: str = "sf"

    @property
    def meta(self) -> str:
        """Layout version, least reader version, cluster id."""
        return f"{self.name}:meta"

    @property
    def topics(self) -> str:
        """The registry: topic name to JSON of id, partitions, configs."""
        return f"{self.name}:topics"

    @property
    def groups(self) -> str:
        """All groups, for listing and expiry."""
        return f"{self.name}:groups"

    def partition(self, topic: str, topic_id: str, partition: int) -> PartitionKeys:
        """Return the keys of a partition."""
        stem = f"{self.name}:t:{{{topic}:{partition}}}:{topic_id}:"
        return PartitionKeys(*(stem + part for part in ("s", "log", "p", "x", "g")))

    def group(self, group: str, part: str) -> str:
        """Return a key of a group's membership: part h, m, d, o or e."""
        return f"{self.name}:g:{{{escaped(group)}}}:{part}"


def escaped(group: str) -> str:
    """Return a group id without the characters that would break a hash tag."""
    return group.replace("%", "%25").replace("{", "%7B").replace("}", "%7D")


def after(offset: int) -> str:
    """Return the id behind which the record at `offset` is the next."""
    return f"{BIAS + offset - 1}-{LAST_PART}"
