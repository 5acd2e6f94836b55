"""`streamfacade topics delete`."""

from __future__ import annotations

import click

from streamfacade.cli import _options, _output, _server
from streamfacade.cli._failed import Failed


@click.command()
@_options.common()
@click.argument("topics", nargs=-1, required=True, metavar="TOPIC...")
def delete(topics: tuple[str, ...]) -> None:
    """Delete TOPICs, their records and what groups have committed for them."""
    with _server.admin() as admin:
        answers = admin.delete_topics(topics, raise_errors=False)["topics"]
    _output.show([{"topic": topic["name"]} for topic in answers if not topic["error_code"]])
    if errors := [str(topic["error_message"]) for topic in answers if topic["error_code"]]:
        raise Failed("; ".join(errors))
