"""`streamfacade groups reset`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from streamfacade import OffsetSpec, TopicPartition
from streamfacade.admin import OffsetTimestamp
from streamfacade.cli import _options, _output, _server
from streamfacade.cli._failed import Failed
from streamfacade.errors import NoError

_WORDS = {"earliest": OffsetSpec.EARLIEST, "latest": OffsetSpec.LATEST}


@click.command()
@_options.common()
@click.argument("group")
@click.option("--topic", "topics", multiple=True, required=True, help="May be repeated.")
@click.option(
    "--to",
    "target",
    required=True,
    metavar="PLACE",
    help="earliest, latest, an offset, or a time such as 2024-05-01T08:30 (local) or …T08:30Z.",
)
def reset(group: str, topics: tuple[str, ...], target: str) -> None:
    """Move GROUP, which must have no members, in all partitions of the topics.

    A time means the first record since then. What lies outside a log is its nearest end.
    """
    place = _place(target)
    with _server.admin() as admin:
        found = admin.describe_topics(list(dict.fromkeys(topics)))
        if missing := [str(topic["name"]) for topic in found if topic["error_code"]]:
            raise Failed(f"no topic {', '.join(missing)}")
        done = admin.reset_group_offsets(group, dict.fromkeys(_partitions(found), place))
    rows = sorted(done.items(), key=lambda item: item[0])
    good = [(p, row["offset"]) for p, row in rows if row["error"] is NoError]
    _output.show([{"topic": p.topic, "partition": p.partition, "offset": o} for p, o in good])
    if errors := sorted({row["error"].__name__ for _, row in rows} - {"NoError"}):
        raise Failed(f"group {group} was not moved, has it members? ({', '.join(errors)})")


def _partitions(topics: list[dict[str, Any]]) -> list[TopicPartition]:
    return [
        TopicPartition(t["name"], p["partition_index"]) for t in topics for p in t["partitions"]
    ]


def _place(target: str) -> OffsetSpec | OffsetTimestamp | int:
    """Return what a text means.

    Raises:
        click.UsageError: nothing.

    """
    if target in _WORDS:
        return _WORDS[target]
    if target.isdecimal():
        return int(target)
    try:
        # Python before 3.11 reads no Z.
        moment = datetime.fromisoformat(target.replace("Z", "+00:00"))
    except ValueError:
        raise click.UsageError(
            f"--to is earliest, latest, an offset or a time, not {target!r}"
        ) from None
    return OffsetTimestamp(moment.timestamp() * 1000)
