"""What a command prints: a table for people, plain lines or JSON for programs."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from streamfacade.cli import _options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

Row = dict[str, Any]


def show(rows: Sequence[Row]) -> None:
    """Print rows of the same columns; between tabs, without a heading, if no terminal."""
    console = Console(highlight=False)
    if _options.as_json():
        show_json(rows)
    elif rows and console.is_terminal:
        console.print(_table(rows))
    else:
        for row in rows:
            click.echo("\t".join(map(_cell, row.values())))


def _table(rows: Sequence[Row]) -> Table:
    table = Table(*(name.replace("_", " ") for name in rows[0]))
    for row in rows:
        table.add_row(*map(_cell, row.values()))
    return table


def _cell(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def show_json(data: Sequence[Row] | Mapping[str, Any]) -> None:
    """Print one JSON text on one line."""
    click.echo(json.dumps(data, ensure_ascii=False))


@contextmanager
def counting(what: str, *, hidden: bool = False) -> Iterator[Callable[[int], object]]:
    """Show on stderr how many records are done, as long as it takes and somebody watches."""
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.completed:,.0f} " + what), TimeElapsedColumn())
    disable = hidden or not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=disable) as bar:
        task = bar.add_task(what, total=None)
        yield lambda count: bar.update(task, completed=count)
