"""The result for a person: ratios as a table, and as bars."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from rich.table import Table

from benchmarks.peer import RATE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from benchmarks.measure import Row

_BAR = 8


def title(row: Row) -> str:
    """Return the heading of a row's table."""
    return row.race if row.figure == RATE else f"{row.race}, {row.figure}"


def grouped(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """Return the rows of each table under its heading."""
    return [(heading, list(found)) for heading, found in groupby(rows, title)]


def show(console: Console, rows: Sequence[Row], skipped: Mapping[str, str]) -> None:
    """Print all tables, then what was left out."""
    for heading, found in grouped(rows):
        console.print(_table(heading, found))
    for what, why in skipped.items():
        console.print(f"skipped {what}: {why}")


def _table(heading: str, rows: Sequence[Row]) -> Table:
    better = "more" if rows[0].figure == RATE else "less"
    table = Table(title=f"\n{heading}: {better} is better", title_justify="left", box=None)
    table.add_column("", min_width=30, no_wrap=True)
    for column in ("ratio", "spread", rows[0].figure):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True, min_width=_BAR)
    longest = max(row.ratio for row in rows)
    for row in rows:
        table.add_row(*_cells(row, longest))
    return table


def _cells(row: Row, longest: float) -> tuple[str, ...]:
    bar = "█" * max(1, round(_BAR * row.ratio / longest))
    return row.peer, digits(row.ratio), spread(row), _figure(row.median), bar + verdict(row)


def digits(ratio: float) -> str:
    """Return a ratio in two or three digits that matter."""
    return f"{ratio:.2f}" if ratio >= 0.1 else f"{ratio:.2g}"  # noqa: PLR2004 - as it says


def spread(row: Row) -> str:
    """Return the lowest and the highest ratio."""
    return f"{digits(row.lowest)}-{digits(row.highest)}"


def _figure(value: float) -> str:
    thousand = 1000
    return f"{value / thousand:,.0f} k" if value >= 10 * thousand else f"{value:,.0f}"


def verdict(row: Row) -> str:
    """Return what to say of a row that has a target."""
    if row.target is None:
        return ""
    return f" ≥{row.target}" if row.ratio >= row.target else f" <{row.target}!"
