"""The reference model of a consumer group: who is in it, who owns what, what is committed.

Expiry is computed whenever somebody looks; there are no threads. A member is alive as long as it
polls within `max_poll_interval_ms`, as its process is ours; a killed one has its session to run.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from streamfacade.assignors import shared
from streamfacade.errors import InconsistentGroupProtocolError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from streamfacade.assignors import Assign
    from streamfacade.structs import OffsetAndMetadata, TopicPartition


@dataclass
class Member:
    """One consumer in a group."""

    topics: frozenset[str]
    strategies: Mapping[str, Assign]
    deadline: float = 0.0
    owned: set[TopicPartition] = field(default_factory=set)
    target: set[TopicPartition] = field(default_factory=set)
    client_id: str = ""
    instance_id: str | None = None


class Group:
    """A group of consumers, and its committed offsets, which outlive all members."""

    def __init__(self) -> None:
        """Start without members or offsets."""
        self.members: dict[str, Member] = {}
        self.offsets: dict[TopicPartition, OffsetAndMetadata] = {}
        self.generation = 0
        self._assigned_for: object = None

    def beat(
        self,
        name: str,
        topics: frozenset[str],
        lifetime: float,
        counts: Mapping[str, int],
        strategies: Mapping[str, Assign],
    ) -> Member:
        """Keep a member alive (a new name joins), and bring everybody's target up to date.

        Raises:
            InconsistentGroupProtocolError: no strategy is common to all members.

        """
        self._expire()
        if name not in self.members:
            self._check_strategies(strategies)
        member = self.members.setdefault(name, Member(topics, strategies))
        member.topics, member.deadline = topics, time.monotonic() + lifetime
        self._retarget(counts)
        return member

    def _expire(self) -> None:
        now = time.monotonic()
        for name in [n for n, m in self.members.items() if m.deadline < now]:
            self.leave(name)

    def _check_strategies(self, strategies: Mapping[str, Assign]) -> None:
        if not shared([list(strategies), *self._lists()]):
            msg = f"no member has one of the strategies {', '.join(strategies)} that all have"
            raise InconsistentGroupProtocolError(msg)

    def _lists(self) -> list[list[str]]:
        return [list(member.strategies) for member in self.members.values()]

    def _retarget(self, counts: Mapping[str, int]) -> None:
        wanted = {name: member.topics for name, member in self.members.items()}
        facts = (wanted, dict(counts))
        if facts == self._assigned_for:
            return
        self._assigned_for = facts
        self.generation += 1
        current = {name: member.owned for name, member in self.members.items()}
        best = shared(self._lists())[0]
        assign = next(iter(self.members.values())).strategies[best]
        targets = assign(wanted, counts, current)
        for name, member in self.members.items():
            member.target = set(targets.get(name, ()))

    def claimable(self, member: Member) -> set[TopicPartition]:
        """Return what a member should have and nobody has."""
        taken = set().union(*(m.owned for m in self.members.values()))
        return member.target - taken

    def silence(self, name: str, seconds: float) -> None:
        """Hear no more of a member: it is dead after `seconds`, unless it is heard again."""
        if name in self.members:
            self.members[name].deadline = time.monotonic() + seconds

    def leave(self, name: str) -> None:
        """Remove a member; should it come back, it gets a target anew."""
        self.members.pop(name, None)
        self._assigned_for = None

    def refused(self, name: str, partitions: Collection[TopicPartition]) -> set[TopicPartition]:
        """Return those partitions that a commit by member `name` may not touch."""
        self._expire()
        if name not in self.members:
            return set(partitions)
        others = (m.owned for n, m in self.members.items() if n != name)
        return set(partitions).intersection(set().union(*others))

    def exists(self) -> bool:
        """Return whether there ever was a member, or is an offset."""
        return bool(self.generation or self.offsets)

    def protocol(self) -> str:
        """Return the strategy that the members agree on, "" where there are none."""
        return next(iter(shared(self._lists())), "") if self.members else ""

    def has_members(self) -> bool:
        """Return whether anybody lives in the group."""
        self._expire()
        return bool(self.members)

    def forget_topic(self, topic: str) -> None:
        """Drop the offsets of a deleted topic."""
        self.offsets = {p: o for p, o in self.offsets.items() if p.topic != topic}
