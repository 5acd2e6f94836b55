"""A Python list: what the interpreter can do at most, for the memory backend to be held against."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmarks.peer import Consumes, Produces, reading
from benchmarks.sample import BATCH, pairs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.peer import Work
    from benchmarks.sample import Pair


class Appends(Produces):
    """One append per record."""

    name = "list.append"

    @contextmanager
    def opened(self, topic: str) -> Iterator[Work]:
        """Lend a function that appends."""
        log: list[Pair] = []

        def send(count: int) -> None:
            for key, value in pairs(count):
                log.append((key, value))

        yield send


class Slices(Consumes):
    """Slices of 500."""

    name = "list slices(500)"

    @contextmanager
    def opened(self, topic: str) -> Iterator[Work]:
        """Lend a function that reads slices."""
        log = list(pairs(2 * self.count + 2 * BATCH))
        place = 0

        def batch() -> int:
            nonlocal place
            records = log[place : place + BATCH]
            place += len(records)
            return len([value for _, value in records])

        yield reading(batch)
