"""The tour: produce, stop half-way, resume from the commit, replay; then share, and survive a kill.

`python -m examples.demo [URL]`, by default on memory://. It checks what it shows and ends with 1
if a record is lost, comes twice or is out of order.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

from examples.demo import screen
from examples.demo.checks import check, check_starts
from examples.demo.clients import (
    PARTITIONS,
    Wrong,
    fresh_topic,
    open_consumer,
    open_producer,
    progress,
    read,
)
from examples.demo.flights import Flight, load, summary
from examples.demo.handover import share_and_survive
from streamfacade import TopicPartition
from streamfacade.errors import KafkaError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from examples.demo.clients import Record
    from streamfacade import RecordMetadata

REPLAYED = 5


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
        produce(url, topic, flights)
        alone = read_alone(url, topic, flights)
        dashboard = screen.dashboard(summary(record.value for record in alone))
        screen.carriers(dashboard)
        together = share_and_survive(url, topic, flights)
        if screen.dashboard(summary(record.value for record in together)) != dashboard:
            raise Wrong("the two members together computed another table")
        screen.step("Computed again", "by the two together: the same table, byte for byte")


def read_alone(url: str, topic: str, flights: Sequence[Flight]) -> list[Record]:
    """Play the first act: one consumer after another reads on at the commit."""
    group = topic.replace("flights", "dashboard")
    first = read_half(url, topic, group, len(flights) // 2)
    records = [*first, *resume(url, topic, group, first, len(flights))]
    check(flights, records)
    replay(url, records)
    return records


def _without_credentials(url: str) -> str:
    scheme, mark, place = url.rpartition("://")
    return scheme + mark + place.rpartition("@")[2]


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


def _speed(count: int, began: float) -> str:
    seconds = time.perf_counter() - began
    return f"{count:,} records in {seconds:.2f} s ({count / seconds:,.0f}/s)"


if __name__ == "__main__":
    sys.exit(main())
