"""End to end: how long after sending a record is in the reader's hands, at an easy pace."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from benchmarks.peer import P50, P99, Figures, tidy, warm_up
from benchmarks.sample import VALUE_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from benchmarks.grounds import Ground

    Send = Callable[[bytes], object]
    Receive = Callable[[], Sequence[bytes | None]]

PER_SECOND = 300
_PATIENCE = 30.0
_STAMP = 20  # digits


class Latency:
    """Sends stamped records on one thread and reads them on another, of one process."""

    name: str
    share = 1 / 150

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.count = 0

    def setup(self, count: int) -> None:
        """Remember the count."""
        self.count = max(10, count)

    def opened(self, topic: str) -> AbstractContextManager[tuple[Send, Receive]]:
        """Lend a function that sends a value and one that waits for values, a second at most."""
        raise NotImplementedError

    def run(self) -> Figures:
        """Measure one run."""
        tidy()
        with self.ground.fresh() as topic, self.opened(topic) as (send, receive):
            _meet(send, receive)
            delays = _delays(send, receive, self.count + warm_up(self.count))
        delays = sorted(delays[warm_up(self.count) :])
        return {P50: _percentile(delays, 50), P99: _percentile(delays, 99)}

    def teardown(self) -> None:
        """Nothing is left."""


def _meet(send: Send, receive: Receive) -> None:
    """Wait until the reader is there: it has the first record."""
    send(_stamped())
    deadline = time.monotonic() + _PATIENCE
    while not receive():
        assert time.monotonic() < deadline, "the first record does not arrive"


def _delays(send: Send, receive: Receive, count: int) -> list[float]:
    """Return the delays of so many records in microseconds."""
    delays: list[float] = []
    reader = threading.Thread(target=_read, args=(receive, count, delays))
    reader.start()
    _send(send, count)
    reader.join()
    assert len(delays) == count, f"{count - len(delays)} records did not arrive"
    return delays


def _send(send: Send, count: int) -> None:
    started = time.perf_counter()
    for number in range(count):
        time.sleep(max(0.0, started + number / PER_SECOND - time.perf_counter()))
        send(_stamped())


def _read(receive: Receive, count: int, delays: list[float]) -> None:
    deadline = time.monotonic() + count / PER_SECOND + _PATIENCE
    while len(delays) < count and time.monotonic() < deadline:
        values = receive()
        now = time.perf_counter_ns()
        delays += [(now - int(value[:_STAMP])) / 1000 for value in values if value]


def _stamped() -> bytes:
    return (b"%0*d" % (_STAMP, time.perf_counter_ns())).ljust(VALUE_BYTES, b".")


def _percentile(ordered: list[float], percent: int) -> float:
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
