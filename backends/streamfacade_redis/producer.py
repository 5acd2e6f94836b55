"""The producer of the port: lanes in, a sender thread behind them."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from streamfacade._room import Room
from streamfacade.errors import KafkaError, UnknownTopicOrPartitionError
from streamfacade_redis.connection import retrying
from streamfacade_redis.lanes import Lane
from streamfacade_redis.sender import Sender

if TYPE_CHECKING:
    from streamfacade.config import Options
    from streamfacade.driver import Outgoing, Report
    from streamfacade_redis.address import Address
    from streamfacade_redis.connection import Link
    from streamfacade_redis.registry import Registry, Topic

log = logging.getLogger(__name__)
# A thread that sends in a loop keeps the GIL for 5 ms each time the sender comes back from the
# socket. A pause of a microsecond for every so many records waiting lets it in: 220 k -> 360 k/s.
_YIELD_EVERY = 256
_MOMENT = 1e-6


class RedisProducer:
    """Any number of threads send; one connection and one thread carry it."""

    def __init__(
        self, link: Link, registry: Registry, address: Address, options: Options, report: Report
    ) -> None:
        """Start the sender."""
        self._registry, self._names = registry, address.namespace
        self._looking = threading.Lock()  # the registry's connection is for one thread at a time
        self._creates = options["allow_auto_create_topics"]
        self._backoff = options.seconds("retry_backoff_ms")
        self._max_age = options.seconds("metadata_max_age_ms")
        self._due = time.monotonic() + self._max_age
        self._counts: dict[str, int] = {}
        self._room = Room(options["buffer_memory"])
        self._sender = Sender(link, options, report, self._room.leave, self._place, self._tend)
        self._lanes, self._work = self._sender.lanes, self._sender.work
        self._sender.thread.start()

    def partitions(self, topic: str, timeout: float) -> int:
        """Return the number of partitions, from memory if it is known."""
        count = self._counts.get(topic)
        if count is None:
            count = retrying(lambda: self._look_up(topic), timeout, self._backoff).partitions
        return count

    def _look_up(self, topic: str) -> Topic:
        with self._looking:
            found = self._registry.find_or_create(topic, create=self._creates)
        self._counts[topic] = found.partitions
        return found

    def _tend(self) -> float:
        """Look at all known topics again when that is due; return the seconds until the next time.

        Runs on the sender's thread, so that nobody who sends waits for it.
        """
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + self._max_age
            try:
                with self._looking:
                    existing = self._registry.all()
            except KafkaError as error:
                log.warning("the topics could not be looked at again: %s", error)
            else:
                self._counts = {t: existing[t].partitions for t in self._counts if t in existing}
        return self._due - time.monotonic()

    def send(
        self, topic: str, partition: int | None, record: Outgoing, size: int, timeout: float
    ) -> None:
        """Queue a record; wake the sender if it sleeps."""
        self._room.enter(size, timeout)
        lane = self._lanes.get((topic, partition))  # type: ignore[arg-type] # we never choose, so it is an int
        if lane is None:
            lane = self._lanes.setdefault((topic, partition or 0), Lane(topic, partition or 0))
        lane.waiting.append((record, size, time.monotonic()))
        if not len(lane.waiting) % _YIELD_EVERY:
            time.sleep(_MOMENT)
        if not self._work.is_set():  # a look is five times cheaper than setting it again
            self._work.set()

    def _place(self, lane: Lane) -> None:
        """Tell a lane where its partition is, as the registry has it now."""
        topic = self._look_up(lane.topic)
        if lane.partition >= topic.partitions:
            msg = f"{lane.topic} has no partition {lane.partition} any more: it was re-created"
            raise UnknownTopicOrPartitionError(msg)
        keys = self._names.partition(lane.topic, topic.topic_id, lane.partition)
        lane.place(topic.topic_id, keys, topic.configs["min.insync.replicas"] - 1)

    def flush(self, timeout: float | None) -> int:
        """Put a mark into every lane and wait until the sender has passed them all."""
        deadline = None if timeout is None else time.monotonic() + timeout
        marks = [threading.Event() for _ in self._lanes]
        for lane, mark in zip(list(self._lanes.values()), marks, strict=False):
            lane.waiting.append(mark)
        self._work.set()
        for mark in marks:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not mark.wait(left):
                return max(1, self._room.records)
        return 0

    def metrics(self) -> dict[str, float]:
        """Return what waits and what is on its way."""
        lanes = list(self._lanes.values())
        return {
            "buffered-records": float(self._room.records),
            "batches-in-flight": float(sum(len(lane.window) for lane in lanes)),
        }

    def close(self, timeout: float) -> None:
        """Let the sender finish."""
        self._sender.finish(timeout)
        self._registry.close()
