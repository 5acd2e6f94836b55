"""What may not be sent is refused at once, and nothing of it is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from streamfacade.errors import IllegalStateError, InvalidPartitionsError, MessageSizeTooLargeError
from streamfacade.testing.harness import PATIENCE, label

if TYPE_CHECKING:
    from streamfacade.testing.harness import Harness

NOT_BYTES = ["text", 1, 1.5, True, ["list"], {"a": 1}]
NOT_HEADERS = [
    {"a": b"1"},
    (("a", b"1"),),
    "ab",
    b"ab",
    [["a", b"1"]],
    [("a", "1")],
    [("a", None)],
    [("a", 1)],
    [(b"a", b"1")],
    [(None, b"1")],
    [("a",)],
    [("a", b"1", b"2")],
    [("a", b"1"), None],
]
NOT_TOPICS = ["", ".", "..", "a b", "a/b", "a:b", "a\n", "é", "☺", "a\0", "a" * 250]
NOT_TEXT = [None, 1, b"bytes", ("topic",), ["topic"]]


def _refused(harness: Harness, error: type[Exception], topic: str, **sent: Any) -> None:
    """Send and produce; both must raise, and leave the topic as empty as it was."""
    producer = harness.sender
    for send in (producer.send, producer.produce):
        with pytest.raises(error):
            send(topic, **{"value": b"v", **sent})
    producer.flush(PATIENCE)
    assert harness.end(topic) == 0


class TestRefusedCalls:
    """Arguments of calls that send no record themselves."""

    def test_a_callback_can_be_called(self, harness: Harness) -> None:
        """Anything else as `on_delivery` is a TypeError, and nothing is sent."""
        topic, wrong = harness.topic(), cast("Any", 5)
        with pytest.raises(TypeError, match="on_delivery"):
            harness.sender.produce(topic, b"v", on_delivery=wrong)
        harness.sender.flush(PATIENCE)
        assert harness.end(topic) == 0

    def test_flush_takes_seconds(self, harness: Harness) -> None:
        """A negative timeout is a ValueError, one that is no number a TypeError."""
        with pytest.raises(ValueError, match="timeout"):
            harness.sender.flush(-1)
        with pytest.raises(TypeError):
            harness.sender.flush(cast("Any", "x"))

    def test_a_topic_has_not_any_number_of_partitions(self, harness: Harness) -> None:
        """Millions of them are InvalidPartitionsError at once."""
        with pytest.raises(InvalidPartitionsError):
            harness.admin().create_topics({harness.name(): {"num_partitions": 10**7}})


class TestRefusedRecords:
    """Keys, values, headers, timestamps and partitions."""

    @pytest.mark.parametrize("value", NOT_BYTES, ids=label)
    def test_values_are_bytes_or_none(self, harness: Harness, value: Any) -> None:
        """Without a serializer any other value is a TypeError."""
        _refused(harness, TypeError, harness.topic(), value=value)

    @pytest.mark.parametrize("key", NOT_BYTES, ids=label)
    def test_keys_are_bytes_or_none(self, harness: Harness, key: Any) -> None:
        """Without a serializer any other key is a TypeError."""
        _refused(harness, TypeError, harness.topic(), key=key)

    def test_text_gets_a_hint(self, harness: Harness) -> None:
        """The error for a str says which serializer would help."""
        producer, topic = harness.producer(), harness.topic()
        with pytest.raises(TypeError, match=r"value_serializer=str\.encode"):
            producer.send(topic, "text")
        with pytest.raises(TypeError, match=r"key_serializer=str\.encode"):
            producer.send(topic, b"v", "key")

    def test_a_record_has_a_key_or_a_value(self, harness: Harness) -> None:
        """Key and value both None are a ValueError."""
        _refused(harness, ValueError, harness.topic(), value=None, key=None)

    @pytest.mark.parametrize("headers", NOT_HEADERS, ids=label)
    def test_headers_are_a_list_of_pairs(self, harness: Harness, headers: Any) -> None:
        """Headers other than a list of (str, bytes) tuples are a TypeError."""
        _refused(harness, TypeError, harness.topic(), headers=headers)

    @pytest.mark.parametrize("name", ["\ud800", "\0", "a\0b"], ids=label)
    def test_a_header_name_is_text_that_arrives(self, harness: Harness, name: str) -> None:
        """A name that UTF-8 cannot express, or with a NUL that would end it, is a ValueError."""
        _refused(harness, ValueError, harness.topic(), headers=[(name, b"v")])

    @pytest.mark.parametrize("timestamp", [1.5, "1", True])
    def test_timestamps_are_whole(self, harness: Harness, timestamp: Any) -> None:
        """A timestamp that is not an int is a TypeError."""
        _refused(harness, TypeError, harness.topic(), timestamp_ms=timestamp)

    def test_timestamps_are_not_negative(self, harness: Harness) -> None:
        """A timestamp before 1970 is a ValueError."""
        _refused(harness, ValueError, harness.topic(), timestamp_ms=-1)

    @pytest.mark.parametrize("partition", [-1, 1, 1000])
    def test_the_partition_exists(self, harness: Harness, partition: int) -> None:
        """A partition that the topic does not have is a ValueError."""
        _refused(harness, ValueError, harness.topic(), partition=partition)

    @pytest.mark.parametrize("partition", ["0", 0.0, True])
    def test_a_partition_is_an_int(self, harness: Harness, partition: Any) -> None:
        """A partition of another type is a TypeError."""
        _refused(harness, TypeError, harness.topic(), partition=partition)


class TestRefusedSizes:
    """`max_request_size`."""

    @pytest.mark.parametrize(
        "parts",
        [
            {"value": b"x" * 1_048_576},
            {"key": b"x" * 1_048_576},
            {"headers": [("h", b"x" * 1_048_576)]},
            {"headers": [("x" * 1_048_576, b"")]},
            {"key": b"x" * 524_288, "value": b"x" * 524_288},
        ],
        ids=["value", "key", "header", "name", "sum"],
    )
    def test_all_parts_count(self, harness: Harness, parts: dict[str, Any]) -> None:
        """A record above `max_request_size` is refused, whichever part makes it so large."""
        _refused(harness, MessageSizeTooLargeError, harness.topic(), **parts)

    def test_one_too_large_harms_no_other(self, harness: Harness) -> None:
        """The records before and after a refused one are stored side by side."""
        producer, topic = harness.producer(max_request_size=1000), harness.topic()
        before = producer.send(topic, b"before")
        with pytest.raises(MessageSizeTooLargeError):
            producer.send(topic, b"x" * 1000)
        after = producer.send(topic, b"after")
        assert (before.get(PATIENCE).offset, after.get(PATIENCE).offset) == (0, 1)

    def test_a_record_just_below_is_stored(self, harness: Harness) -> None:
        """A record that fits with its overhead is taken and stored."""
        producer, topic = harness.producer(max_request_size=1000), harness.topic()
        assert producer.send(topic, b"x" * 900).get(PATIENCE).offset == 0


class TestRefusedTopics:
    """Topic names."""

    @pytest.mark.parametrize("topic", NOT_TOPICS, ids=label)
    def test_topics_have_legal_names(self, harness: Harness, topic: str) -> None:
        """A name that Kafka forbids is a ValueError everywhere a topic is named."""
        with pytest.raises(ValueError, match="topic"):
            harness.sender.send(topic, b"v")
        with pytest.raises(ValueError, match="topic"):
            harness.sender.partitions_for(topic)
        with pytest.raises(ValueError, match="topic"):
            harness.consumer().subscribe([topic])

    @pytest.mark.parametrize("topic", NOT_TEXT, ids=label)
    def test_topics_are_text(self, harness: Harness, topic: Any) -> None:
        """A topic that is not a str is a TypeError."""
        with pytest.raises(TypeError):
            harness.sender.send(topic, b"v")
        with pytest.raises(TypeError):
            harness.sender.partitions_for(topic)


class TestRefusedAfterClose:
    """A closed producer."""

    def test_a_closed_producer_takes_nothing(self, harness: Harness) -> None:
        """After `close` sending is an IllegalStateError, and nothing is sent."""
        producer, topic = harness.producer(), harness.topic()
        producer.send(topic, b"v")
        producer.close()
        for call in (producer.send, producer.produce):
            with pytest.raises(IllegalStateError):
                call(topic, b"late")
        with pytest.raises(IllegalStateError):
            producer.partitions_for(topic)
        assert harness.end(topic) == 1
