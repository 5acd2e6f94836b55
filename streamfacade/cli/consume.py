"""`streamfacade consume`: from records to lines."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from streamfacade.cli import _options, _output, _records, _server, _start
from streamfacade.cli._reading import Reading

if TYPE_CHECKING:
    from streamfacade.cli._records import Record


@click.command()
@_options.common()
@click.argument("topics", nargs=-1, required=True, metavar="TOPIC...")
@click.option(
    "--from", "start", type=_start.parse, metavar="beginning|end|OFFSET",
    help="Where to start in every partition: beginning, end or an OFFSET. Defaults to where the"
    " --group left off, else to the beginning.",
)  # fmt: skip
@click.option("--group", help="Read as a member of this group, and commit what is printed.")
@click.option("--follow", "-f", is_flag=True, help="Wait for more records instead of ending.")
@click.option(
    "--max", "limit", type=click.IntRange(min=1), metavar="N", help="End after so many records."
)
@click.option("--key-separator", metavar="TEXT", help="Print KEY TEXT VALUE.")
def consume(
    topics: tuple[str, ...],
    start: str | int | None,
    group: str | None,
    follow: bool,  # noqa: FBT001 - click passes options by name
    limit: int | None,
    key_separator: str | None,
) -> None:
    """Print the records of TOPICs, one a line, up to their present end.

    A line is the value; with --json an object that also has key, headers, topic, partition,
    offset and timestamp_ms. Bytes that are not UTF-8 are {"base64": "…"} there.
    """
    between = _records.separator(key_separator)
    quiet = sys.stdout.isatty()  # the records themselves show how it goes
    count = 0
    with _server.consumer(group) as consumer, _output.counting("records", hidden=quiet) as shown:
        for records in Reading(consumer, topics, start, follow=follow).batches(limit):
            _print(records, between)
            if group:
                consumer.commit()  # only now: what was not printed is not done
            count += len(records)
            shown(count)


def _print(records: list[Record], between: bytes | None) -> None:
    out = sys.stdout.buffer
    if _options.as_json():
        out.writelines(map(_records.to_json, records))
    else:
        out.writelines(_records.plain(record, between) for record in records)
    out.flush()
