"""Records arrive byte for byte, and say truly where they are and how large."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from streamfacade import ConsumerRecord, RecordMetadata, TopicPartition
from streamfacade.driver import Capability
from streamfacade.structs import CREATE_TIME
from streamfacade.testing.harness import PATIENCE, lacking, read, requires, values

if TYPE_CHECKING:
    from streamfacade.structs import Headers
    from streamfacade.testing.harness import Harness, Record

WEIRD = [
    "", "a/b", "../x", "\\", "..\\y", "a'b\"c`", " a b ", "0leading", "☺", "é", "\U0001f600",
    "foo\r\nbar\n\n", "\x00", "a\x00b", "\t\b\x7f", "{}[]()<>", "%s %d {0}", "KEYS[1] -- ]]",
    "".join(map(chr, range(128))), "x" * 5000,
]  # fmt: skip
INVALID_UTF8 = [b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\x80" * 9, bytes(range(256))]
BYTES = [text.encode() for text in WEIRD] + INVALID_UTF8


def _travelled(harness: Harness, value: bytes = b"v", **rest: Any) -> Record:
    """Return a record as it arrives."""
    topic = harness.topic()
    harness.send(topic, value, **rest)
    return read(harness.reader(topic), 1)[0]


class TestBytes:
    """Keys and values."""

    def test_values_arrive_byte_for_byte(self, harness: Harness) -> None:
        """A value is any bytes: text of all kinds, control characters, no text at all."""
        topic = harness.topic()
        harness.send(topic, *BYTES)
        assert values(read(harness.reader(topic), len(BYTES))) == BYTES

    def test_keys_arrive_byte_for_byte(self, harness: Harness) -> None:
        """A key is any bytes too."""
        topic, producer = harness.topic(), harness.producer()
        for key in BYTES:
            producer.send(topic, b"v", key)
        producer.flush()
        assert [r.key for r in read(harness.reader(topic), len(BYTES))] == BYTES

    def test_json_arrives_as_it_was_written(self, harness: Harness) -> None:
        """Nobody parses a value that looks like JSON."""
        json = b'{"Foo" :  "Bar", "n": 1.0}'
        assert _travelled(harness, value=json).value == json

    def test_a_tombstone_is_not_an_empty_value(self, harness: Harness) -> None:
        """The value None stays None, and b"" stays b""."""
        topic = harness.topic()
        harness.send(topic, None, b"", key=b"k")
        records = read(harness.reader(topic), 2)
        assert values(records) == [None, b""]
        assert [r.serialized_value_size for r in records] == [-1, 0]

    def test_no_key_is_not_an_empty_key(self, harness: Harness) -> None:
        """The key None stays None, and b"" stays b""."""
        topic = harness.topic()
        harness.send(topic, b"v")
        harness.send(topic, b"v", key=b"")
        records = read(harness.reader(topic), 2)
        assert [r.key for r in records] == [None, b""]
        assert [r.serialized_key_size for r in records] == [-1, 0]

    def test_a_megabyte_arrives(self, harness: Harness) -> None:
        """A value of a million bytes is an ordinary record."""
        large = bytes(range(250)) * 4000
        assert _travelled(harness, value=large).value == large

    def test_buffers_are_copied(self, harness: Harness) -> None:
        """A bytearray or memoryview may be changed after `send` returns."""
        topic, producer = harness.topic(), harness.producer()
        key, value = bytearray(b"key"), bytearray(b"value")
        producer.send(topic, value, memoryview(key), [("h", value)])  # type: ignore[list-item] # any buffer will do
        key[:] = value[:3] = b"xxx"
        producer.flush()
        (record,) = read(harness.reader(topic), 1)
        assert (record.key, record.value, record.headers) == (b"key", b"value", [("h", b"value")])


class TestHeaders:
    """Headers: ordered, repeatable, with any bytes for values."""

    def test_header_values_arrive_byte_for_byte(self, harness: Harness) -> None:
        """A header's value is any bytes."""
        headers = [("h", value) for value in BYTES]
        assert _travelled(harness, headers=headers).headers == headers

    def test_header_names_arrive_as_they_were(self, harness: Harness) -> None:
        """A header's name is any text without NUL."""
        headers = [(name, b"v") for name in WEIRD if name and "\0" not in name]
        assert _travelled(harness, headers=headers).headers == headers

    def test_a_header_may_have_an_empty_name(self, harness: Harness) -> None:
        """The empty header name is a name."""
        assert _travelled(harness, headers=[("", b"v")]).headers == [("", b"v")]

    def test_order_and_repetition_are_kept(self, harness: Harness) -> None:
        """Headers keep their order, and a name may come again."""
        headers = [("b", b"1"), ("a", b"2"), ("b", b"1"), ("b", b""), ("a", b"3")]
        assert _travelled(harness, headers=headers).headers == headers

    def test_many_headers_arrive(self, harness: Harness) -> None:
        """A record may have hundreds of headers."""
        headers = [(f"name-{n}", b"%d" % n) for n in range(500)]
        assert _travelled(harness, headers=headers).headers == headers

    @pytest.mark.parametrize("none", [None, []])
    def test_no_headers_are_an_empty_list(self, harness: Harness, none: Headers | None) -> None:
        """Without headers a record has the list [] and the size -1."""
        record = _travelled(harness, headers=none)
        assert (record.headers, record.serialized_header_size) == ([], -1)

    def test_names_that_mean_something_to_a_backend_are_only_names(self, harness: Harness) -> None:
        """Nothing a backend calls its own fields can be disturbed by a header."""
        names = ["k", "v", "h", "h.", "h.h.", "n.", "_", "N", "X", "key", "value", "__streamfacade"]
        headers = [(name, name.encode()) for name in names]
        record = _travelled(harness, key=b"key", headers=headers)
        assert (record.key, record.value, record.headers) == (b"key", b"v", headers)


