"""From librdkafka's messages to records: whole columns at C speed, no Python per record."""

from __future__ import annotations

from itertools import repeat
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from confluent_kafka import Message

from streamfacade.structs import ConsumerRecord, TopicPartition
from streamfacade_kafka.reports import runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streamfacade.structs import Headers

    Record = ConsumerRecord[bytes | None, bytes | None]
    Records = dict[TopicPartition, list[Record]]

# librdkafka's kinds of timestamp (none, create, append) in Kafka's numbers.
_KINDS = (-1, 0, 1)
_place = itemgetter(0, 1)


def build_records(messages: Sequence[Message]) -> list[Record]:
    """Return the records of messages without errors, in their order."""
    kinds, timestamps = zip(*map(Message.timestamp, messages))
    keys = list(map(Message.key, messages))
    values = list(map(Message.value, messages))
    headers, header_sizes = _headers(messages)
    columns = zip(
        map(Message.topic, messages),
        map(Message.partition, messages),
        _epochs(messages),
        map(Message.offset, messages),
        timestamps,
        map(_KINDS.__getitem__, kinds),
        keys,
        values,
        headers,
        repeat(None),
        _sizes(keys),
        _sizes(values),
        header_sizes,
    )
    return list(map(tuple.__new__, repeat(ConsumerRecord), columns))


def by_partition(records: list[Record]) -> Records:
    """Group records by partition, keeping their order."""
    grouped: Records = {}
    for place, cut in runs(map(_place, records)):
        partition = TopicPartition(*place)
        if partition in grouped:
            grouped[partition] += records[cut]
        else:
            grouped[partition] = records[cut]
    return grouped


def _sizes(column: list[bytes | None]) -> Iterable[int]:
    if None in column:
        return [-1 if one is None else len(one) for one in column]
    return map(len, column)  # type: ignore[arg-type] # none is None


def _epochs(messages: Sequence[Message]) -> Iterable[int]:
    epochs = list(map(Message.leader_epoch, messages))
    return [-1 if epoch is None else epoch for epoch in epochs] if None in epochs else epochs  # type: ignore[return-value] # none is None


def _headers(messages: Sequence[Message]) -> tuple[Iterable[Headers], Iterable[int]]:
    column: list[Any] = list(map(Message.headers, messages))
    if not any(column):
        return map(list, repeat((), len(column))), repeat(-1)
    listed = [headers or [] for headers in column]
    return listed, list(map(_header_size, listed))


def _header_size(headers: Headers) -> int:
    if not headers:
        return -1
    return sum(len(name.encode()) + len(value or b"") for name, value in headers)
