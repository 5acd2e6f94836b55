"""The conformance suite on memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from streamfacade import Consumer
from streamfacade.testing.harness import Harness
from streamfacade.testing.suite import *  # noqa: F403 - the tests

if TYPE_CHECKING:
    from collections.abc import Iterator


class MemoryHarness(Harness):
    """Memory is this process's own: a worker lives here, and falls silent to die."""

    def worker(self, *topics: str, **options: Any) -> Consumer[Any, Any]:
        """Open a consumer that nobody closes."""
        return Consumer(*topics, **self._reading(options))

    def freeze(self, worker: Consumer[Any, Any]) -> None:
        """Let the group hear nothing until the next call."""
        worker._driver.fall_silent()  # type: ignore[attr-defined] # memory's own

    kill = freeze

    def thaw(self, worker: Consumer[Any, Any]) -> None:
        """Nothing to do: the next call is heard again."""


@pytest.fixture(scope="module")
def backend() -> Iterator[Harness]:
    """Run on a memory backend of our own."""
    with MemoryHarness("memory://conformance") as backend:
        yield backend
