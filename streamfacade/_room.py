"""The bound on what waits to be sent: bytes come in, and must go out before more fit."""

from __future__ import annotations

import threading

from streamfacade.errors import KafkaTimeoutError


class Room:
    """`buffer_memory` bytes, shared by all threads that send; also what `flush` waits for."""

    def __init__(self, limit: int) -> None:
        """Start empty."""
        self._limit = limit
        self._used = 0
        self._entered = 0
        self._left = 0
        self._lock = (
            threading.Lock()
        )  # taken bare where a record passes: a Condition costs twice that
        self._changed = threading.Condition(self._lock)

    def enter(self, size: int, timeout: float) -> None:
        """Take room for one record; blocks while there is none.

        A record larger than all room enters when nothing else is there.
        """
        with self._lock:
            if self._used and self._used + size > self._limit:
                self._wait_for_room(size, timeout)
            self._used += size
            self._entered += 1

    def _wait_for_room(self, size: int, timeout: float) -> None:
        if not self._changed.wait_for(
            lambda: not self._used or self._used + size <= self._limit, timeout
        ):
            msg = (
                f"the send buffer ({self._limit} bytes) stayed full for {timeout * 1000:.0f} ms:"
                " the server is slow or away; wait longer (max_block_ms) or allow more"
                " (buffer_memory)"
            )
            raise KafkaTimeoutError(msg)

    @property
    def records(self) -> int:
        """How many records are inside."""
        return self._entered - self._left

    def leave(self, size: int, records: int) -> None:
        """Give back the room of records that are settled."""
        with self._changed:
            self._used -= size
            self._left += records
            self._changed.notify_all()

    def drained(self, timeout: float | None) -> int:
        """Wait until all that entered before now has left; return how many have not."""
        with self._changed:
            mark = self._entered
            self._changed.wait_for(lambda: self._left >= mark, timeout)
            return max(0, mark - self._left)
