"""The same key lands on the same partition on every backend, whoever wrote it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from streamfacade.errors import KafkaTimeoutError
from streamfacade.partitioner import DefaultPartitioner, Partitioner, murmur2
from streamfacade.testing.harness import PATIENCE, until

if TYPE_CHECKING:
    from streamfacade.testing.harness import Harness

# Apache Kafka, UtilsTest.testMurmur2: what the Java client hashes these to.
JAVA = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
    b"": 275646681,
}


def _partitions(harness: Harness, topic: str, keys: list[bytes], **options: Any) -> list[int]:
    """Return where the records of these keys land."""
    producer = harness.producer(**options)
    futures = [producer.send(topic, b"v", key) for key in keys]
    return [future.get(PATIENCE).partition for future in futures]


class Last(Partitioner):
    """Chooses the last partition, and remembers what it was asked."""

    def __init__(self) -> None:
        """Start without questions."""
        self.asked: list[tuple[Any, ...]] = []

    def partition(
        self, topic: str, key: Any, serialized_key: bytes | None, value: Any,
        serialized_value: bytes | None, cluster: Any,
    ) -> int:  # fmt: skip
        """Return the last partition."""
        self.asked.append((topic, key, serialized_key, value, serialized_value))
        return int(max(cluster.partitions_for_topic(topic)))


class TestKeys:
    """Records with a key."""

    def test_keys_land_where_java_puts_them(self, harness: Harness) -> None:
        """The partition is Java's murmur2 of the key, its sign dropped, modulo the partitions."""
        topic = harness.topic(partitions=7)
        expected = [(hashed & 0x7FFFFFFF) % 7 for hashed in JAVA.values()]
        assert _partitions(harness, topic, list(JAVA)) == expected

    def test_any_key_lands_where_the_partitioner_says(self, harness: Harness) -> None:
        """Hundreds of keys of random bytes land where `murmur2` puts them."""
        topic = harness.topic(partitions=12)
        keys = [random.randbytes(random.randrange(40)) for _ in range(400)]  # noqa: S311
        expected = [(murmur2(key) & 0x7FFFFFFF) % 12 for key in keys]
        assert _partitions(harness, topic, keys) == expected

    def test_producers_agree(self, harness: Harness) -> None:
        """A key's partition does not depend on the producer or on what it sent before."""
        topic, keys = harness.topic(partitions=5), [b"key-%d" % n for n in range(50)]
        again = _partitions(harness, topic, keys[::-1])[::-1]
        assert _partitions(harness, topic, keys) == again

    def test_the_value_does_not_matter(self, harness: Harness) -> None:
        """All values of a key land on one partition, the tombstone among them."""
        topic = harness.topic(partitions=6)
        sent = harness.send(topic, b"a", b"b" * 1000, b"", None, key=b"key")
        assert len({metadata.partition for metadata in sent}) == 1


class TestNoKey:
    """Records without a key."""

    def test_records_without_key_reach_every_partition(self, harness: Harness) -> None:
        """Records without a key are spread: sooner or later every partition has some."""
        topic, producer = harness.topic(partitions=4), harness.producer()
        seen: set[int] = set()
        until(
            lambda: seen.add(producer.send(topic, b"v").get(PATIENCE).partition) or len(seen) == 4,  # type: ignore[func-returns-value] # the set is asked next
            "every partition has a record",
        )


class TestChoice:
    """Partitions that the caller chooses."""

    def test_an_explicit_partition_wins_over_the_key(self, harness: Harness) -> None:
        """`partition=` decides, whatever the key is."""
        topic = harness.topic(partitions=3)
        for partition in range(3):
            (metadata,) = harness.send(topic, b"v", key=b"key", partition=partition)
            assert metadata.partition == partition
            assert harness.end(topic, partition) == 1

    def test_a_partitioner_decides(self, harness: Harness) -> None:
        """A partitioner object is asked with topic, key and value, both raw and serialized."""
        topic, last = harness.topic(partitions=3), Last()
        producer = harness.producer(
            partitioner=last, key_serializer=str.encode, value_serializer=lambda v: b"%d" % v
        )
        assert producer.send(topic, 7, "key").get(PATIENCE).partition == 2
        assert last.asked == [(topic, "key", b"key", 7, b"7")]

    def test_a_function_may_decide(self, harness: Harness) -> None:
        """A partitioner may be a function of key, all partitions and available partitions."""
        topic = harness.topic(partitions=3)
        asked: list[Any] = []

        def first(key: bytes, everything: list[int], _available: list[int]) -> int:
            asked.append((key, list(everything)))
            return everything[0]

        assert _partitions(harness, topic, [b"a", b"b"], partitioner=first) == [0, 0]
        assert asked == [(b"a", [0, 1, 2]), (b"b", [0, 1, 2])]

    def test_a_kind_of_default_partitioner_is_asked(self, harness: Harness) -> None:
        """A subclass of DefaultPartitioner decides, even where the client library could."""

        class Backwards(DefaultPartitioner):
            def choose(self, key: bytes | None, partitions: int) -> int:
                return partitions - 1 - super().choose(key, partitions)

        topic, keys = harness.topic(partitions=5), [b"%d" % n for n in range(20)]
        mirrored = _partitions(harness, topic, keys, partitioner=Backwards())
        assert [4 - p for p in mirrored] == _partitions(harness, topic, keys)

    @pytest.mark.parametrize("choice", [None, -1, 3, 99])
    def test_a_partition_that_does_not_exist_is_refused(
        self, harness: Harness, choice: int | None
    ) -> None:
        """A partitioner's wrong answer is a ValueError of `send`, and nothing is sent."""
        topic = harness.topic(partitions=3)
        producer = harness.producer(partitioner=lambda *_: choice)
        with pytest.raises(ValueError, match=r".+"):
            producer.send(topic, b"v")
        assert [harness.end(topic, p) for p in range(3)] == [0, 0, 0]


class TestPartitionsFor:
    """`partitions_for`."""

    def test_a_topic_has_the_partitions_it_was_created_with(self, harness: Harness) -> None:
        """`partitions_for` returns the set of partition numbers."""
        assert harness.producer().partitions_for(harness.topic(partitions=4)) == {0, 1, 2, 3}

    def test_asking_creates_the_topic(self, harness: Harness) -> None:
        """Where auto-creation is on, asking for a topic makes it, with one partition."""
        topic = harness.name()
        assert harness.producer().partitions_for(topic) == {0}
        assert harness.end(topic) == 0

    def test_no_topic_no_answer(self, harness: Harness) -> None:
        """Where auto-creation is off, an unknown topic is a KafkaTimeoutError."""
        producer = harness.producer(allow_auto_create_topics=False, max_block_ms=500)
        with pytest.raises(KafkaTimeoutError):
            producer.partitions_for(harness.name())
