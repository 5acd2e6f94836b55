"""`streamfacade groups`: list, describe, reset and delete them."""

from __future__ import annotations

import click

from streamfacade.cli import _options
from streamfacade.cli.groups.delete import delete
from streamfacade.cli.groups.describe import describe
from streamfacade.cli.groups.listing import listing
from streamfacade.cli.groups.reset import reset


@click.group(invoke_without_command=True)
@_options.common()
@click.pass_context
def groups(context: click.Context) -> None:
    """List consumer groups, or describe, reset and delete them."""
    if context.invoked_subcommand is None:
        context.invoke(listing)


for _command in (listing, describe, reset, delete):
    groups.add_command(_command)
