"""`streamfacade topics list`, or just `streamfacade topics`."""

from __future__ import annotations

import click

from streamfacade.cli import _options, _output, _server


@click.command("list")
@_options.common()
@click.option("--internal", is_flag=True, help="Also those that the server keeps for itself.")
def listing(internal: bool = False) -> None:  # noqa: FBT001, FBT002 - click passes it by name
    """List the topics and how many partitions they have."""
    with _server.admin() as admin:
        found = sorted(admin.describe_topics(), key=lambda topic: str(topic["name"]))
    _output.show(
        [
            {"topic": topic["name"], "partitions": len(topic["partitions"])}
            for topic in found
            if internal or not topic["is_internal"]
        ]
    )
