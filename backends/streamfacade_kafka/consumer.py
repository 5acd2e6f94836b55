"""Consuming: librdkafka fetches and keeps the membership, the facade keeps positions."""

from __future__ import annotations

import time
import uuid
from concurrent.futures import TimeoutError as NotYet
from typing import TYPE_CHECKING

from confluent_kafka import Consumer, Message

from streamfacade.errors import KafkaConfigurationError
from streamfacade.structs import ConsumerGroupMetadata, TopicPartition
from streamfacade_kafka.assignment import Assignment
from streamfacade_kafka.caller import Caller
from streamfacade_kafka.commits import Commits
from streamfacade_kafka.connection import connect, log
from streamfacade_kafka.faults import Faults
from streamfacade_kafka.lookups import Lookups
from streamfacade_kafka.options import consumer_properties
from streamfacade_kafka.records import build_records
from streamfacade_kafka.subscription import Subscription

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from streamfacade.config import Options
    from streamfacade.driver import Rebalance
    from streamfacade.structs import OffsetAndMetadata, OffsetAndTimestamp
    from streamfacade_kafka.records import Records

# Longer polls would keep signals and other threads waiting.
_SLICE = 0.2
# librdkafka counts in milliseconds: with less it would not wait at all.
_GRAIN = 0.001
# The bindings' limit is a million; so many at once would only cost memory.
_MOST = 100000


class KafkaConsumerDriver:
    """See `streamfacade.driver.ConsumerDriver`."""

    def __init__(self, servers: str, options: Options, rebalance: Rebalance) -> None:
        group_id = options["group_id"]
        if group_id == "":
            raise KafkaConfigurationError("group_id must be None or a name: librdkafka aborts")
        # Without a group librdkafka still wants a name; nothing is ever stored under this one.
        properties = consumer_properties(servers, options, group_id or f"none-{uuid.uuid4()}")
        self._consumer, ear = connect(Consumer, properties, options.seconds("bootstrap_timeout_ms"))
        self._group_id, self._instance_id = group_id, options["group_instance_id"]
        self._caller = Caller(f"{options['client_id']}-commits")
        self._commits = Commits(
            self._consumer, self._caller, group_id, options.seconds("default_api_timeout_ms")
        )
        self._lookups = Lookups(self._consumer, servers, options)
        eager = "cooperative" not in properties.get("partition.assignment.strategy", "cooperative")
        self._assignment = Assignment(self._consumer, eager=eager)
        self._faults = Faults(self._assignment, ear)
        self._subscription = Subscription(
            self._consumer, self._assignment, self._lookups, rebalance, self._commits.settle,
            create=options["allow_auto_create_topics"],
        )  # fmt: skip

    # What to read

    def subscribe(self, topics: Collection[str]) -> None:
        """Make `topics` what this member wants of its group."""
        self._commits.as_member = True
        self._subscription.subscribe(topics)

    def unsubscribe(self) -> None:
        """Leave the group, drop all partitions."""
        self._subscription.leave()
        self._commits.as_member = False
        self._commits.tell()

    def assign(self, partitions: Collection[TopicPartition]) -> None:
        """Fetch from exactly these, without a group's say."""
        self._assignment.own_exactly(partitions)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Fetch next from `offset`."""
        self._faults.forget(partition)
        self._assignment.seek(partition, offset)

    def pause(self, partitions: Collection[TopicPartition]) -> None:
        """Fetch nothing from these until `resume`."""
        self._assignment.pause(partitions)

    def resume(self, partitions: Collection[TopicPartition]) -> None:
        """Fetch from these again."""
        self._assignment.resume(partitions)

    # Reading

    def fetch(self, timeout: float, max_records: int) -> Records:
        """Return the next records, `max_records` in all, as soon as there are any."""
        deadline = time.monotonic() + timeout
        self._commits.tell()
        while True:
            self._subscription.serve(deadline)
            self._assignment.apply()
            left = deadline - time.monotonic()
            left = left if left > _GRAIN else 0.0
            messages = self._assignment.take_kept() or self._receive(min(_SLICE, left), max_records)
            records = self._records(messages) if messages else {}
            if records:
                return records
            self._faults.raise_first()
            if left == 0:
                return {}

    def tend(self) -> None:
        """Do what is due without reading: rebalances, answers to commits."""
        message = self._consumer.poll(0)
        if message is not None:
            self._assignment.keep(message)
        self._commits.tell()
        self._subscription.raise_failure()

    def _receive(self, timeout: float, max_records: int) -> list[Message]:
        first = self._consumer.poll(timeout)
        if first is None:
            return []
        # consume() alone would wait for all `max_records` until its time is over.
        more = min(max_records, _MOST) - 1
        return [first, *self._consumer.consume(more, 0)] if more else [first]

    def _records(self, messages: list[Message]) -> Records:
        if any(map(Message.error, messages)):
            messages = self._faults.sort_out(messages)
        if not messages:
            return {}
        records = build_records(messages)
        self._assignment.drop_stale(records)
        for partition, listed in records.items():
            self._assignment.places[partition] = listed[-1].offset + 1
        return records

    # Offsets

    def commit(self, offsets: Mapping[TopicPartition, OffsetAndMetadata], timeout: float) -> None:
        """Store the group's offsets."""
        self._commits.now(offsets, timeout)
        self._commits.tell()

    def commit_async(
        self,
        offsets: Mapping[TopicPartition, OffsetAndMetadata],
        on_done: Callable[[BaseException | None], None],
    ) -> None:
        """Store the group's offsets without waiting, after earlier commits."""
        self._commits.later(offsets, on_done)

    def committed(
        self, partitions: Collection[TopicPartition], timeout: float
    ) -> dict[TopicPartition, OffsetAndMetadata | None]:
        """Return the group's stored offset of each."""
        return self._lookups.committed(partitions, timeout)

    def list_offsets(
        self, wanted: Mapping[TopicPartition, int], timeout: float
    ) -> dict[TopicPartition, OffsetAndTimestamp | None]:
        """Look up offsets by timestamp in ms, or by `OffsetSpec`."""
        return self._lookups.offsets(wanted, timeout)

    def topics(self, timeout: float) -> dict[str, int]:
        """Return all topics with their number of partitions."""
        return self._lookups.topics(timeout)

    def group_metadata(self) -> ConsumerGroupMetadata:
        """Return this member's identity."""
        known = self._subscription.identity
        return ConsumerGroupMetadata(
            self._group_id,
            known.generation,
            known.member_id,
            self._instance_id,
            self._subscription.state,
        )

    def close(self, timeout: float) -> None:
        """Leave the group if still in it, close the connections.

        librdkafka's own close knows no time limit and would call the facade from its thread, so
        partitions are given up here, and the rest is left to the thread that may be left behind.
        """
        deadline = time.monotonic() + timeout
        try:
            self._subscription.give_up()
        finally:
            self._commits.finish(max(0.0, deadline - time.monotonic()))
            closed = self._caller.submit(self._consumer.close)
            self._caller.stop()
            try:
                closed.result(max(0.1, deadline - time.monotonic()))
            except NotYet:
                log.warning("the broker did not answer: the consumer closes in the background")
