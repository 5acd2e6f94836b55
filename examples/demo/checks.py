"""What the tour checks: nothing lost, nothing twice, everything in order."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from examples.demo import screen
from examples.demo.clients import Wrong
from examples.demo.flights import by_carrier
from streamfacade import TopicPartition

if TYPE_CHECKING:
    from collections.abc import Sequence

    from examples.demo.clients import Record
    from examples.demo.flights import Flight


def check_starts(records: Sequence[Record], committed: dict[TopicPartition, int]) -> None:
    """See that each partition went on where the group had committed."""
    starts: dict[TopicPartition, int] = {}
    for record in records:
        starts.setdefault(TopicPartition(record.topic, record.partition), record.offset)
    if wrong := {p: start for p, start in starts.items() if start != committed[p]}:
        raise Wrong(f"committed was {committed}, but reading went on at {wrong}")


def check(flights: Sequence[Flight], records: Sequence[Record]) -> None:
    """See that every flight came once, and each carrier's in the order they were sent."""
    places = Counter((r.partition, r.offset) for r in records)
    if twice := [place for place, times in places.items() if times > 1]:
        raise Wrong(f"{len(twice)} records came twice, the first at (partition, offset) {twice[0]}")
    if len(records) != len(flights):
        raise Wrong(f"{len(flights)} records were sent, {len(records)} came")
    if by_carrier(flights) != by_carrier(record.value for record in records):
        raise Wrong("the records that came are not those that were sent, or not in their order")
    screen.step("Checked", f"{len(records):,} records: none lost or twice, each carrier in order")
