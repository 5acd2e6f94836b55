"""What people do to a log with redis-cli, and what producers and consumers make of it."""

from __future__ import annotations

import time

import pytest

from streamfacade.errors import (
    CorruptRecordError,
    KafkaError,
    OffsetOutOfRangeError,
)
from streamfacade.structs import OffsetAndMetadata, TopicPartition
from streamfacade.testing.harness import polling, read, until, values
from tests.redis.tools import Partition, entry_id

QUICK = {"heartbeat_interval_ms": 200, "session_timeout_ms": 2000}


def filled(raw, house, count=5, **configs):
    """Return a partition with that many records, b"0" and so on."""
    part = Partition.of(raw, house.topic(**configs))
    house.send(part.topic, *(b"%d" % n for n in range(count)))
    return part


# Foreign entries


def test_an_entry_by_hand_is_stepped_over(raw, house):
    """`XADD log *` disturbs neither those who read nor those who write."""
    part = filled(raw, house)
    consumer = house.reader(part.topic)
    assert len(read(consumer, 5)) == 5
    raw.xadd(part.keys.log, {"a": "b"})
    house.send(part.topic, b"5")
    assert values(read(consumer, 1)) == [b"5"]
    assert values(read(house.reader(part.topic), 6)) == [b"%d" % n for n in range(6)]


def test_an_entry_by_hand_in_an_empty_log(raw, house):
    """`XADD log *` as the very first entry is before all records."""
    part = filled(raw, house, 0)
    waiting = house.reader(part.topic)
    assert waiting.poll(0) == {}
    raw.xadd(part.keys.log, {"v": "by hand"})
    house.send(part.topic, b"0")
    assert values(read(waiting, 1)) == [b"0"]
    assert values(read(house.reader(part.topic), 1)) == [b"0"]


def test_an_entry_by_hand_that_looks_like_ours(raw, house):
    """An entry with k and v and an id of `*` is not taken for a record."""
    part = Partition.of(raw, house.topic())
    house.send(part.topic, b"0", key=b"k")
    raw.xadd(part.keys.log, {"k": "x", "v": "y"})
    house.send(part.topic, b"1", key=b"k")
    assert values(read(house.reader(part.topic), 2)) == [b"0", b"1"]


def test_a_log_far_ahead(raw, house):
    """An entry with an id ahead of the end is stepped to: the end moves behind it."""
    part = filled(raw, house, 2)
    consumer = house.reader(part.topic)
    read(consumer, 2)
    raw.xadd(part.keys.log, {"a": "b"}, entry_id(7))
    house.send(part.topic, b"next")
    (record,) = read(consumer, 1)
    assert (record.value, record.offset) == (b"next", 8)
    assert house.end(part.topic) == 9


def test_a_record_of_a_script_cut_short_is_read_once(raw, house):
    """An entry at the end that the state does not know is read, and nothing is read again."""
    part = filled(raw, house, 3)
    consumer = house.reader(part.topic, **QUICK)
    read(consumer, 3)
    raw.xadd(part.keys.log, {"v": "phantom"}, entry_id(3))
    assert values(read(consumer, 1)) == [b"phantom"]
    until(lambda: consumer.poll(50) == {} and house.end(part.topic) == 4, "the end moves", 5)
    house.send(part.topic, b"after")
    assert values(read(consumer, 1)) == [b"after"]


def test_used_up_ids_are_one_clear_error(raw, house):
    """An entry at the highest id leaves no room: sending says what to do."""
    part = filled(raw, house, 1)
    raw.xadd(part.keys.log, {"a": "b"}, f"{10**14}-1")
    with pytest.raises(KafkaError, match="create it anew"):
        house.producer().send(part.topic, b"v").get(5)


def test_a_foreign_group_is_left_alone(raw, house):
    """Another program's XREADGROUP changes nothing for a consumer of that group."""
    part = filled(raw, house)
    raw.xgroup_create(part.keys.log, "g", "0")
    consumer = house.consumer(part.topic, group_id="g")
    assert raw.xreadgroup("g", "someone", {part.keys.log: ">"}, count=3)
    assert len(read(consumer, 5)) == 5
    consumer.commit()
    assert part.group("g")["lag"] == 0
    raw.xgroup_destroy(part.keys.log, "g")
    consumer.commit({TopicPartition(part.topic, 0): OffsetAndMetadata(2)})
    assert consumer.committed(TopicPartition(part.topic, 0)) == 2
    assert part.group("g")["lag"] == 3


# Unreadable records


@pytest.mark.parametrize("field", ["Q", "Z.new"])
def test_a_field_of_the_future_stops_there(raw, house, field):
    """An upper-case field that is unknown: an error on every poll, and `seek` passes it."""
    part = filled(raw, house, 2)
    raw.xadd(part.keys.log, {"v": "new", field: "1"}, entry_id(2))
    part.repair()
    house.send(part.topic, b"3")
    consumer = house.reader(part.topic)
    assert values(read(consumer, 2)) == [b"0", b"1"]
    for _ in range(3):
        began = time.monotonic()
        with pytest.raises(CorruptRecordError, match="offset 2"):
            consumer.poll(5000)
        assert time.monotonic() - began < 1
    assert consumer.position(TopicPartition(part.topic, 0)) == 2
    consumer.seek(TopicPartition(part.topic, 0), 3)
    assert values(read(consumer, 1)) == [b"3"]


