"""Calls of librdkafka that know no time limit, made on a thread that may be left behind."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TYPE_CHECKING, TypeVar

from confluent_kafka import cimpl

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

# The bindings let one thread at a time use a consumer, told apart by this variable: without it a
# commit beside a blocked poll waits for the poll, and inside a rebalance callback for ever.
_identity = getattr(cimpl, "_reentry_identity_var", None)


class Caller:
    """Runs calls in order on one daemon thread, which starts with the first."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._calls: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def submit(self, call: Callable[[], T]) -> Future[T]:
        """Run `call` after those before it, in the name of the present thread."""
        future: Future[T] = Future()
        caller = threading.get_ident()

        def run() -> None:
            if _identity is not None:
                _identity.set(caller)
            try:
                future.set_result(call())
            except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits
                future.set_exception(error)

        self._calls.put(run)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        return future

    def stop(self) -> None:
        """Let the thread end after what is queued."""
        self._calls.put(_end)

    def _run(self) -> None:
        while True:
            call = self._calls.get()
            if call is _end:
                return
            call()


def _end() -> None:
    """Mark the end of the queue."""
