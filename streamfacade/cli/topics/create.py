"""`streamfacade topics create`."""

from __future__ import annotations

import click

from streamfacade.cli import _options, _output, _server


@click.command()
@_options.common()
@click.argument("topics", nargs=-1, required=True, metavar="TOPIC...")
@click.option(
    "--partitions", type=click.IntRange(min=1), help="Defaults to what the server is set to."
)
@click.option(
    "--replication-factor",
    type=click.IntRange(min=1),
    help="Copies of each partition; more than 1 on Kafka only.",
)
@click.option(
    "--config", "configs", multiple=True, metavar="NAME=VALUE", help="E.g. retention.ms=3600000."
)
def create(
    topics: tuple[str, ...],
    partitions: int | None,
    replication_factor: int | None,
    configs: tuple[str, ...],
) -> None:
    """Create TOPICs."""
    wanted = {
        "num_partitions": partitions or -1,
        "replication_factor": replication_factor or -1,
        "configs": dict(map(_pair, configs)),
    }
    with _server.admin() as admin:
        admin.create_topics(dict.fromkeys(topics, wanted))
        made = admin.describe_topics(topics)
    _output.show([{"topic": t["name"], "partitions": len(t["partitions"])} for t in made])


def _pair(config: str) -> tuple[str, str]:
    name, sign, value = config.partition("=")
    if not (name and sign):
        raise click.UsageError(f"--config is NAME=VALUE, not {config!r}")
    return name, value
