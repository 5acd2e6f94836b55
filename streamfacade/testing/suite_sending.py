"""How records are sent: order, back-pressure, acknowledgement, serializers, auto-creation."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from streamfacade import JsonSerializer, Serializer
from streamfacade.errors import KafkaTimeoutError
from streamfacade.testing.harness import PATIENCE, label, read, values
from streamfacade.testing.suite_producing import held

if TYPE_CHECKING:
    from streamfacade.testing.harness import Harness


class TestOrder:
    """The order of records."""

    def test_a_partition_keeps_the_order_of_sending(self, harness: Harness) -> None:
        """Records of one thread to one partition are stored in the order they were sent."""
        topic, producer = harness.topic(), harness.producer()
        sent = [b"%d" % n for n in range(3000)]
        for value in sent:
            producer.produce(topic, value)
        producer.flush(PATIENCE)
        assert values(read(harness.reader(topic), 3000)) == sent

    def test_the_first_records_of_a_topic_are_not_lost(self, harness: Harness) -> None:
        """A burst into a topic made a moment ago is stored whole: each record has its offset."""
        producer = harness.producer()
        for topic in (harness.topic() for _ in range(40)):
            futures = [producer.send(topic, b"%d" % n) for n in range(5)]
            assert [future.get(PATIENCE).offset for future in futures] == list(range(5))

    def test_every_key_keeps_its_order_under_many_threads(self, harness: Harness) -> None:
        """Ten thousand records of twenty threads arrive, once each, each key in order."""
        topic, producer = harness.topic(partitions=4), harness.producer()

        def send(thread: int) -> None:
            for n in range(500):
                producer.produce(topic, b"%d" % n, b"%d-%d" % (thread, n % 3))

        with ThreadPoolExecutor(20) as pool:
            list(pool.map(send, range(20)))
        producer.close()
        by_key: dict[bytes, list[int]] = defaultdict(list)
        for record in read(harness.reader(topic, 0, 1, 2, 3), 10_000):
            by_key[record.key].append(int(record.value))
        assert by_key == {
            b"%d-%d" % (thread, n): list(range(n, 500, 3)) for thread in range(20) for n in range(3)
        }


class TestBackPressure:
    """A bounded buffer."""

    def test_a_full_buffer_blocks_then_raises(self, harness: Harness) -> None:
        """With the buffer full `send` blocks `max_block_ms`, then raises KafkaTimeoutError.

        What was taken before is delivered, what was refused is not, and then there is room again.
        """
        topic = harness.topic()
        producer = harness.producer(buffer_memory=50_000, max_block_ms=300)
        taken, began = 0, 0.0
        with held(producer, topic), pytest.raises(KafkaTimeoutError):
            for _ in range(1000):
                began = time.monotonic()
                producer.produce(topic, b"x" * 1000)
                taken += 1
        assert 0.25 < time.monotonic() - began < 5
        assert 5 < taken < 60
        producer.flush(PATIENCE)
        assert producer.send(topic, b"again").get(PATIENCE).offset == taken + 1

    def test_room_lets_blocked_senders_go_on(self, harness: Harness) -> None:
        """A blocked `send` goes on as soon as there is room, and nothing is lost."""
        topic = harness.topic()
        producer = harness.producer(buffer_memory=20_000)

        def send() -> None:
            for _ in range(100):
                producer.produce(topic, b"x" * 1000)

        sender = threading.Thread(target=send)
        with held(producer, topic):
            sender.start()
            sender.join(0.1)
            assert sender.is_alive()
        sender.join(PATIENCE)
        producer.flush(PATIENCE)
        assert harness.end(topic) == 101


class TestAcks:
    """`acks`."""

    @pytest.mark.parametrize("acks", [1, "all", -1])
    def test_acknowledged_records_have_offsets(self, harness: Harness, acks: Any) -> None:
        """With acks 1 or all, the metadata says where the record is."""
        topic = harness.topic()
        assert harness.producer(acks=acks).send(topic, b"v").get(PATIENCE).offset == 0

    def test_without_acknowledgement_nobody_knows_the_offset(self, harness: Harness) -> None:
        """With acks=0 the offset is -1, and the record arrives all the same."""
        topic, producer = harness.topic(), harness.producer(acks=0)
        assert [producer.send(topic, b"v").get(PATIENCE).offset for _ in range(3)] == [-1] * 3
        assert len(read(harness.reader(topic), 3)) == 3


class Recording(Serializer):
    """Remembers what it was asked, and whether it was closed."""

    def __init__(self) -> None:
        """Start without questions."""
        self.asked: list[Any] = []
        self.closed = 0

    def serialize(self, topic: str, headers: Any, data: Any) -> bytes:
        """Return the data as Python writes it."""
        self.asked.append((topic, headers, data))
        return repr(data).encode()

    def close(self) -> None:
        """Count."""
        self.closed += 1


class TestSerializers:
    """Key and value serializers."""

    def test_a_function_is_called_for_none_too(self, harness: Harness) -> None:
        """A plain callable gets every value, None among them, as in kafka-python."""
        topic = harness.topic()
        producer = harness.producer(value_serializer=lambda v: repr(v).encode())
        producer.send(topic, None, b"k")
        producer.send(topic, 1, b"k")
        producer.flush(PATIENCE)
        assert values(read(harness.reader(topic), 2)) == [b"None", b"1"]

    def test_an_object_gets_topic_headers_and_data(self, harness: Harness) -> None:
        """A Serializer is told the topic and the headers, and is closed with the producer."""
        topic, key, value = harness.topic(), Recording(), Recording()
        with harness.producer(key_serializer=key, value_serializer=value) as producer:
            producer.send(topic, 1, 2, [("h", b"v")])
        assert value.asked == [(topic, [("h", b"v")], 1)]
        assert key.asked == [(topic, [("h", b"v")], 2)]
        assert (key.closed, value.closed) == (1, 1)
        (record,) = read(harness.reader(topic), 1)
        assert (record.key, record.value) == (b"2", b"1")

    def test_json_keeps_tombstones(self, harness: Harness) -> None:
        """JsonSerializer writes JSON and leaves None alone; the other side reads both back."""
        topic, producer = harness.topic(), harness.producer(value_serializer=JsonSerializer())
        producer.send(topic, {"a": [1, None, "é"]}, b"k")
        producer.send(topic, None, b"k")
        producer.flush(PATIENCE)
        raw = read(harness.reader(topic), 2)
        assert raw[1].value is None
        read_back = read(harness.reader(topic, value_deserializer=JsonSerializer()), 2)
        assert values(read_back) == [{"a": [1, None, "é"]}, None]

    @pytest.mark.parametrize("which", ["key_serializer", "value_serializer"])
    @pytest.mark.parametrize("error", [TypeError("mine"), ZeroDivisionError("mine")], ids=label)
    def test_what_a_serializer_raises_is_raised(
        self, harness: Harness, which: str, error: Exception
    ) -> None:
        """An error of a serializer, a TypeError too, is raised as it is, and nothing is sent."""

        def fail(_data: object) -> bytes:
            raise error

        topic, producer = harness.topic(), harness.producer(**{which: fail})
        with pytest.raises(type(error), match=r"^mine$"):
            producer.send(topic, b"v", b"k")
        assert harness.end(topic) == 0

    def test_a_serializer_makes_bytes(self, harness: Harness) -> None:
        """What a serializer returns must be bytes or None, else it is a TypeError."""
        topic, producer = harness.topic(), harness.producer(value_serializer=lambda v: str(v))
        with pytest.raises(TypeError):
            producer.send(topic, 1)
        assert harness.end(topic) == 0


class TestAutoCreation:
    """Topics that do not exist."""

    def test_sending_creates_the_topic(self, harness: Harness) -> None:
        """A topic that is sent to and does not exist comes into being, with one partition."""
        topic, producer = harness.name(), harness.producer()
        assert producer.send(topic, b"v").get(PATIENCE).offset == 0
        assert producer.partitions_for(topic) == {0}
        assert values(read(harness.reader(topic), 1)) == [b"v"]

    def test_without_auto_creation_sending_fails(self, harness: Harness) -> None:
        """Where it may not be created, `send` raises KafkaTimeoutError, and no topic is there."""
        topic = harness.name()
        producer = harness.producer(allow_auto_create_topics=False, max_block_ms=500)
        for send in (producer.send, producer.produce):
            with pytest.raises(KafkaTimeoutError):
                send(topic, b"v")
        assert topic not in harness.admin().list_topics()
