"""Records to stream fields and back, without a server."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamfacade.errors import CorruptRecordError
from streamfacade.structs import CREATE_TIME, LOG_APPEND_TIME, TopicPartition
from streamfacade_redis.codec import decode, encode
from streamfacade_redis.keys import BIAS

PLACE = TopicPartition("t", 3)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
HEADERS = st.none() | st.lists(st.tuples(NAMES, st.none() | st.binary(max_size=5)), max_size=4)
RECORDS = st.tuples(
    st.none() | st.binary(max_size=9),
    st.none() | st.binary(max_size=9),
    HEADERS,
    st.none(),
    st.none(),
)
STAMPS = st.integers(-5, 2**45)


def stored(arguments, first=0):
    """Return the entries that the append script makes of its arguments."""
    width, *rest = arguments
    entries, offset = [], first
    names, rest = rest[:width], rest[width:]
    while rest:
        if width:
            stamp, *values = rest[: width + 1]
            rest = rest[width + 1 :]
            fields = [x for pair in zip(names, values, strict=True) for x in pair]
        else:
            _, stamp, count = rest[:3]
            fields, rest = rest[3 : 3 + count], rest[3 + count :]
        raw = [x if isinstance(x, bytes) else str(x).encode() for x in fields]
        entries.append((f"{BIAS + offset}-{stamp}".encode(), raw))
        offset += 1
    return entries


def entry(offset, *fields):
    """Return an entry as a reply has it."""
    return (b"%d-7" % (BIAS + offset), list(fields))


@given(st.lists(st.tuples(RECORDS, STAMPS), min_size=1, max_size=6), st.integers(0, 10**12))
def test_what_goes_in_comes_out(records, first):
    """Keys, values, headers and timestamps survive, in order; empty and None stay apart."""
    sent = [record for record, _ in records]
    decoded = decode(PLACE, first, 5, stored(encode(sent, [s for _, s in records]), first))
    assert (decoded.error, decoded.gap, decoded.next_offset) == (None, False, first + len(sent))
    for n, ((key, value, headers, _, _), stamp) in enumerate(records):
        got = decoded.records[n]
        assert (got.key, got.value, got.headers) == (key, value, headers or [])
        assert (got.timestamp, got.offset, got.leader_epoch) == (stamp, first + n, 5)
        assert (got.topic, got.partition, got.timestamp_type) == ("t", 3, CREATE_TIME)


@given(st.lists(st.tuples(st.binary(max_size=5), st.binary(max_size=5)), min_size=1, max_size=5))
def test_bulk_decoding_changes_nothing(pairs):
    """Records of the commonest shape are decoded as any others are, to the last field."""
    bulk = [entry(n, b"k", k, b"v", v) for n, (k, v) in enumerate(pairs)]
    one_by_one = [entry(n, b"k", k, b"v", v, b"z", b"") for n, (k, v) in enumerate(pairs)]
    assert decode(PLACE, 0, 1, bulk).records == decode(PLACE, 0, 1, one_by_one).records


def test_headers_of_bulk_records_are_not_shared():
    """Each record has a list of its own."""
    first, second = decode(PLACE, 0, 0, [entry(n, b"k", b"", b"v", b"") for n in (0, 1)]).records
    assert first.headers == second.headers == []
    assert first.headers is not second.headers


def test_a_record_of_nothing_has_a_field():
    """A stream entry needs a field; `_` stands for none."""
    assert encode([(None, None, None, None, None)], [9]) == [0, 1, 9, 2, b"_", b""]


def test_the_uniform_form_names_fields_once():
    """Nearly all batches send each field's name once."""
    records = [(b"a", b"1", None, None, None), (b"b", b"2", None, None, None)]
    assert encode(records, [5, 6]) == [2, b"k", b"v", 5, b"a", b"1", 6, b"b", b"2"]
    keyless = [(None, b"1", None, None, None)]
    assert encode(keyless, [5]) == [1, b"v", 5, b"1"]


def test_log_append_time_is_told():
    """The mark `a` makes the timestamp the server's."""
    (record,) = decode(PLACE, 0, 0, [entry(0, b"a", b"", b"v", b"x")]).records
    assert (record.timestamp, record.timestamp_type) == (7, LOG_APPEND_TIME)


def test_what_is_before_the_position_is_left_out():
    """Entries below the position, foreign ones and deleted ones are stepped over."""
    entries = [
        (b"1700000000000-0", [b"k", b"", b"v", b""]), entry(4, b"v", b"old"), entry(5, b"a", b"b"),
        (b"%d-7" % (BIAS + 5), None), entry(5, b"v", b"x"), entry(5, b"v", b"again"),
        entry(6, b"v", b"y"),
    ]  # fmt: skip
    decoded = decode(PLACE, 5, 0, entries)
    assert [r.value for r in decoded.records] == [b"x", b"y"]
    assert not decoded.gap


def test_a_first_entry_beyond_the_position_is_a_gap():
    """Somebody must find out why; a hole behind the first record is none."""
    assert decode(PLACE, 3, 0, [entry(5, b"v", b"")]).gap
    assert not decode(PLACE, 5, 0, [entry(5, b"v", b""), entry(9, b"v", b"")]).gap
    assert decode(PLACE, 3, 0, [entry(5, b"k", b"", b"v", b"")]).gap


@pytest.mark.parametrize(
    "fields", [(b"v", b"", b"Y", b""), (b"v", b"", b"h.\xff", b""), (b"v", b"", b"s", b"late")]
)
def test_an_unreadable_entry_stops_there(fields):
    """Records before it are given, the position stays at it."""
    decoded = decode(PLACE, 0, 0, [entry(0, b"v", b"a"), entry(1, *fields), entry(2, b"v", b"c")])
    assert [r.value for r in decoded.records] == [b"a"]
    assert decoded.next_offset == 1
    assert isinstance(decoded.error, CorruptRecordError)


def test_sizes_are_those_of_the_bytes():
    """Serialized sizes are the bytes' lengths, -1 for None."""
    (record,) = decode(PLACE, 0, 0, [entry(0, b"v", b"abc", b"h.name", b"xy")]).records
    sizes = (
        record.serialized_key_size, record.serialized_value_size, record.serialized_header_size,
    )  # fmt: skip
    assert sizes == (-1, 3, 6)
