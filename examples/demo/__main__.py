"""The tour: produce, stop half-way, resume from the commit, replay.

`python -m examples.demo [URL]`, by default on memory://. It checks what it shows and ends with 1
if a record is lost, comes twice or is out of order.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

from examples.demo import screen
from examples.demo.flights import Flight, by_carrier, load, summary
from streamfacade import Admin, Consumer, ConsumerRecord, JsonSerializer, Producer, TopicPartition
from streamfacade.errors import KafkaError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streamfacade import RecordMetadata

    Record = ConsumerRecord[str, Flight]

PARTITIONS = 6
PATIENCE = 60  # seconds without a record before we call it lost
REPLAYED = 5


class Wrong(Exception):  # noqa: N818 - what it says: something is wrong
    """The backend did not do what it promises."""


def main() -> int:
    """Take the tour; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m examples.demo", description=__doc__)
    parser.add_argument("url", nargs="?", default="memory://", metavar="URL")
    try:
        tour(parser.parse_args().url)
    except (KafkaError, Wrong) as error:
        screen.failed(error)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def tour(url: str) -> None:
    """Show and check every step."""
    flights = load()
    screen.title(f"streamfacade on {_without_credentials(url)}")
    with fresh_topic(url) as topic:
        group = topic.replace("flights", "dashboard")
        produce(url, topic, flights)
        first = read_half(url, topic, group, len(flights) // 2)
        rest = resume(url, topic, group, first, len(flights))
        check(flights, [*first, *rest])
        replay(url, [*first, *rest])
        screen.carriers(summary(record.value for record in [*first, *rest]))


def _without_credentials(url: str) -> str:
    scheme, mark, place = url.rpartition("://")
    return scheme + mark + place.rpartition("@")[2]


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


def produce(url: str, topic: str, flights: Sequence[Flight]) -> None:
    """Send every flight, keyed by its carrier, and see that each is delivered."""
    outcomes: Counter[str] = Counter()

    def delivered(error: BaseException | None, _metadata: RecordMetadata) -> None:
        outcomes[str(error or "delivered")] += 1

    began = time.perf_counter()
    with open_producer(url) as producer:
        for flight in flights:
            producer.produce(topic, flight, key=flight["carrier"], on_delivery=delivered)
        producer.flush()
    if outcomes != {"delivered": len(flights)}:
        raise Wrong(f"of {len(flights)} records sent, these were the outcomes: {dict(outcomes)}")
    where = f"to topic {topic}, keyed by carrier over {PARTITIONS} partitions"
    screen.step("Produced", f"{_speed(len(flights), began)}, {where}")


def read_half(url: str, topic: str, group: str, half: int) -> list[Record]:
    """Read the first half as a member of the group, commit, and leave."""
    with open_consumer(url, topic, group_id=group) as consumer:
        screen.step("Lag before", f"group {group} has committed nothing")
        screen.partitions(progress(consumer, topic))
        began = time.perf_counter()
        records = read(consumer, half)
        consumer.commit()
        screen.step("Stopped half-way", f"{_speed(half, began)} read, committed, consumer closed")
        rows = progress(consumer, topic)
        screen.partitions(rows)
    ends = {partition: end for partition, end, _ in rows}
    if sum(committed for *_, committed in rows) != half or sum(ends.values()) <= half:
        raise Wrong(f"{half} records were read, but the commits say {rows}")
    return records


def resume(url: str, topic: str, group: str, first: list[Record], total: int) -> list[Record]:
    """Read the rest with a new consumer of the same group, which starts at the commit."""
    with open_consumer(url, topic, group_id=group) as consumer:
        committed = {p: done for p, _, done in progress(consumer, topic)}
        began = time.perf_counter()
        records = read(consumer, total - len(first))
        check_starts(records, committed)
        speed = _speed(len(records), began)
        screen.step("Resumed", f"{speed} read, each partition from its commit")
        if surplus := consumer.poll(500):
            raise Wrong(f"after all {total} records there came {surplus}")
        consumer.commit()
        rows = progress(consumer, topic)
    screen.step("Lag after", "")
    screen.partitions(rows)
    if any(end != done for _, end, done in rows):
        raise Wrong("everything is read and committed, but there is lag")
    return records


def replay(url: str, records: Sequence[Record]) -> None:
    """Seek to an offset in the middle of the fullest partition: the same records come again."""
    fullest = Counter(TopicPartition(r.topic, r.partition) for r in records).most_common(1)
    partition, count = fullest[0]
    offset = count // 2
    before = [r for r in records if r.partition == partition.partition][offset : offset + REPLAYED]
    with open_consumer(url) as consumer:
        consumer.assign([partition])
        consumer.seek(partition, offset)
        again = read(consumer, len(before))
    if again != before:
        raise Wrong(f"the replay from offset {offset} differs: {again} is not {before}")
    screen.step("Replayed", f"partition {partition.partition} from offset {offset}, the same again")
    screen.records(again)


def open_producer(url: str) -> Producer[str, Flight]:
    """Open a producer of flights as JSON."""
    return Producer(
        bootstrap_servers=url, key_serializer=str.encode, value_serializer=JsonSerializer()
    )


def open_consumer(url: str, *topics: str, group_id: str | None = None) -> Consumer[str, Flight]:
    """Open a consumer that starts at the first record and commits only when told to."""
    return Consumer(
        *topics,
        bootstrap_servers=url,
        group_id=group_id,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        key_deserializer=bytes.decode,
        value_deserializer=JsonSerializer(),
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


def check_starts(records: Sequence[Record], committed: dict[TopicPartition, int]) -> None:
    """See that each partition went on where the group had committed."""
    starts: dict[TopicPartition, int] = {}
    for record in records:
        starts.setdefault(TopicPartition(record.topic, record.partition), record.offset)
    if wrong := {p: start for p, start in starts.items() if start != committed[p]}:
        raise Wrong(f"committed was {committed}, but reading went on at {wrong}")


def check(flights: Sequence[Flight], records: Sequence[Record]) -> None:
    """See that every flight came once, and each carrier's in the order they were sent."""
    places = Counter((r.partition, r.offset) for r in records)
    if twice := [place for place, times in places.items() if times > 1]:
        raise Wrong(f"{len(twice)} records came twice, the first at (partition, offset) {twice[0]}")
    if len(records) != len(flights):
        raise Wrong(f"{len(flights)} records were sent, {len(records)} came")
    if by_carrier(flights) != by_carrier(record.value for record in records):
        raise Wrong("the records that came are not those that were sent, or not in their order")
    screen.step("Checked", f"{len(records):,} records: none lost or twice, each carrier in order")


def _speed(count: int, began: float) -> str:
    seconds = time.perf_counter() - began
    return f"{count:,} records in {seconds:.2f} s ({count / seconds:,.0f}/s)"


if __name__ == "__main__":
    sys.exit(main())
