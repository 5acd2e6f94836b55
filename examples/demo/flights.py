"""The flights, and what a dashboard wants to know of them."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

CANCELLED = "NA"  # as the time of departure
DATA = Path(__file__).parent.parent / "data" / "flights.csv"
Flight = dict[str, str]


class Carrier(NamedTuple):
    """One line of the dashboard."""

    code: str
    departures: int
    mean_delay: float
    cancelled: int


def load() -> list[Flight]:
    """Read the flights in the order they were scheduled."""
    with DATA.open(newline="") as file:
        return list(csv.DictReader(file))


def by_carrier(flights: Iterable[Flight]) -> dict[str, list[Flight]]:
    """Sort flights to their carriers, each carrier's in the order they came."""
    carriers: dict[str, list[Flight]] = defaultdict(list)
    for flight in flights:
        carriers[flight["carrier"]].append(flight)
    return dict(carriers)


def summary(flights: Iterable[Flight]) -> list[Carrier]:
    """Sum up each carrier, in alphabetical order whatever order the flights came in."""
    return [_sum_up(code, own) for code, own in sorted(by_carrier(flights).items())]


def _sum_up(code: str, flights: list[Flight]) -> Carrier:
    # Delays are whole minutes: their sum, hence the mean, does not depend on the order.
    delays = [int(flight["dep_delay"]) for flight in flights if flight["dep_time"] != CANCELLED]
    mean = sum(delays) / len(delays) if delays else 0.0
    return Carrier(code, len(delays), mean, len(flights) - len(delays))
