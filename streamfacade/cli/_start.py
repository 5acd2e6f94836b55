"""The value of `--from`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from streamfacade import Consumer, TopicPartition

BEGINNING, END = "beginning", "end"


def parse(value: str) -> str | int:
    """Return "beginning", "end" or a number.

    Raises:
        click.BadParameter: it is none of them.

    """
    if value in (BEGINNING, END):
        return value
    if value.isdecimal():
        return int(value)
    raise click.BadParameter(f"{value!r} is neither beginning, end nor an offset")


def offsets(
    start: str | int, consumer: Consumer[Any, Any], partitions: list[TopicPartition]
) -> dict[TopicPartition, int]:
    """Return where `start` is in each partition; an offset outside its log is the nearest end."""
    first, last = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
    if start == BEGINNING:
        return first
    if start == END:
        return last
    return {p: min(max(int(start), first[p]), last[p]) for p in partitions}
