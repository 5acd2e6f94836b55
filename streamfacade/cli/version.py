"""`streamfacade version`: what runs here, for a bug report."""

from __future__ import annotations

import platform
from importlib import metadata

import click

from streamfacade import __version__
from streamfacade.cli import _options, _output

_CLIENTS = ("redis", "hiredis", "confluent-kafka")


@click.command()
@_options.common()
def version() -> None:
    """Show the versions of this program and of what it uses."""
    versions = {
        "streamfacade": __version__,
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in _CLIENTS},
    }
    if _options.as_json():
        _output.show_json(versions)
    else:
        click.echo("\n".join(f"{name} {number}" for name, number in versions.items()))
