"""What became of sent records: collected one by one from librdkafka, reported in bulk.

librdkafka calls Python once for each record. That call only keeps what it is given; every few
hundred, columns are made of it at C speed, while the messages are still in the processor's cache.
"""

from __future__ import annotations

import threading
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from confluent_kafka import Message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from confluent_kafka import KafkaError as Cause

    from streamfacade.driver import Outgoing

    Served = tuple[Outgoing, Cause | None, Message]
    Note = Callable[[Outgoing, Cause | None, Message], None]

_CHUNK = 500
_milliseconds = itemgetter(1)


class Outcome(NamedTuple):
    """What became of records of one partition."""

    topic: str
    partition: int
    records: Sequence[Outgoing]
    offsets: Sequence[int]
    timestamps: Sequence[int]
    cause: Cause | None


class Round:
    """The records sent between two flushes: a flush waits for its rounds and no later ones."""

    def __init__(self) -> None:
        self.sent = 0
        self.reported = 0
        self.done = threading.Event()
        self.note = self._collector()
        """Keeps (record, error, message); librdkafka's callback, bound to a record."""

    def _collector(self) -> Note:
        self._served: list[Served] = []
        self._outcomes: list[Outcome] = []
        # Ending a transaction serves callbacks too, beside the thread that polls.
        self._lock = threading.Lock()
        served, keep, condense = self._served, self._served.append, self._condense

        def note(record: Outgoing, error: Cause | None, message: Message) -> None:
            keep((record, error, message))
            if len(served) >= _CHUNK:
                condense()

        return note

    def _condense(self) -> None:
        with self._lock:
            batch = self._served[:]
            del self._served[: len(batch)]
            if batch:
                self._outcomes += _outcomes(batch)

    def take(self) -> list[Outcome]:
        """Return what was collected since the last call."""
        self._condense()
        with self._lock:
            taken, self._outcomes = self._outcomes, []
        return taken


def runs(keys: Iterable[tuple[str, int]]) -> Iterator[tuple[tuple[str, int], slice]]:
    """Cut a column of keys where the key changes; librdkafka serves partition by partition."""
    start = 0
    for key, run in groupby(keys):
        stop = start + len(list(run))
        yield key, slice(start, stop)
        start = stop


def _outcomes(batch: list[Served]) -> Iterator[Outcome]:
    for failed, run in groupby(batch, itemgetter(1)) if _any_failed(batch) else ((None, batch),):
        records, _, messages = zip(*run)
        offsets = list(map(Message.offset, messages))
        timestamps = list(map(_milliseconds, map(Message.timestamp, messages)))
        if min(offsets) < 0:  # acks=0, or a failure: librdkafka's "none" is -1001
            offsets = [max(offset, -1) for offset in offsets]
        keys = zip(map(Message.topic, messages), map(Message.partition, messages))
        for (topic, partition), cut in runs(keys):  # type: ignore[arg-type] # a sent record has both
            yield Outcome(
                topic, partition, records[cut], offsets[cut], timestamps[cut], failed
            )


def _any_failed(batch: list[Served]) -> bool:
    return any(map(itemgetter(1), batch))