def test_an_undecodable_header_name_stops_there(raw, house):
    """A header whose name is not UTF-8 is an error at its offset."""
    part = filled(raw, house, 1)
    raw.xadd(part.keys.log, {"v": "x", b"h.\xff\xfe": "1"}, entry_id(1))
    part.repair()
    consumer = house.reader(part.topic)
    read(consumer, 1)
    with pytest.raises(CorruptRecordError, match="UTF-8"):
        consumer.poll(2000)


@pytest.mark.parametrize("fields", [{"s": "soon", "v": "x"}, {"N": "many", "v": "x"}])
def test_nonsense_in_a_field_of_ours_stops_there(raw, house, fields):
    """A field of ours that cannot be parsed is an error of that record, not of the program."""
    part = filled(raw, house, 1)
    raw.xadd(part.keys.log, fields, entry_id(1))
    raw.hset(part.keys.state, "leo", 2)
    consumer = house.reader(part.topic)
    read(consumer, 1)
    with pytest.raises(CorruptRecordError):
        consumer.poll(2000)


def test_lower_case_fields_are_ignored(raw, house):
    """A field in lower case that is unknown changes nothing."""
    part = filled(raw, house, 1)
    raw.xadd(part.keys.log, {"v": "x", "zebra": "1", "t": "1:2"}, entry_id(1))
    part.repair()
    assert values(read(house.reader(part.topic), 2)) == [b"0", b"x"]


def test_control_entries_are_skipped(raw, house):
    """A control entry takes an offset and is not handed out."""
    part = filled(raw, house, 1)
    raw.xadd(part.keys.log, {"X": "commit"}, entry_id(1))
    part.repair()
    house.send(part.topic, b"2")
    assert [r.offset for r in read(house.reader(part.topic), 2)] == [0, 2]


# Trimming and deleting


def test_a_hole_is_stepped_over(raw, house):
    """XDEL in the middle leaves a hole; what is behind it is read."""
    part = filled(raw, house)
    consumer = house.reader(part.topic)
    deleted = [i for i, _ in raw.xrange(part.keys.log)][1:3]
    raw.xdel(part.keys.log, *deleted)
    assert values(read(consumer, 3)) == [b"0", b"3", b"4"]
    consumer.seek(TopicPartition(part.topic, 0), 2)
    assert values(read(consumer, 2)) == [b"3", b"4"]


def test_a_deleted_last_record_is_stepped_over(raw, house):
    """XDEL of the last record: a reader waits behind it, and the offset is not used again."""
    part = filled(raw, house, 3)
    raw.xdel(part.keys.log, raw.xrevrange(part.keys.log, count=1)[0][0])
    consumer = house.reader(part.topic)
    assert values(read(consumer, 2)) == [b"0", b"1"]
    (sent,) = house.send(part.topic, b"3")
    assert sent.offset == 3
    assert values(read(consumer, 1)) == [b"3"]


def test_a_log_trimmed_at_the_head(raw, house):
    """XTRIM by hand: who stood before it starts by the reset policy; `none` is an error."""
    part = filled(raw, house, 10)
    strict = house.reader(part.topic, auto_offset_reset="none")
    strict.seek(TopicPartition(part.topic, 0), 2)
    raw.xtrim(part.keys.log, maxlen=4, approximate=False)
    assert values(read(house.reader(part.topic), 4)) == [b"6", b"7", b"8", b"9"]
    with pytest.raises(OffsetOutOfRangeError):
        strict.poll(5000)
    assert part.bounds() == (6, 10)


@pytest.mark.parametrize("how", ["xtrim", "delete"])
def test_a_log_emptied_under_one_who_lags(raw, house, how):
    """A consumer behind the end of a log emptied by hand is out of range, not waiting for ever."""
    part = filled(raw, house, 10)
    place = TopicPartition(part.topic, 0)
    strict = house.reader(part.topic, auto_offset_reset="none", **QUICK)
    latest = house.reader(part.topic, auto_offset_reset="latest", **QUICK)
    for consumer in (strict, latest):
        consumer.seek(place, 0)
        read_some = consumer.poll(5000, max_records=2)
        assert read_some
        consumer.seek(place, 5)
    raw.xtrim(part.keys.log, maxlen=0) if how == "xtrim" else raw.delete(part.keys.log)
    with pytest.raises(OffsetOutOfRangeError):
        polling(strict, lambda: False, "out of range", 5)
    polling(latest, lambda: latest.position(place) == 10, "the reset policy applies", 5)
    house.send(part.topic, b"10")
    assert values(read(latest, 1)) == [b"10"]


@pytest.mark.parametrize("offset", [11, 10**12])
def test_a_position_beyond_the_end(raw, house, offset):
    """A seek beyond the end falls back on the reset policy."""
    part = filled(raw, house, 10)
    consumer = house.reader(part.topic)
    consumer.seek(TopicPartition(part.topic, 0), offset)
    assert len(read(consumer, 10)) == 10


def test_a_position_before_the_start(raw, house):
    """A seek before the start falls back on the reset policy."""
    part = filled(raw, house, 10)
    part.trim(4)
    consumer = house.reader(part.topic)
    consumer.seek(TopicPartition(part.topic, 0), 1)
    assert [r.offset for r in read(consumer, 6)] == [4, 5, 6, 7, 8, 9]
