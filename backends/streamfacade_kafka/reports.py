"""What became of sent records: collected one by one from librdkafka, reported in bulk.

librdkafka calls Python once for each record. That call only keeps what it is given; every few
hundred, columns are made of it at C speed, while the messages are still in the processor's cache.

A callback must remember its record. A new closure or bound method each would do, but such objects
are tracked by the garbage collector, and with a hundred thousand in flight its passes cost more
than sending. So callbacks live in slots that are used again and again.
"""

from __future__ import annotations

import threading
from itertools import count, groupby
from operator import itemgetter
from types import MethodType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from confluent_kafka import KafkaError as Cause
from confluent_kafka import Message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from streamfacade.driver import Outgoing

    Callback = Callable[[Cause | None, Message], None]

T = TypeVar("T")

_CHUNK = 500
_milliseconds = itemgetter(1)
_REPEATED = Cause(
    Cause.DUPLICATE_SEQUENCE_NUMBER,
    "the server took the record for a repetition: it may be stored already, or not at all",
)


class Outcome(NamedTuple):
    """What became of records of one partition; `numbers` are those of the ledger."""

    topic: str
    partition: int
    records: Sequence[Outgoing]
    offsets: Sequence[int]
    timestamps: Sequence[int]
    cause: Cause | None
    numbers: Sequence[int]


class Slot:
    """Remembers a record on its way, and its number; `callback` is librdkafka's for it."""

    __slots__ = ("callback", "number", "record")

    def __init__(self, collect: Callable[[Slot, Cause | None, Message], None]) -> None:
        self.callback: Callback = MethodType(collect, self)
        self.record: Outgoing | None = None
        self.number = -1


class Collector:
    """Lends slots to records and collects what librdkafka says of them.

    `acknowledged`: the server answers, so a record without an offset was not stored as sent.
    """

    def __init__(self, *, acknowledged: bool) -> None:
        self._acknowledged = acknowledged
        self.free: list[Slot] = []
        """Slots to pop for a record, and to append again if it was not taken."""
        self._served: list[object] = []
        self._outcomes: list[Outcome] = []
        # Ending a transaction serves callbacks too, beside the thread that polls.
        self._lock = threading.Lock()
        self._collect = self._collecting()

    def new_slot(self) -> Slot:
        """Make a slot, when none is free."""
        return Slot(self._collect)

    def _collecting(self) -> Callable[[Slot, Cause | None, Message], None]:
        served, keep, give_back = self._served, self._served.extend, self.free.append

        def collect(slot: Slot, _error: Cause | None, message: Message) -> None:
            keep((slot.record, message, slot.number))
            slot.record = None
            give_back(slot)
            if len(served) >= _CHUNK * 3:
                self._condense()

        return collect

    def _condense(self) -> None:
        with self._lock:
            batch = self._served[:]
            del self._served[: len(batch)]
            if batch:
                self._outcomes += self._made_of(batch[0::3], batch[1::3], batch[2::3])  # type: ignore[arg-type] # as collect kept them

    def _made_of(
        self, records: list[Outgoing], messages: list[Message], numbers: list[int]
    ) -> Iterator[Outcome]:
        topics: list[Any] = list(map(Message.topic, messages))
        partitions: list[Any] = list(map(Message.partition, messages))
        causes: list[Cause | None] = list(map(Message.error, messages))
        offsets: list[Any] = list(map(Message.offset, messages))
        if None in offsets:
            if self._acknowledged:
                causes = list(map(_doubted, causes, offsets))
            offsets = [-1 if offset is None else offset for offset in offsets]
        timestamps = list(map(_milliseconds, map(Message.timestamp, messages)))
        if _uniform(topics) and _uniform(partitions) and not any(causes):
            yield Outcome(topics[0], partitions[0], records, offsets, timestamps, None, numbers)
            return
        # By code: librdkafka's errors cannot be compared with None.
        codes = [0 if cause is None else cause.code() for cause in causes]
        for (topic, partition, _), cut in runs(zip(topics, partitions, codes, strict=True)):
            cause = causes[cut.start]
            yield Outcome(
                topic, partition, records[cut], offsets[cut], timestamps[cut], cause, numbers[cut]
            )

    def take(self) -> list[Outcome]:
        """Return what was collected since the last call."""
        self._condense()
        with self._lock:
            taken, self._outcomes = self._outcomes, []
        return taken


def runs(keys: Iterable[T]) -> Iterator[tuple[T, slice]]:
    """Cut a column of keys where the key changes; librdkafka serves partition by partition."""
    start = 0
    for key, run in groupby(keys):
        stop = start + len(list(run))
        yield key, slice(start, stop)
        start = stop


def _doubted(cause: Cause | None, offset: int | None) -> Cause | None:
    """Return the error of a record that librdkafka calls delivered without knowing where.

    The server took it for a repetition. When the first batch to a new partition was refused and
    the second was not, the first is such a repetition by its number, and was never stored.
    """
    return _REPEATED if cause is None and offset is None else cause


def _uniform(column: list[object]) -> bool:
    return column.count(column[0]) == len(column)


class _Mark:
    """A flush that waits for `missing` records with numbers below its own."""

    def __init__(self, number: int, missing: int) -> None:
        self.number = number
        self.missing = missing
        self.done = threading.Event()


class Ledger:
    """Numbers records, and knows when all that came before a flush are settled.

    Numbers are taken without a lock, which would cost a send a third of its time.
    """

    def __init__(self) -> None:
        self.next_number = count().__next__
        self.settled = 0
        self._lock = threading.Lock()
        self._marks: list[_Mark] = []

    @property
    def unsettled(self) -> int:
        """How many are on their way; for when no more numbers are taken."""
        with self._lock:
            self.settled += 1  # the number it costs to ask
            return self.next_number() + 1 - self.settled

    def settle(self, numbers: Sequence[int]) -> None:
        """Note that these are reported, or were not sent after all."""
        with self._lock:
            self.settled += len(numbers)
            for mark in self._marks:
                mark.missing -= sum(map(mark.number.__gt__, numbers))
                if not mark.missing:
                    mark.done.set()
            self._marks = [mark for mark in self._marks if mark.missing]

    def wait(self, timeout: float | None) -> int:
        """Wait until all numbers taken before are settled; return how many are not."""
        with self._lock:
            number = self.next_number()
            mark = _Mark(number, number - self.settled)
            self.settled += 1  # our own number
            if not mark.missing:
                return 0
            self._marks.append(mark)
        mark.done.wait(timeout)
        with self._lock:
            self._marks = [other for other in self._marks if other is not mark]
            return mark.missing
