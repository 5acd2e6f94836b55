"""What a person sees with redis-cli, and other programs with plain stream commands."""

from __future__ import annotations

import json

from streamfacade.structs import OffsetAndMetadata, TopicPartition
from streamfacade.testing.harness import read
from streamfacade_redis.keys import BIAS
from tests.redis.tools import Partition


def test_xrange_shows_plain_fields(house, raw):
    """A record is an entry with k, v and headers; its id is offset and timestamp."""
    part = Partition.of(raw, house.topic())
    house.send(part.topic, b'{"n": 1}', key=b"alice", timestamp_ms=1700000000123,
               headers=[("trace", b"abc"), ("empty", b"")])  # fmt: skip
    ((entry, fields),) = raw.xrange(part.keys.log)
    assert entry == b"10000000000000-1700000000123"
    assert fields == {b"k": b"alice", b"v": b'{"n": 1}', b"h.trace": b"abc", b"h.empty": b""}


def test_repeated_header_names_are_repeated_fields(house, raw):
    """Order and repetitions are in the entry as they were sent."""
    part = Partition.of(raw, house.topic())
    house.send(part.topic, b"v", headers=[("a", b"1"), ("b", b"2"), ("a", b"3")])
    raw.response_callbacks.pop("XRANGE", None)
    ((_, fields),) = raw.execute_command("XRANGE", part.keys.log, "-", "+")
    assert fields == [b"v", b"v", b"h.a", b"1", b"h.b", b"2", b"h.a", b"3"]


def test_a_timestamp_that_an_id_cannot_carry_is_a_field(house, raw):
    """0 as a timestamp is stored beside an id that Redis takes."""
    part = Partition.of(raw, house.topic())
    house.send(part.topic, b"v", timestamp_ms=0)
    ((entry, fields),) = raw.xrange(part.keys.log)
    assert (entry, fields) == (b"%d-1" % BIAS, {b"v": b"v", b"s": b"0"})


def test_a_tombstone_is_a_key_without_value(house, raw):
    """A value of None is a field that is not there."""
    part = Partition.of(raw, house.topic())
    house.send(part.topic, None, key=b"k")
    assert raw.xrange(part.keys.log)[0][1] == {b"k": b"k"}


def test_xlen_counts_records(house, raw):
    """Without compression an entry is a record."""
    part = Partition.of(raw, house.topic())
    house.send(part.topic, *[b"v"] * 7)
    assert raw.xlen(part.keys.log) == 7


def test_xinfo_groups_shows_group_and_lag(house, raw):
    """A committed group is a Redis group of that name with the true lag, kept as records come."""
    part = Partition.of(raw, house.topic())
    place, group = TopicPartition(part.topic, 0), house.name()
    house.send(part.topic, *[b"v"] * 10)
    consumer = house.consumer(part.topic, group_id=group)
    read(consumer, 10)
    consumer.commit()
    shown = part.group(group)
    assert (shown["name"], shown["entries-read"], shown["lag"]) == (group.encode(), 10, 0)
    house.send(part.topic, *[b"v"] * 5)
    assert part.group(group)["lag"] == 5
    consumer.commit({place: OffsetAndMetadata(3)})
    assert part.group(group)["lag"] == 12
    assert part.group(group)["pending"] == 0


def test_a_redis_program_takes_over_where_the_group_stands(house, raw):
    """XREADGROUP of the committed group's name reads on from the commit."""
    part = Partition.of(raw, house.topic())
    group = house.name()
    house.send(part.topic, *(b"%d" % n for n in range(10)))
    alone = house.reader(part.topic, group_id=group)
    read(alone, 10)
    alone.commit({TopicPartition(part.topic, 0): OffsetAndMetadata(7)})
    ((_, entries),) = raw.xreadgroup(group, "redis-cli", {part.keys.log: ">"})
    assert [fields[b"v"] for _, fields in entries] == [b"7", b"8", b"9"]


def test_the_registry_is_json(house, raw):
    """A topic's line names its id, its partitions and the configs that were given."""
    name = house.topic(partitions=3, retention_ms=1000)
    line = json.loads(raw.hget("sf:topics", name))
    assert (line["n"], line["configs"]) == (3, {"retention.ms": 1000})
    assert line["id"].startswith("1")