class TestTimestamps:
    """Timestamps in milliseconds."""

    def test_the_default_is_now(self, harness: Harness) -> None:
        """A record without a timestamp gets the time at which it was sent."""
        before = int(time.time() * 1000)
        record = _travelled(harness)
        assert before - 1 <= record.timestamp <= time.time() * 1000 + 1
        assert record.timestamp_type == CREATE_TIME

    def test_a_given_timestamp_is_kept(self, harness: Harness) -> None:
        """The millisecond that was given comes back, in the metadata too."""
        topic, given = harness.topic(), int(time.time() * 1000) - 12345
        (metadata,) = harness.send(topic, b"v", timestamp_ms=given)
        (record,) = read(harness.reader(topic), 1)
        assert metadata.timestamp == record.timestamp == given

    @pytest.mark.parametrize("given", [1, 999, 86_400_000, 1_000_000_000_000])
    def test_the_far_past_is_kept(self, harness: Harness, given: int) -> None:
        """A timestamp may lie decades back, if the topic keeps such records."""
        topic = harness.topic(retention_ms=-1)
        harness.send(topic, b"old", timestamp_ms=given)
        harness.send(topic, b"new")
        assert read(harness.reader(topic), 2)[0].timestamp == given

    def test_timestamps_need_not_rise(self, harness: Harness) -> None:
        """Records keep the order of sending, whatever their timestamps say."""
        topic, now = harness.topic(), int(time.time() * 1000)
        for shift in (0, -5000, -1, -5000):
            harness.send(topic, b"%d" % shift, timestamp_ms=now + shift)
        records = read(harness.reader(topic), 4)
        assert [r.timestamp - now for r in records] == [0, -5000, -1, -5000]

    @requires(Capability.TIMESTAMP_ZERO)
    def test_timestamp_zero_is_kept(self, harness: Harness) -> None:
        """The first millisecond of 1970 is a timestamp like any other."""
        topic = harness.topic(retention_ms=-1)
        (metadata,) = harness.send(topic, b"v", timestamp_ms=0)
        assert metadata.timestamp == read(harness.reader(topic), 1)[0].timestamp == 0

    @lacking(Capability.TIMESTAMP_ZERO)
    def test_timestamp_zero_is_refused_where_it_would_change(self, harness: Harness) -> None:
        """A backend that cannot send 0 refuses it instead of sending something else."""
        topic = harness.topic()
        with pytest.raises(ValueError, match="timestamp_zero"):
            harness.send(topic, b"v", timestamp_ms=0)
        assert harness.end(topic) == 0


