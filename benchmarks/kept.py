"""The ratios that are kept in RESULTS.md: written, read, and compared with a new run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from benchmarks.report import digits, grouped, spread, title, verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from benchmarks.measure import Row

    Ratios = dict[tuple[str, str], float]

MOVED = 0.15
_ROW = re.compile(r"\| (?P<peer>.+?) \| (?P<ratio>\d\S*) \|")


def write(path: Path, rows: Sequence[Row], facts: Mapping[str, str]) -> None:
    """Keep the ratios."""
    path.write_text("\n".join(_lines(rows, facts)))


def _lines(rows: Sequence[Row], facts: Mapping[str, str]) -> Iterator[str]:
    yield "# Ratios\n"
    yield "Written by `python -m benchmarks --save`; README.md says how to read them.\n"
    yield ", ".join(f"{name} {value}" for name, value in facts.items()) + ".\n"
    for heading, found in grouped(rows):
        yield f"## {heading}\n"
        yield "| peer | ratio | spread | |\n|---|---|---|---|"
        for row in found:
            yield f"| {row.peer} | {digits(row.ratio)} | {spread(row)} |{verdict(row)} |"
        yield ""


def read(path: Path) -> Ratios:
    """Return the kept ratios by table and peer."""
    ratios: Ratios = {}
    heading = ""
    for line in path.read_text().splitlines():
        if line.startswith("## "):
            heading = line.removeprefix("## ")
        elif row := _ROW.match(line):
            ratios[heading, row["peer"]] = float(row["ratio"])
    return ratios


def moved(before: Ratios, rows: Sequence[Row]) -> list[str]:
    """Say which ratios are more than 15 % away from the kept ones."""
    both = [(row, old) for row in rows if (old := before.get((title(row), row.peer)))]
    return [_change(row, old) for row, old in both if abs(row.ratio / old - 1) > MOVED]


def _change(row: Row, old: float) -> str:
    change = f"was {digits(old)}, is {digits(row.ratio)} ({row.ratio / old - 1:+.0%})"
    return f"{title(row)}: {row.peer} {change}"
