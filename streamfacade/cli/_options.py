"""Options of every command. They may stand before or behind the command's name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])
_PREFIX = "streamfacade."


def common(envvar: Sequence[str] | None = None) -> Callable[[F], F]:
    """Add --url and --json. Only the outermost reads the environment: any option wins over it."""

    def add(command: F) -> F:
        url = click.option(
            "--url", envvar=envvar, expose_value=False, callback=_keep, metavar="URL",
            help="The server: redis://host:port/db, rediss://… or kafka://host:port,host:port.",
        )  # fmt: skip
        as_json = click.option(
            "--json", is_flag=True, expose_value=False, callback=_keep,
            help="Speak JSON: one object a line for records, one array for lists.",
        )  # fmt: skip
        return url(as_json(command))

    return add


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    if value:
        context.meta[f"{_PREFIX}{parameter.name}"] = value


def url() -> str | None:
    """Return the URL that was given."""
    given: str | None = click.get_current_context().meta.get(f"{_PREFIX}url")
    return given


def as_json() -> bool:
    """Return whether to speak JSON."""
    return bool(click.get_current_context().meta.get(f"{_PREFIX}json"))