class TestFields:
    """What records and their metadata say about themselves."""

    def test_a_record_has_the_fields_of_kafka_python(self, harness: Harness) -> None:
        """A record's thirteen fields, in this order."""
        topic = harness.topic(partitions=2)
        harness.send(topic, b"v0", partition=1)
        harness.send(
            topic, b"value", key=b"ke", partition=1, timestamp_ms=10**12 * 2 - 3 * 10**11,
            headers=[("é", b"123"), ("b", b"")],
        )  # fmt: skip
        record = read(harness.reader(topic, 1), 2)[1]
        assert isinstance(record, ConsumerRecord)
        assert record._replace(leader_epoch=0) == (
            topic, 1, 0, 1, 1_700_000_000_000, CREATE_TIME, b"ke", b"value",
            [("é", b"123"), ("b", b"")], None, 2, 5, 6,
        )  # fmt: skip
        assert isinstance(record.leader_epoch, int)

    def test_metadata_has_the_fields_of_kafka_python(self, harness: Harness) -> None:
        """A stored record's metadata has nine fields, in this order."""
        topic, now = harness.topic(partitions=3), int(time.time() * 1000)
        rest = {"key": b"key", "partition": 2, "timestamp_ms": now, "headers": [("é", b"12")]}
        metadata = harness.send(topic, b"a", b"bcd", **rest)[1]
        assert isinstance(metadata, RecordMetadata)
        place = TopicPartition(topic, 2)
        assert metadata == (topic, 2, place, 1, now, None, 3, 3, 4)

    def test_metadata_of_absent_parts(self, harness: Harness) -> None:
        """The sizes of a key, value or headers that are absent are -1."""
        (metadata,) = harness.send(harness.topic(), None, key=b"")
        assert metadata[-3:] == (0, -1, -1)

    def test_offsets_are_dense(self, harness: Harness) -> None:
        """The offsets of a partition are 0, 1, 2, …, as reported and as read."""
        topic = harness.topic()
        sent = harness.send(topic, *[b"%d" % n for n in range(300)])
        assert [m.offset for m in sent] == list(range(300))
        records = read(harness.reader(topic), 300)
        assert [(r.offset, r.value) for r in records] == [(n, b"%d" % n) for n in range(300)]


class TestTogether:
    """Many records at once."""

    def test_whole_records_arrive_complete(self, harness: Harness) -> None:
        """A hundred records arrive with everything they were sent with, in order."""
        topic, producer = harness.topic(), harness.producer()
        sent = [(b"k%d" % n, b"v%d" % n, [("n", b"%d" % n)]) for n in range(100)]
        for key, value, headers in sent:
            producer.send(topic, value, key, headers)
        producer.flush()
        records = read(harness.reader(topic), 100)
        assert [(r.key, r.value, r.headers) for r in records] == sent

    def test_topics_do_not_mix(self, harness: Harness) -> None:
        """Ten topics written in turn each have their own records, all of them, in order."""
        topics, producer = [harness.topic() for _ in range(10)], harness.producer()
        for n in range(50):
            for topic in topics:
                producer.send(topic, f"{topic} {n}".encode())
        producer.flush(PATIENCE)
        consumer = harness.consumer()
        consumer.assign([TopicPartition(topic, 0) for topic in topics])
        records = read(consumer, 500)
        for topic in topics:
            mine = [r.value.decode() for r in records if r.topic == topic]
            assert mine == [f"{topic} {n}" for n in range(50)]
