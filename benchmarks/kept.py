"""The ratios that are kept in RESULTS.md: written, read, and compared with a new run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from benchmarks.report import grouped, title, verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from benchmarks.measure import Row

    Ratios = dict[tuple[str, str], float]

MOVED = 0.15
_ROW = re.compile(r"\| (?P<peer>.+?) \| (?P<ratio>[\d.]+) \|")


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
            spread = f"{row.lowest:.3f}-{row.highest:.3f}"
            yield f"| {row.peer} | {row.ratio:.3f} | {spread} | {verdict(row).strip()} |"
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
    return [
        f"{title(row)}: {row.peer} was {old:.2f}, is {row.ratio:.2f} ({row.ratio / old - 1:+.0%})"
        for row in rows
        if (old := before.get((title(row), row.peer))) and abs(row.ratio / old - 1) > MOVED
    ]
