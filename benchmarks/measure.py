"""Runs the races round by round, so that what is compared was measured moments apart."""

from __future__ import annotations

import statistics
from collections import defaultdict
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.peer import Skipped
from benchmarks.races import TARGETS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchmarks.peer import Figures, Peer
    from benchmarks.races import Race

    Samples = Mapping[tuple[str, str], Sequence[Figures]]
    Note = Callable[[str], object]


@dataclass(frozen=True)
class Row:
    """One figure of one peer. Ratios are to the race's first peer in the same round."""

    race: str
    figure: str
    peer: str
    median: float
    ratio: float
    lowest: float
    highest: float
    target: float | None

    def as_json(self) -> dict[str, Any]:
        """Return the row as JSON takes it."""
        return asdict(self)


class Runner:
    """Runs what can run; `skipped` says what could not, and why."""

    def __init__(self, races: Sequence[Race], note: Note) -> None:
        self._races = races
        self._note = note
        self.skipped: dict[str, str] = {}

    def run(self, count: int, repeat: int) -> list[Row]:
        """Measure `repeat` rounds; the order turns round each time."""
        samples: defaultdict[tuple[str, str], list[Figures]] = defaultdict(list)
        runnable = [(race, peer) for race in self._races for peer in self._ready(race, count)]
        for number in range(repeat):
            for race, peer in runnable if number % 2 == 0 else reversed(runnable):
                self._note(f"{race.title}: {peer.name}")
                samples[race.title, peer.name].append(peer.run())
        for _, peer in runnable:
            peer.teardown()
        return [row for race in self._races for row in _rows(race, samples)]

    def _ready(self, race: Race, count: int) -> list[Peer]:
        return [peer for peer in race.peers if self._set_up(race, peer, count)]

    def _set_up(self, race: Race, peer: Peer, count: int) -> bool:
        self._note(f"{race.title}: {peer.name}, preparing")
        try:
            peer.setup(max(1, int(count * race.share * peer.share)))
        except Skipped as reason:
            self.skipped[f"{race.title}: {peer.name}"] = str(reason)
            return False
        return True


def _rows(race: Race, samples: Samples) -> list[Row]:
    ran = [peer.name for peer in race.peers if (race.title, peer.name) in samples]
    if not ran:
        return []
    first = samples[race.title, ran[0]]
    figures = first[0]
    return [
        _row(race.title, figure, name, samples[race.title, name], first)
        for figure in figures
        for name in ran
    ]


def _row(
    race: str, figure: str, peer: str, mine: Sequence[Figures], first: Sequence[Figures]
) -> Row:
    measured = [sample[figure] for sample in mine]
    ratios = [m / f[figure] for m, f in zip(measured, first, strict=True)]
    median = statistics.median
    target = TARGETS.get((race, peer))
    return Row(
        race, figure, peer, median(measured), median(ratios), min(ratios), max(ratios), target
    )
