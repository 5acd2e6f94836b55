"""Watches the thermometers of a house.

Its arguments are `[SERVERS [TOPIC]]`; without any it reads BOOTSTRAP_SERVERS.
"""

from __future__ import annotations

import json
import os
import sys
from collections import defaultdict
from contextlib import closing
from typing import Any

from streamfacade import ConsumerRebalanceListener, KafkaAdminClient, KafkaConsumer, KafkaProducer
from streamfacade.admin import NewTopic
from streamfacade.errors import KafkaError, TopicAlreadyExistsError
from streamfacade.structs import OffsetAndMetadata, TopicPartition

TOO_HOT = 30
READINGS = [("cellar", 12), ("roof", 31), ("cellar", 13), ("roof", 35), ("kitchen", 22)]


class Report(ConsumerRebalanceListener):
    """Prints which partitions this program watches."""

    def on_partitions_revoked(self, revoked: Any) -> None:
        """Say what goes."""
        if revoked:
            print("no longer watching", sorted(p.partition for p in revoked))

    def on_partitions_assigned(self, assigned: Any) -> None:
        """Say what comes."""
        if assigned:
            print("watching", sorted(p.partition for p in assigned))


def create_topic(servers: str, topic: str) -> None:
    """Create the topic, unless an earlier run did."""
    with closing(KafkaAdminClient(bootstrap_servers=servers)) as admin:
        try:
            admin.create_topics([NewTopic(topic, num_partitions=3, replication_factor=1)])
            print("created the topic")
        except TopicAlreadyExistsError:
            print("the topic is there")


def measure(servers: str, topic: str) -> None:
    """Send the readings; a callback hears of each."""
    stored: dict[str, list[int]] = defaultdict(list)
    failed: list[Exception] = []
    producer = KafkaProducer(
        bootstrap_servers=servers,
        acks="all",
        linger_ms=5,
        key_serializer=lambda key: key.encode(),
        value_serializer=lambda value: json.dumps(value).encode(),
    )
    for room, degrees in READINGS:
        sent = producer.send(topic, {"degrees": degrees}, key=room, headers=[("unit", b"celsius")])
        sent.add_callback(lambda metadata, room: stored[room].append(metadata.offset), room=room)
        sent.add_errback(failed.append)
    producer.flush()
    print("stored at", sorted(stored.items()), "failed", failed)
    try:
        last = producer.send(topic, key="roof", value={"degrees": 28}).get(timeout=10)
        print("the last reading is at", last.offset)
    except KafkaError as error:
        print("the last reading was not stored:", error)
    producer.close()


def open_consumer(servers: str, group: str, **options: Any) -> KafkaConsumer:
    """Open a consumer that starts where its group left off."""
    return KafkaConsumer(
        bootstrap_servers=servers,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        key_deserializer=lambda key: key.decode(),
        value_deserializer=json.loads,
        **options,
    )


def watch(servers: str, topic: str) -> None:
    """Read the new readings, commit each, and name the rooms that are too hot."""
    consumer = open_consumer(servers, f"{topic}-watch", consumer_timeout_ms=5000)
    consumer.subscribe([topic], listener=Report())
    rooms: dict[str, list[int]] = defaultdict(list)
    for message in consumer:
        rooms[message.key].append(message.value["degrees"])
        partition = TopicPartition(message.topic, message.partition)
        consumer.commit({partition: OffsetAndMetadata(message.offset + 1, "watched", -1)})
    consumer.close()
    for room, degrees in sorted(rooms.items()):
        print(room, degrees, "too hot" if max(degrees) > TOO_HOT else "fine")


def look_back(servers: str, topic: str) -> None:
    """Show what is committed, then read everything once more."""
    consumer = open_consumer(servers, f"{topic}-watch")
    partitions = [TopicPartition(topic, p) for p in sorted(consumer.partitions_for_topic(topic))]
    consumer.assign(partitions)
    ends = consumer.end_offsets(partitions)
    print("committed", [consumer.committed(p) for p in partitions])
    print("end", [ends[p] for p in partitions])
    consumer.seek_to_beginning(*partitions)
    count = 0
    while any(consumer.position(p) < ends[p] for p in partitions):
        count += sum(map(len, consumer.poll(timeout_ms=1000).values()))
    print("read again", count)
    consumer.close()


def main(servers: str = "", topic: str = "thermometers") -> None:
    """Run every part."""
    servers = servers or os.environ.get("BOOTSTRAP_SERVERS", "localhost:9092")
    create_topic(servers, topic)
    measure(servers, topic)
    watch(servers, topic)
    look_back(servers, topic)


if __name__ == "__main__":
    main(*sys.argv[1:])
