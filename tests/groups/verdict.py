"""What must hold, whatever was done to a group; told from the diaries and the observed commits."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

NOTICED = 1.0
"""Seconds after which a thawed member knows that its lease has lapsed: a heartbeat or two."""


class Got(NamedTuple):
    """A record that a member was given."""

    when: float
    offset: int
    key: str
    number: int


@dataclass
class Tenure:
    """A member's time with a partition, and what it got in it."""

    member: str
    since: float
    got: list[Got] = field(default_factory=list)


def tenures(crew):
    """Return of each partition the tenures, in the order in which they began."""
    found = defaultdict(list)
    for member in crew.members:
        mine = {}
        for when, what, rest in member.look():
            if what == "assigned":
                for partition in map(int, rest):
                    mine[partition] = Tenure(member.name, when)
                    found[partition].append(mine[partition])
            elif what == "got":
                partition, offset, number = int(rest[0]), int(rest[1]), int(rest[3])
                mine[partition].got.append(Got(when, offset, rest[2], number))
    return {p: sorted(some, key=lambda tenure: tenure.since) for p, some in found.items()}


class Late(NamedTuple):
    """What a member got after another had begun to read."""

    partition: int
    member: str
    over: float
    when: float


def late(all_tenures):
    """Return who got records of a partition after another had begun to read it."""
    found = []
    for partition, some in all_tenures.items():
        for place, tenure in enumerate(some):
            begun = [
                t.got[0].when for t in some[place + 1 :] if t.got and t.member != tenure.member
            ]
            if begun and tenure.got and tenure.got[-1].when > min(begun):
                when = tenure.got[-1].when
                found.append(Late(partition, tenure.member, when - min(begun), when))
    return found


def check_only_thawed(zombies, crew):
    """See that who was late had just been frozen, and noticed soon."""
    thaws = {member.name: [thaw for _, thaw in member.frozen] for member in crew.members}
    for zombie in zombies:
        since = min((zombie.when - t for t in thaws[zombie.member] if t <= zombie.when), default=99)
        assert since < NOTICED, zombie


def check_complete(all_tenures, ends):
    """See that every record was handed out."""
    for partition, end in ends.items():
        some = all_tenures.get(partition, [])
        offsets = {got.offset for tenure in some for got in tenure.got}
        assert offsets == set(range(end)), (
            f"lost in {partition}: {sorted(set(range(end)) - offsets)}"
        )


def check_order(all_tenures):
    """See that within a tenure offsets follow each other, and so do the numbers of a key."""
    for partition, some in all_tenures.items():
        for tenure in some:
            offsets = [got.offset for got in tenure.got]
            if offsets:
                whole = list(range(offsets[0], offsets[0] + len(offsets)))
                assert offsets == whole, f"{partition}, {tenure.member}: {offsets}"
            last = {}
            for got in tenure.got:
                assert got.number == last.get(got.key, got.number - 1) + 1, (tenure.member, got)
                last[got.key] = got.number


def check_commits(seen):
    """See that no committed offset went back."""
    for partition, moments in seen.items():
        offsets = [offset for _, offset in moments]
        assert offsets == sorted(offsets), f"the commits of {partition} went back: {offsets}"


def check_duplicates(all_tenures, seen):
    """See that a tenure began at or after what was committed before it; return the duplicates."""
    duplicates = 0
    for partition, some in all_tenures.items():
        known = set()
        moments = [moment for moment, _ in seen.get(partition, ())]
        for tenure in some:
            before = bisect_left(moments, tenure.since)
            floor = seen[partition][before - 1][1] if before else 0
            again = [got.offset for got in tenure.got if got.offset < floor]
            assert not again, f"{partition}: {tenure} got {again}, committed was {floor}"
            duplicates += len(known.intersection(got.offset for got in tenure.got))
            known.update(got.offset for got in tenure.got)
    return duplicates
