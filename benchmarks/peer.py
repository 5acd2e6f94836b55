"""What takes part: a peer prepares, runs any number of times, and clears up."""

from __future__ import annotations

import gc
import time
from contextlib import nullcontext
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from benchmarks.sample import BATCH

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from benchmarks.grounds import Ground

    Work = Callable[[int], object]

RATE, P50, P99 = "records/s", "p50 µs", "p99 µs"
Figures = dict[str, float]


class Skipped(Exception):  # noqa: N818 - an outcome, not a mistake
    """Raised by a peer that cannot run here; says why."""


class Peer(Protocol):
    """One client doing one job in one way."""

    name: str
    share: float
    """The part of the records that it is given: slow ones would take minutes."""

    def setup(self, count: int) -> None:
        """Prepare to send or read `count` records; raise Skipped if that is not possible."""

    def run(self) -> Figures:
        """Do it once, without the warm-up: records per second, or latencies."""

    def teardown(self) -> None:
        """Remove what is left."""


class _Throughput:
    """Opens its client, works a tenth of the records to warm up, then the clock runs."""

    name: str
    share: float = 1.0

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.count = 0

    def setup(self, count: int) -> None:
        """Remember the count."""
        self.count = count

    def topic(self) -> AbstractContextManager[str]:
        """Lend the topic to work on."""
        raise NotImplementedError

    def opened(self, topic: str) -> AbstractContextManager[Work]:
        """Lend a function that sends or reads so many records and returns when that is done."""
        raise NotImplementedError

    def run(self) -> Figures:
        """Measure one run."""
        tidy()
        with self.topic() as topic, self.opened(topic) as work:
            work(warm_up(self.count))
            started = time.perf_counter()
            work(self.count)
            return {RATE: self.count / (time.perf_counter() - started)}

    def teardown(self) -> None:
        """Nothing is left: the ground removes what it lent."""


class Produces(_Throughput):
    """Sends to a topic of its own, which goes after each run."""

    def topic(self) -> AbstractContextManager[str]:
        """Lend an empty topic."""
        return self.ground.fresh()


class Consumes(_Throughput):
    """Reads a topic from its beginning."""

    def setup(self, count: int) -> None:
        """Fill a topic, or find one that is full already.

        Reading by batches, both the warm-up and the run may take a batch too many.
        """
        super().setup(count)
        self.full = self.ground.filled(count + warm_up(count) + 2 * BATCH)

    def topic(self) -> AbstractContextManager[str]:
        """Lend the full topic."""
        return nullcontext(self.full)


def tidy() -> None:
    """Let nobody pay for what others left: neither for removing it nor for looking at it."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def warm_up(count: int) -> int:
    """Return how many records come before the clock starts."""
    return max(1, count // 10)


def reading(batch: Callable[[], int]) -> Work:
    """Return a function that reads batches until it has so many records."""

    def read(count: int) -> None:
        while count > 0:
            count -= batch()

    return read


def optional(module: str) -> Any:
    """Import a library that need not be there."""
    try:
        return import_module(module)
    except ImportError:
        raise Skipped(f"{module} is not installed (extra: bench)") from None
