"""`streamfacade topics`: list, create, delete and describe them."""

from __future__ import annotations

import click

from streamfacade.cli import _options
from streamfacade.cli.topics.create import create
from streamfacade.cli.topics.delete import delete
from streamfacade.cli.topics.describe import describe
from streamfacade.cli.topics.listing import listing


@click.group(invoke_without_command=True)
@_options.common()
@click.pass_context
def topics(context: click.Context) -> None:
    """List topics, or create, delete and describe them."""
    if context.invoked_subcommand is None:
        context.invoke(listing)


for _command in (listing, create, delete, describe):
    topics.add_command(_command)
