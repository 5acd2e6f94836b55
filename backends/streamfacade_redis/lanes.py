"""The queue of one partition in a producer: what waits, what is on its way, under which numbers.

No I/O: the sender moves batches, this keeps them in order and numbered. Every batch carries the
lane's epoch and the sequence number of its first record; Redis remembers the last five, so a
batch may be sent again after a lost reply and is stored once.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Any

from streamfacade_redis import codec

if TYPE_CHECKING:
    import threading

    from streamfacade.driver import Outgoing
    from streamfacade_redis.keys import PartitionKeys

    Waiting = tuple[Outgoing, int, float]  # record, size, when it came (monotonic)

MAX_RECORDS = 500  # the script blocks the server for about 1.5 ms then
MAX_BYTES = 512 * 1024  # and at most about 3 ms with large values
WINDOW = 5  # batches unanswered: as many as Redis remembers


class Batch:
    """Records that are appended together."""

    __slots__ = (
        "arguments", "base", "born", "epoch", "records", "sequence", "sizes", "stamps", "tries",
        "unsure",
    )  # fmt: skip

    def __init__(self, waiting: list[Waiting]) -> None:
        """Take waiting records; those without a timestamp get the time at which they came."""
        to_wall = time.time() - time.monotonic()
        self.records = [record for record, _, _ in waiting]
        self.sizes = [size for _, size, _ in waiting]
        self.stamps = [
            int((came + to_wall) * 1000) if record[3] is None else record[3]
            for record, _, came in waiting
        ]
        self.born = waiting[0][2]
        self.epoch = self.sequence = 0
        self.tries = 0
        self.base: int | None = None
        self.unsure = False
        """Whether it may be in the log, unconfirmed: it must keep its numbers then."""
        self.arguments = codec.encode(self.records, self.stamps)

    def offsets(self) -> range:
        """Return the offsets of a stored batch."""
        base = self.base or 0
        return range(base, base + len(self.records))

    def without(self, index: int) -> tuple[Outgoing, int, int]:
        """Take out one record that cannot be stored: it, its timestamp, its size."""
        taken = self.records.pop(index), self.stamps.pop(index), self.sizes.pop(index)
        if self.records:
            self.arguments = codec.encode(self.records, self.stamps)
        return taken


class Lane:
    """One partition's records between `send` and their report."""

    def __init__(self, topic: str, partition: int) -> None:
        """Start empty; the sender fills in where the partition is."""
        self.topic = topic
        self.partition = partition
        self.topic_id = ""
        self.keys: PartitionKeys | None = None
        self.replicas = 0
        self.waiting: deque[Waiting | threading.Event] = deque()
        self.window: deque[Batch] = deque()
        self.latches: deque[tuple[Batch, threading.Event]] = deque()
        self.unanswered = 0
        self.to_send: deque[Batch] = deque()
        self.epoch = 0
        self.next_sequence = 0
        self.disordered = False
        """A batch was refused: those behind it are too. Once all are answered, `renumber`."""

    def take(self) -> Batch | None:
        """Make a batch of what waits, up to the next flush mark."""
        self.oldest()
        taken: list[Waiting] = []
        size = 0
        while self.waiting and len(taken) < MAX_RECORDS:
            first: Any = self.waiting[0]
            if not isinstance(first, tuple):
                break
            if taken and size + first[1] > MAX_BYTES:
                break
            taken.append(first)
            size += first[1]
            self.waiting.popleft()
        return self._number(Batch(taken)) if taken else None

    def oldest(self) -> float | None:
        """Return when the first waiting record came; flush marks before it go to the window."""
        while self.waiting:
            first: Any = self.waiting[0]
            if isinstance(first, tuple):
                return float(first[2])
            self.waiting.popleft()
            if self.window:
                self.latches.append((self.window[-1], first))
            else:
                first.set()
        return None

    def place(self, topic_id: str, keys: PartitionKeys, replicas: int) -> None:
        """Learn where the partition is, and how many replicas must confirm."""
        self.topic_id, self.keys, self.replicas = topic_id, keys, replicas

    def _number(self, batch: Batch) -> Batch:
        batch.epoch, batch.sequence = self.epoch, self.next_sequence
        self.next_sequence += len(batch.records)
        self.window.append(batch)
        return batch

    def done(self, batch: Batch) -> None:
        """Forget a batch that is settled; flushes that waited for it go on."""
        self.window.remove(batch)
        if batch in self.to_send:
            self.to_send.remove(batch)
        while self.latches and self.latches[0][0] not in self.window:
            self.latches.popleft()[1].set()

    def restore_order(self) -> None:
        """Renumber after a refusal, once the fate of every batch sent before it is known."""
        if self.disordered and not self.unanswered and not any(b.unsure for b in self.window):
            self.renumber()

    def renumber(self) -> None:
        """Start a new epoch: all that is not stored is sent again, from sequence number 0."""
        self.epoch += 1
        self.next_sequence = 0
        self.disordered = False
        unsent = list(self.window)
        self.window.clear()
        self.to_send.clear()
        for batch in unsent:
            self.to_send.append(self._number(batch))

    def send_again(self) -> None:
        """Send the window again, under the same numbers: its replies are lost.

        After a refusal only what may be stored already: under new numbers it could be twice.
        """
        self.unanswered = 0
        self.to_send = deque(b for b in self.window if b.unsure or not self.disordered)
        self.restore_order()
