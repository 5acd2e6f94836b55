"""What every act of the tour works with: a topic of its own, clients, and patience."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from examples.demo.flights import Flight
from streamfacade import Admin, Consumer, ConsumerRecord, JsonSerializer, Producer, TopicPartition

if TYPE_CHECKING:
    from collections.abc import Iterator

PARTITIONS = 6
PATIENCE = 60  # seconds without a record before we call it lost

Record = ConsumerRecord[str, Flight]


class Wrong(Exception):  # noqa: N818 - what it says: something is wrong
    """The backend did not do what it promises."""


@contextmanager
def fresh_topic(url: str) -> Iterator[str]:
    """Lend a topic that no other run uses, and remove it afterwards."""
    topic = f"flights-{uuid4().hex[:8]}"
    with Admin(bootstrap_servers=url) as admin:
        admin.create_topics({topic: {"num_partitions": PARTITIONS}})
        try:
            yield topic
        finally:
            admin.delete_topics([topic])


def open_producer(url: str) -> Producer[str, Flight]:
    """Open a producer of flights as JSON."""
    return Producer(
        bootstrap_servers=url, key_serializer=str.encode, value_serializer=JsonSerializer()
    )


def open_consumer(
    url: str, *topics: str, group_id: str | None = None, **options: Any
) -> Consumer[str, Flight]:
    """Open a consumer that starts at the first record and commits only when told to."""
    return Consumer(
        *topics,
        bootstrap_servers=url,
        group_id=group_id,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        key_deserializer=bytes.decode,
        value_deserializer=JsonSerializer(),
        **options,
    )


def read(consumer: Consumer[str, Flight], count: int) -> list[Record]:
    """Read so many records and not one more."""
    records: list[Record] = []
    deadline = time.monotonic() + PATIENCE
    while len(records) < count:
        # A position moves with what poll returns: to stop in the middle, ask for no more.
        for batch in consumer.poll(1000, max_records=min(500, count - len(records))).values():
            records += batch
            deadline = time.monotonic() + PATIENCE
        if time.monotonic() > deadline:
            raise Wrong(f"{len(records)} of {count} records came, then none for {PATIENCE} s")
    return records


def progress(consumer: Consumer[str, Flight], topic: str) -> list[tuple[TopicPartition, int, int]]:
    """Return of each partition its end and what the group has committed."""
    partitions = [TopicPartition(topic, p) for p in range(PARTITIONS)]
    ends = consumer.end_offsets(partitions)
    return [(p, ends[p], consumer.committed(p) or 0) for p in partitions]
