"""`streamfacade groups list`, or just `streamfacade groups`."""

from __future__ import annotations

import click

from streamfacade.cli import _options, _output, _server


@click.command("list")
@_options.common()
def listing() -> None:
    """List the groups, and whether they have members."""
    with _server.admin() as admin:
        found = sorted(admin.list_groups(), key=lambda group: str(group["group_id"]))
    _output.show(
        [
            {"group": g["group_id"], "state": g["group_state"], "type": g["group_type"]}
            for g in found
        ]
    )
