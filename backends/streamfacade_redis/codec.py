"""Records to stream fields and back. Pure.

`k` and `v` are key and value, absent for None; `h.<name>` a header, `n.<name>` one whose value is
None; `s` the true timestamp where the entry id cannot carry it; `a` marks LogAppendTime; `X` a
control entry. An unknown field in lower case is ignored, one in upper case refuses the record.
"""

from __future__ import annotations

from itertools import repeat
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from streamfacade.errors import CorruptRecordError
from streamfacade.structs import CREATE_TIME, LOG_APPEND_TIME, ConsumerRecord, TopicPartition
from streamfacade_redis.keys import BIAS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamfacade.driver import Outgoing
    from streamfacade.structs import Headers

    Entry = Sequence[Any]  # (id, [field, value, field, value, …])
    Raw = ConsumerRecord[bytes | None, bytes | None]

_BIAS_DIGITS = len(str(BIAS))
_CONTROL = b"X"


def encode(records: Sequence[Outgoing], stamps: Sequence[int]) -> list[Any]:
    """Return records as the arguments 7… of the append script.

    Batches in which every record has the same fields and no headers, nearly all, take the short
    form: two thirds of the arguments and half of the script's time go away with it.
    """
    keys, values, headers, _, _ = zip(*records, strict=True)
    if not any(headers) and min(stamps) > 0 and None not in values:
        if None not in keys:
            return _uniform((b"k", b"v"), stamps, keys, values)
        if not any(key is not None for key in keys):
            return _uniform((b"v",), stamps, values)
    arguments: list[Any] = [0]
    for record, stamp in zip(records, stamps, strict=True):
        fields = _fields(record, stamp)
        arguments += [1, max(stamp, 1), len(fields), *fields]
    return arguments


def _uniform(names: Sequence[bytes], stamps: Sequence[int], *columns: Sequence[Any]) -> list[Any]:
    width = 1 + len(columns)
    flat: list[Any] = [None] * (width * len(stamps))
    flat[0::width] = stamps
    for i, column in enumerate(columns, 1):
        flat[i::width] = column
    return [len(names), *names, *flat]


def _fields(record: Outgoing, stamp: int) -> list[Any]:
    key, value, headers, _, _ = record
    fields: list[Any] = []
    if key is not None:
        fields += (b"k", key)
    if value is not None:
        fields += (b"v", value)
    for name, header in headers or ():
        fields += (
            (b"h." + name.encode(), header) if header is not None else (b"n." + name.encode(), b"")
        )
    fields = fields or [b"_", b""]  # without one of these the entry would be taken for foreign
    if stamp < 1:
        fields += (b"s", stamp)
    return fields


class Decoded:
    """What a reply held for one partition: records, where reading goes on, what stopped it."""

    __slots__ = ("error", "gap", "next_offset", "records")

    def __init__(self, position: int) -> None:
        """Hold nothing; reading goes on at `position`."""
        self.records: list[Raw] = []
        self.next_offset = position
        self.error: CorruptRecordError | None = None
        self.gap = False


def decode(
    partition: TopicPartition, position: int, epoch: int, entries: Sequence[Entry]
) -> Decoded:
    """Return the records from `position` on.

    Stops at an entry that cannot be read. `gap` says that the first entry is beyond the position,
    so that somebody must find out why; holes further on are stepped over.
    """
    decoded = Decoded(position)
    fields = [entry[1] for entry in entries]
    if _all_plain(fields):
        columns = _plain(partition, epoch, entries, fields)
        offsets = columns[1]
        if (
            offsets[0] == position
            and offsets[-1] - position == len(offsets) - 1
            and _dense(offsets)
        ):
            decoded.records = columns[0]
            decoded.next_offset = offsets[-1] + 1
            return decoded
    _decode_each(decoded, partition, epoch, entries)
    return decoded


def _dense(offsets: list[int]) -> bool:
    return offsets == list(range(offsets[0], offsets[-1] + 1))


