"""Reading: plain XREAD from the positions, one call ahead of the application.

A group's reading is not XREADGROUP: there is no pending list, and no write for a read. One XREAD
over all partitions is kept outstanding, also while the application works on what the last one
brought; `fetch` waits for its reply no longer than it was told to.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from redis import exceptions as theirs

from streamfacade.errors import (
    CorruptRecordError,
    KafkaError,
    KafkaTimeoutError,
    OffsetOutOfRangeError,
    UnknownTopicOrPartitionError,
)
from streamfacade_redis import codec
from streamfacade_redis.audit import Audit
from streamfacade_redis.connection import pack, translate
from streamfacade_redis.keys import after
from streamfacade_redis.places import Place, Turns
from streamfacade_redis.replies import Backoff

if TYPE_CHECKING:
    from collections.abc import Collection

    from streamfacade.config import Options
    from streamfacade.structs import TopicPartition
    from streamfacade_redis.connection import Link
    from streamfacade_redis.desk import Desk
    from streamfacade_redis.offsets import Offsets, Where
    from streamfacade_redis.places import Raw

log = logging.getLogger(__name__)
_BLOCK_MS = 1000
_FIRST_COUNT, _MOST = 16, 1000


class Fetcher:
    """The partitions being read, and the connection that reads them."""

    def __init__(self, link: Link, desk: Desk, offsets: Offsets, options: Options) -> None:
        """Read over `link`; ask about logs over `desk`."""
        self._link, self._desk, self._offsets = link, desk, offsets
        self._creates = options["allow_auto_create_topics"]
        self._turns = Turns()
        self._audit = Audit(desk, offsets, options)
        self._asked: dict[bytes, tuple[TopicPartition, Place]] = {}
        self._generation = link.generation
        self._count = _FIRST_COUNT
        self._entry_bytes = 1.0
        self._partition_bytes = options["max_partition_fetch_bytes"]
        self._fetch_bytes = options["fetch_max_bytes"]
        self._backoff = Backoff(options)
        self._quiet_until = 0.0
        self._asked_at = 0.0
        self._patience = options.seconds("request_timeout_ms") + _BLOCK_MS / 1000

    @property
    def places(self) -> dict[TopicPartition, Place]:
        """All partitions, parked ones too."""
        return self._turns.places

    def wheres(self) -> list[Where]:
        """Return where the partitions are that have been found."""
        return [place.where for place in self.places.values() if place.where is not None]

    def keep(self, partitions: Collection[TopicPartition]) -> None:
        """Read exactly these; the places of those that stay are kept."""
        for partition in set(self.places).difference(partitions):
            self.drop([partition])
        for partition in partitions:
            self.places.setdefault(partition, Place(None))

    def drop(self, partitions: Collection[TopicPartition]) -> None:
        """Stop reading these."""
        for partition in partitions:
            place = self.places.pop(partition, None)
            if place is not None:
                place.stale = True

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Read next from an offset."""
        if partition in self.places:
            self.places[partition].seek(offset)

    def pause(self, partitions: Collection[TopicPartition], *, paused: bool) -> None:
        """Read these no further, or again."""
        for partition in partitions:
            self.places[partition].paused = paused

    def fetch(self, timeout: float, limit: int) -> dict[TopicPartition, list[Raw]]:
        """Return records read ahead, else what arrives within `timeout`."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                found = self._turn(deadline, limit)
            except (OffsetOutOfRangeError, CorruptRecordError):
                raise
            except (theirs.RedisError, OSError, KafkaError) as error:
                self._trouble(translate(error, self._link.address))
                found = {}
            if found or time.monotonic() >= deadline:
                return found

    def _turn(self, deadline: float, limit: int) -> dict[TopicPartition, list[Raw]]:
        """Hand out what is there, or read once; then ask for more before the caller works on it."""
        found = self._turns.take(limit)
        if not found:
            self._raise_stuck()
            if self._rests(deadline):
                return {}
            self._prepare()
            self._ask()
            if self._arrived(deadline):
                self._read()
                found = self._turns.take(limit)
        if found:
            self._ask()
        return found

    # Asking

    def _prepare(self) -> None:
        """Find partitions that have no keys yet, and check the positions that need it."""
        if not self._link.is_open:
            self._link.connect()
        if self._link.generation != self._generation:
            self._generation = self._link.generation
            self._asked.clear()
            for place in self.places.values():
                place.audited = False
        for partition, place in self.places.items():
            if place.where is None and place.position is not None:
                place.where = self._find(partition)
                if place.where is not None:
                    self._audit.came_back(partition, place)
        self._audit.run(self.places, idle=not self._asked or self._audit.due)

    def _find(self, partition: TopicPartition) -> Any:
        try:
            return self._offsets.where(partition, create=self._creates)
        except UnknownTopicOrPartitionError as error:
            self._audit.report_gone(partition, error)
            return None

    def _ask(self) -> None:
        """Send the next XREAD, unless one is under way that still asks for the right things."""
        if self._asked and any(place.stale for _, place in self._asked.values()):
            self._take_back()
        if self._asked or not self._link.is_open:
            return
        chosen = self._choose()
        if not chosen:
            return
        keys, ids = [], []
        for partition, place in chosen:
            place.stale = False
            log_key = place.where.keys.log.encode()  # type: ignore[union-attr] # readable, so placed
            self._asked[log_key] = (partition, place)
            keys.append(log_key)
            ids.append(after(place.position or 0))
        command = (b"XREAD", b"COUNT", self._count, b"BLOCK", _BLOCK_MS, b"STREAMS", *keys, *ids)
        self._link.send(pack(command))
        self._asked_at = time.monotonic()

    def _choose(self) -> list[tuple[TopicPartition, Place]]:
        """Return the partitions to read now: as many as fit into `fetch_max_bytes`, in turn."""
        readable = [(p, place) for p, place in self.places.items() if place.readable]
        per_stream = max(1.0, self._count * self._entry_bytes)
        return readable[: max(1, int(self._fetch_bytes / per_stream))]

    def _take_back(self) -> None:
        """End a read that blocks on positions left behind, and drop what it brings."""
        if not self._link.readable(0):
            self._desk.call("CLIENT", "UNBLOCK", self._link.client_id)
        self._read()

    # Receiving

    def _arrived(self, deadline: float) -> bool:
        left = max(0.0, deadline - time.monotonic())
        if not self._asked:
            time.sleep(min(left, 0.05))  # nothing is readable: parked, paused, stuck or gone
            return False
        if self._link.readable(left):
            return True
        if time.monotonic() - self._asked_at > self._patience:
            msg = f"{self._link.address}: no answer for {self._patience:.1f} seconds"
            raise KafkaTimeoutError(msg)
        return False

    def _read(self) -> None:
        """Read the reply of the XREAD under way into the places that still want it."""
        reply = self._link.read()
        asked, self._asked = self._asked, {}
        self._backoff.reset()
        for log_key, entries in reply or ():
            partition, place = asked[log_key]
            if not place.stale:
                self._receive(partition, place, entries)
        if reply:
            self._adapt(reply)

    def _receive(self, partition: TopicPartition, place: Place, entries: list[Any]) -> None:
        position = place.position or 0
        decoded = codec.decode(partition, position, place.epoch, entries)
        if decoded.gap and not self._audit.explains(partition, place):
            return
        place.position, place.reached = decoded.next_offset, True
        place.buffered, place.error = decoded.records, decoded.error

    def _adapt(self, reply: list[Any]) -> None:
        """Grow COUNT while replies stay small, cut it when entries turn out large."""
        entries = [entry for _, found in reply for entry in found]
        last = entries[-1][1] or ()
        self._entry_bytes = max(1.0, (self._entry_bytes + sum(map(len, last))) / 2)
        fits = int(self._partition_bytes / self._entry_bytes)
        self._count = max(1, min(self._count * 2, fits, _MOST))

    # Trouble

    def _raise_stuck(self) -> None:
        """Raise what keeps a partition from going on, when no record is left to return first."""
        outside = {
            p: place.position or 0 for p, place in self.places.items() if self._audit.is_outside(p)
        }
        if outside:
            for partition in outside:
                self._audit.forget(partition)
                self.places[partition].seek(None)
            raise OffsetOutOfRangeError(outside)
        for place in self.places.values():
            if place.error and not place.paused:
                raise place.error

    def _trouble(self, error: KafkaError) -> None:
        """Reconnect after an error of the connection; raise the others."""
        self._link.close()
        self._asked.clear()
        if not error.retriable or isinstance(error, UnknownTopicOrPartitionError):
            raise error
        log.warning("reading pauses: %s", error)
        self._quiet_until = time.monotonic() + self._backoff.next(error)

    def _rests(self, deadline: float) -> bool:
        """Sleep through the pause after trouble; return whether it outlasts this fetch."""
        now = time.monotonic()
        if now < self._quiet_until:
            time.sleep(max(0.0, min(self._quiet_until, deadline) - now))
        return time.monotonic() < self._quiet_until

    def close(self) -> None:
        """Disconnect."""
        self._link.close()
