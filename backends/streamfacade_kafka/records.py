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


def build_records(messages: Sequence[Message]) -> Records:
    """Return the records of messages without errors by partition, in their order."""
    topics = list(map(Message.topic, messages))
    partitions = list(map(Message.partition, messages))
    first = TopicPartition(topics[0], partitions[0])  # type: ignore[arg-type] # no error: both are there
    # Most often all are of one partition: librdkafka queues what one answer held.
    if partitions.count(partitions[0]) == topics.count(topics[0]) == len(messages):
        return {first: _built(repeat(first.topic), repeat(first.partition), messages)}
    return _grouped(_built(topics, partitions, messages))


def _grouped(records: list[Record]) -> Records:
    grouped: Records = {}
    for place, cut in runs(map(_place, records)):
        grouped.setdefault(TopicPartition(*place), []).extend(records[cut])
    return grouped


def _built(
    topics: Iterable[Any], partitions: Iterable[Any], messages: Sequence[Message]
) -> list[Record]:
    kinds, timestamps = zip(*map(Message.timestamp, messages), strict=True)
    keys = list(map(Message.key, messages))
    values = list(map(Message.value, messages))
    headers, header_sizes = _headers(messages)
    columns = zip(
        topics,
        partitions,
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
    # What ConsumerRecord._make does for one, without Python in between.
    return list(map(tuple.__new__, repeat(ConsumerRecord), columns))


def _sizes(column: list[bytes | None]) -> Iterable[int]:
    if all(column):
        return map(len, column)  # type: ignore[arg-type] # none is None
    return [-1 if one is None else len(one) for one in column]


def _epochs(messages: Sequence[Message]) -> Iterable[int]:
    epochs = list(map(Message.leader_epoch, messages))
    return [-1 if epoch is None else epoch for epoch in epochs] if None in epochs else epochs  # type: ignore[return-value] # none is None


def _headers(messages: Sequence[Message]) -> tuple[Iterable[Headers], Iterable[int]]:
    column: list[Any] = list(map(Message.headers, messages))
    if not any(column):
        return [[] for _ in column], repeat(-1)
    listed = [headers or [] for headers in column]
    return listed, list(map(_header_size, listed))


def _header_size(headers: Headers) -> int:
    if not headers:
        return -1
    return sum(len(name.encode()) + len(value or b"") for name, value in headers)
