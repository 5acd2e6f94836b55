"""The second act: two members share the flights, one is killed, the other finishes."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from examples.demo import screen
from examples.demo.checks import check
from examples.demo.clients import PARTITIONS, PATIENCE, Wrong, progress, read
from examples.demo.victim import UNCOMMITTED, choose, open_member, owned, session_ms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from examples.demo.clients import Record
    from examples.demo.flights import Flight
    from examples.demo.victim import Report, Victim
    from streamfacade import Consumer


def share_and_survive(url: str, topic: str, flights: Sequence[Flight]) -> list[Record]:
    """Show what a death in the group does; return every record once."""
    group = topic.replace("flights", "relay")
    with open_member(url, topic, group) as survivor, choose(url)(url, topic, group) as victim:
        theirs = share(survivor, victim)
        screen.step("Shared", f"by two members of the fresh group {group}")
        before = [("victim", theirs.owned), ("survivor", owned(survivor))]
        mine = read_own_half(survivor, topic)
        victim.die()
        killed = f"{victim.how}, {len(theirs.records)} records read"
        screen.step("Killed half-way", f"{killed}, the last {UNCOMMITTED} not committed")
        mine += take_over(survivor, session_ms(url))
        screen.owners(before, [("survivor", owned(survivor))])
        committed = len(theirs.records) - UNCOMMITTED
        mine += read(survivor, len(flights) - committed - len(mine))
        survivor.commit()
        check_lag(survivor, topic)
    together = without_duplicates(theirs, mine)
    check(flights, together)
    return together


def share(survivor: Consumer[str, Flight], victim: Victim) -> Report:
    """Poll, for the group's sake, until the victim has done its part."""
    with ThreadPoolExecutor() as pool:
        report = pool.submit(victim.work)
        while not report.done():
            survivor.poll(50)
    both = sorted([*report.result().owned, *owned(survivor)])
    if both != list(range(PARTITIONS)):
        raise Wrong(f"the two members own {both} of {PARTITIONS} partitions")
    return report.result()


def read_own_half(survivor: Consumer[str, Flight], topic: str) -> list[Record]:
    """Read half of the survivor's share, and commit it."""
    survivor.seek_to_beginning()  # until the shares were settled, reading was only taking part
    ends = {p: end for p, end, _ in progress(survivor, topic)}
    records = read(survivor, sum(ends[p] for p in survivor.assignment()) // 2)
    survivor.commit()
    return records


def take_over(survivor: Consumer[str, Flight], session: int) -> list[Record]:
    """Read on until everything is the survivor's, and say how long that took."""
    records: list[Record] = []
    began = time.monotonic()
    while len(survivor.assignment()) < PARTITIONS:
        for batch in survivor.poll(50).values():
            records += batch
        if time.monotonic() > began + PATIENCE:
            raise Wrong(f"after {PATIENCE} s nobody has the dead member's partitions")
    took = f"{time.monotonic() - began:.1f} s after the kill"
    screen.step("Handed over", f"{took}, with session_timeout_ms={session}")
    return records


def check_lag(survivor: Consumer[str, Flight], topic: str) -> None:
    """See that the group has committed everything."""
    rows = progress(survivor, topic)
    if any(end != done for _, end, done in rows):
        raise Wrong(f"everything is read and committed, but there is lag: {rows}")


def without_duplicates(theirs: Report, mine: Sequence[Record]) -> list[Record]:
    """Take what came twice once; nothing may that was committed."""
    known = {(r.partition, r.offset): r for r in theirs.records}
    twice = [place for r in mine if (place := (r.partition, r.offset)) in known]
    if sorted(twice) != sorted(list(known)[-UNCOMMITTED:]):
        raise Wrong(f"not the {UNCOMMITTED} records after the last commit came twice, but {twice}")
    screen.step("Twice", f"{len(twice)} records, exactly those after the last commit; taken once")
    return [*known.values(), *(r for r in mine if (r.partition, r.offset) not in known)]
