"""What the tour shows: colours and boxes on a terminal, plain text elsewhere."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from examples.demo.flights import Carrier
    from streamfacade import ConsumerRecord, TopicPartition

# What stands between these two lines is the same on every backend, byte for byte.
BEGIN = "----- departures by carrier -----"
END = "----- end of departures by carrier -----"

# Elsewhere than on a terminal the width is ours too, lest $COLUMNS fold the table.
_out = Console(highlight=False, width=None if sys.stdout.isatty() else 80)
_err = Console(stderr=True, highlight=False)


def title(text: str) -> None:
    """Say what this is."""
    _out.print(f"[bold]{escape(text)}[/bold]", soft_wrap=True)


def step(what: str, details: str) -> None:
    """Say what was done."""
    _out.print(f"\n[bold cyan]{escape(what)}[/bold cyan]  {escape(details)}", soft_wrap=True)


def failed(why: object) -> None:
    """Say what went wrong."""
    _err.print(f"[bold red]failed:[/bold red] {escape(str(why))}", soft_wrap=True)


def partitions(rows: Iterable[tuple[TopicPartition, int, int]]) -> None:
    """Show the group's commits: of each partition its end and what is committed."""
    cells = [(f"{p.partition}", f"{end}", f"{done}", f"{end - done}") for p, end, done in rows]
    lag = sum(int(cell[-1]) for cell in cells)
    _table(("partition", "end", "committed", "lag"), [*cells, ("all", "", "", f"{lag}")])


def records(some: Iterable[ConsumerRecord[str, dict[str, str]]]) -> None:
    """Show where records lie and what they are."""
    cells = [
        (f"{r.partition}", f"{r.offset}", r.key, r.value["flight"], r.value["dest"]) for r in some
    ]
    _table(("partition", "offset", "carrier", "flight", "to"), cells)


def owners(before: Iterable[tuple[str, list[int]]], after: Iterable[tuple[str, list[int]]]) -> None:
    """Show who had which partition before and after somebody's death."""
    then, now = ({p: name for name, own in who for p in own} for who in (before, after))
    _table(("partition", "before", "after"), [(f"{p}", then[p], now[p]) for p in sorted(then)])


def dashboard(rows: Iterable[Carrier]) -> str:
    """Return the dashboard as it is shown."""
    cells = [(r.code, f"{r.departures}", f"{r.mean_delay:.1f}", f"{r.cancelled}") for r in rows]
    with _out.capture() as shown:
        _table(("carrier", "departures", "mean delay (min)", "cancelled"), cells)
    return shown.get()


def carriers(shown: str) -> None:
    """Show the dashboard between its two marks."""
    sys.stdout.write(f"\n{BEGIN}\n{shown}{END}\n")


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    for column in columns:
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(*row)
    _out.print(table)
