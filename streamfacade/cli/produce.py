"""`streamfacade produce`: from lines to records."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from streamfacade.cli import _options, _output, _records, _server
from streamfacade.cli._failed import Failed
from streamfacade.errors import MessageSizeTooLargeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from streamfacade import Producer, RecordMetadata

_REDRAW = 1000  # records between two looks at the counter
_LAST_SECONDS = 2  # after Ctrl-C, for what is on its way


class Outcomes:
    """What became of the records. Called on the producer's thread, read after its `flush`."""

    def __init__(self) -> None:
        """Start with nothing delivered."""
        self.delivered = 0
        self.failed = 0
        self.first: BaseException | None = None

    def __call__(self, error: BaseException | None, _metadata: RecordMetadata) -> None:
        """Count one record."""
        if error is None:
            self.delivered += 1
        else:
            self.failed += 1
            self.first = self.first or error


@click.command()
@_options.common()
@click.argument("topic")
@click.option("--key-separator", metavar="TEXT", help="Lines are KEY TEXT VALUE.")
def produce(topic: str, key_separator: str | None) -> None:
    """Send each line of the standard input to TOPIC as a record.

    A line is a value. With --json it is an object, in which only a key or a value must be:

    \b
    {"key": "k", "value": "v", "headers": {"h": "x"}, "partition": 0, "timestamp_ms": 1700000000000}

    A value that is no text is sent as its JSON; {"base64": "…"} as those bytes. What
    `consume --json` prints can be sent again: topic and offset are ignored.
    """  # noqa: D301 - click needs the character itself: it keeps the next paragraph's lines
    outcomes = Outcomes()
    with _server.producer() as producer, _output.counting(f"records to {topic}") as shown:
        try:
            _send(producer, topic, _lines(key_separator), outcomes, shown)
            producer.flush()
        except KeyboardInterrupt:
            producer.close(_LAST_SECONDS)
            raise
    _report(topic, outcomes)


def _lines(key_separator: str | None) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the number and the record of each line."""
    if key_separator is not None and _options.as_json():
        raise click.UsageError("with --json the key has its own field: leave --key-separator out")
    if key_separator == "":
        raise click.UsageError("--key-separator must not be empty")
    between = _records.separator(key_separator)
    for number, line in enumerate(sys.stdin.buffer, 1):
        if not _options.as_json():
            yield number, _parsed(number, line, lambda raw: _records.from_plain(raw, between))
        elif line.strip():
            yield number, _parsed(number, line, _records.from_json)


def _parsed(number: int, line: bytes, parse: Callable[[bytes], dict[str, Any]]) -> dict[str, Any]:
    try:
        return parse(line)
    except ValueError as error:
        raise _bad(number, error) from error


def _send(
    producer: Producer[_server.Raw, _server.Raw],
    topic: str,
    lines: Iterator[tuple[int, dict[str, Any]]],
    outcomes: Outcomes,
    shown: Callable[[int], object],
) -> None:
    producer.partitions_for(topic)  # what is wrong with the topic is not the first line's fault
    for number, record in lines:
        try:
            producer.produce(topic, **record, on_delivery=outcomes)
        except (ValueError, TypeError, MessageSizeTooLargeError) as error:
            raise _bad(number, error) from error
        if number % _REDRAW == 0:
            shown(number)


def _bad(number: int, error: Exception) -> Failed:
    return Failed(f"line {number}: {error}; the lines before it are sent")


def _report(topic: str, outcomes: Outcomes) -> None:
    if outcomes.failed:
        total = outcomes.delivered + outcomes.failed
        why = _server.without_password(str(outcomes.first))
        raise Failed(f"{outcomes.failed} of {total} records were not stored: {why}")
    click.echo(f"{outcomes.delivered} records sent to {topic}", err=True)
    if _options.as_json():
        _output.show_json({"topic": topic, "records": outcomes.delivered})
