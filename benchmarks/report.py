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

_BAR = 14


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
        console.print(f"skipped {what}: {why}", highlight=False)


def _table(heading: str, rows: Sequence[Row]) -> Table:
    better = "more" if rows[0].figure == RATE else "less"
    table = Table(title=f"{heading} ({better} is better)", title_justify="left", box=None)
    table.add_column("")
    for column in ("ratio", "spread", rows[0].figure):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True, min_width=_BAR)
    longest = max(row.ratio for row in rows)
    for row in rows:
        spread = f"{row.lowest:.2f}-{row.highest:.2f}"
        bar = "█" * max(1, round(_BAR * row.ratio / longest))
        table.add_row(
            row.peer, f"{row.ratio:.2f}", spread, f"{row.median:,.0f}", bar + verdict(row)
        )
    return table


def verdict(row: Row) -> str:
    """Return what to say of a row that has a target."""
    if row.target is None:
        return ""
    return f" ≥ {row.target}" if row.ratio >= row.target else f" below {row.target}"