def _all_plain(fields: list[Any]) -> bool:
    """Return whether every entry is exactly k and v, the shape that bulk decoding is made for."""
    try:
        return (
            set(map(len, fields)) == {4}
            and set(map(itemgetter(0), fields)) == {b"k"}
            and set(map(itemgetter(2), fields)) == {b"v"}
        )
    except TypeError:  # a deleted entry comes without fields
        return False


def _plain(
    partition: TopicPartition, epoch: int, entries: Sequence[Entry], fields: list[Any]
) -> tuple[list[Raw], list[int]]:
    """Build records column by column: no Python call for a record."""
    ids = [entry[0] for entry in entries]
    offsets = [int(i[:_BIAS_DIGITS]) - BIAS for i in ids]
    stamps = [int(i[_BIAS_DIGITS + 1 :]) for i in ids]
    keys, values = list(map(itemgetter(1), fields)), list(map(itemgetter(3), fields))
    rows = zip(
        repeat(partition.topic), repeat(partition.partition), repeat(epoch), offsets, stamps,
        repeat(CREATE_TIME), keys, values, iter(list, None), repeat(None),
        map(len, keys), map(len, values), repeat(-1),
    )  # fmt: skip
    return list(map(tuple.__new__, repeat(ConsumerRecord), rows)), offsets


def _decode_each(
    decoded: Decoded, partition: TopicPartition, epoch: int, entries: Sequence[Entry]
) -> None:
    for entry_id, fields in entries:
        major, _, minor = entry_id.partition(b"-")
        offset = int(major) - BIAS
        if offset < decoded.next_offset or not fields or _is_foreign(fields):
            continue
        if offset > decoded.next_offset and not decoded.records:
            decoded.gap = True
        if _CONTROL not in fields[::2]:
            try:
                decoded.records.append(_record(partition, epoch, offset, int(minor), fields))
            except CorruptRecordError as error:
                decoded.error = error
                return
        decoded.next_offset = offset + 1


def _is_foreign(fields: Sequence[bytes]) -> bool:
    """Return whether somebody else wrote the entry: it has none of the fields that ours have."""
    return not any(
        name in (b"k", b"v", b"_", b"N", b"X") or name[:2] in (b"h.", b"n.") for name in fields[::2]
    )


def _record(
    partition: TopicPartition, epoch: int, offset: int, stamp: int, fields: Sequence[bytes]
) -> Raw:
    key: bytes | None = None
    value: bytes | None = None
    headers: Headers = []
    kind, size = CREATE_TIME, 0
    for name, data in zip(fields[::2], fields[1::2], strict=True):
        if name == b"k":
            key = data
        elif name == b"v":
            value = data
        elif name[:2] in (b"h.", b"n."):
            headers.append((_text(name[2:], partition, offset), data if name[:1] == b"h" else None))  # type: ignore[arg-type] # foreign producers may send None
            size += len(name) - 2 + len(data)
        elif name == b"s":
            stamp = _number(data, partition, offset)
        elif name == b"a":
            kind = LOG_APPEND_TIME
        elif name[:1].isupper():
            msg = f"{partition} offset {offset}: field {name!r} is of a newer version; seek past it"
            raise CorruptRecordError(msg)
    return ConsumerRecord(
        partition.topic, partition.partition, epoch, offset, stamp, kind, key, value, headers,
        None, _size(key), _size(value), size if headers else -1,
    )  # fmt: skip


def _number(data: bytes, partition: TopicPartition, offset: int) -> int:
    try:
        return int(data)
    except ValueError as error:
        msg = f"{partition} offset {offset}: {data!r:.40} is no timestamp; seek past it"
        raise CorruptRecordError(msg) from error


def _size(data: bytes | None) -> int:
    return -1 if data is None else len(data)


def _text(name: bytes, partition: TopicPartition, offset: int) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError as error:
        msg = f"{partition} offset {offset}: header name {name!r} is not UTF-8; seek past it"
        raise CorruptRecordError(msg) from error
