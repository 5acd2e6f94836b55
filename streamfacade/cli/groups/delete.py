"""`streamfacade groups delete`."""

from __future__ import annotations

import click

from streamfacade.cli import _options, _output, _server
from streamfacade.cli._failed import Failed


@click.command()
@_options.common()
@click.argument("groups", nargs=-1, required=True, metavar="GROUP...")
def delete(groups: tuple[str, ...]) -> None:
    """Delete GROUPs and what they have committed; they must have no members."""
    with _server.admin() as admin:
        answers = admin.delete_groups(groups)
    _output.show([{"group": group} for group, word in answers.items() if word == "OK"])
    if errors := [f"{group} ({word})" for group, word in answers.items() if word != "OK"]:
        raise Failed(f"not deleted: {', '.join(errors)}")
