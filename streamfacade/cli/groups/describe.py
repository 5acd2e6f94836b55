"""`streamfacade groups describe`."""

from __future__ import annotations

from typing import Any

import click

from streamfacade import TopicPartition
from streamfacade.cli import _options, _output, _server
from streamfacade.cli._failed import Failed


@click.command()
@_options.common()
@click.argument("group")
def describe(group: str) -> None:
    """Show the members of GROUP, and how far it is behind in each partition.

    First the members, one row each, then the partitions; with --json one object has both.
    """
    with _server.admin() as admin:
        found = admin.describe_groups([group])[group]
        if found["error"]:
            raise Failed(f"no group {group}")
        lag = admin.list_group_lag(group)
    members = [_member(member) for member in found["members"]]
    partitions = [
        {"topic": place.topic, "partition": place.partition, **row, "member": owner}
        for place, row in lag.items()
        for owner in [_owner(found["members"], place)]
    ]
    if _options.as_json():
        _output.show_json(
            {"group": group, "state": found["group_state"], "members": members,
             "partitions": partitions}
        )  # fmt: skip
    else:
        click.echo(f"{group}\t{found['group_state']}")
        _output.show(members)
        _output.show([{k: "-" if v is None else v for k, v in p.items()} for p in partitions])


def _member(member: dict[str, Any]) -> _output.Row:
    return {
        "member": member["member_id"],
        "instance": member["group_instance_id"] or "",
        "client": member["client_id"],
        "host": member["client_host"],
        "topics": member["member_metadata"]["topics"],
        "partitions": len(_partitions(member)),
    }


def _partitions(member: dict[str, Any]) -> set[TopicPartition]:
    return {
        TopicPartition(share["topic"], number)
        for share in member["member_assignment"]["assigned_partitions"]
        for number in share["partitions"]
    }


def _owner(members: list[dict[str, Any]], place: TopicPartition) -> str | None:
    owners = (str(m["member_id"]) for m in members if place in _partitions(m))
    return next(owners, None)
