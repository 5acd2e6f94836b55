"""How a command says that it failed."""

from __future__ import annotations

import click


class Failed(click.ClickException):
    """One sentence for stderr; ends with 1."""


class Misused(Failed):
    """The program was called in a way that cannot work; ends with 2."""

    exit_code = 2
