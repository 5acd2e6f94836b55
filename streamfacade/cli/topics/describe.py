"""`streamfacade topics describe`."""

from __future__ import annotations

from typing import Any

import click

from streamfacade import TopicPartition
from streamfacade.cli import _options, _output, _server
from streamfacade.cli._failed import Failed


@click.command()
@_options.common()
@click.argument("topics", nargs=-1, required=True, metavar="TOPIC...")
def describe(topics: tuple[str, ...]) -> None:
    """Show the partitions of TOPICs: who leads and copies them, and which offsets they hold."""
    with _server.admin() as admin:
        found = admin.describe_topics(topics)
    if missing := [str(topic["name"]) for topic in found if topic["error_code"]]:
        raise Failed(f"no topic {', '.join(missing)}")
    _output.show(_rows(found))


def _rows(topics: list[dict[str, Any]]) -> list[_output.Row]:
    places = {
        TopicPartition(topic["name"], partition["partition_index"]): partition
        for topic in topics
        for partition in topic["partitions"]
    }
    with _server.consumer(None) as consumer:
        first, end = consumer.beginning_offsets(list(places)), consumer.end_offsets(list(places))
    return [
        {
            "topic": p.topic,
            "partition": p.partition,
            "leader": place["leader_id"],
            "replicas": place["replica_nodes"],
            "in_sync": place["isr_nodes"],
            "beginning": first[p],
            "end": end[p],
        }
        for p, place in sorted(places.items(), key=lambda item: item[0])
    ]
