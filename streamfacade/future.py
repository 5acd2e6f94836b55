"""The future that `Producer.send` returns: kafka-python's, awaitable, and cheap.

One is made for every record, so an instance starts with no attributes of its own
(the class holds the defaults), no lock and no event: a single lock is shared by all
futures and held for a few instructions; an event exists only while somebody waits.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from streamfacade.errors import IllegalStateError, KafkaTimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from streamfacade.structs import RecordMetadata

T = TypeVar("T")
log = logging.getLogger(__name__)
_lock = threading.Lock()


class Future(Generic[T]):
    """A result that arrives later, on a background thread."""

    is_done: bool = False
    value: T | None = None
    exception: BaseException | None = None
    _listeners: tuple[Callable[[], None], ...] = ()
    _arrived: threading.Event | None = None

    def succeeded(self) -> bool:
        """Return True once a value is there."""
        return self.is_done and self.exception is None

    def failed(self) -> bool:
        """Return True once an error is there."""
        return self.is_done and self.exception is not None

    def retriable(self) -> bool:
        """Return True if it failed and trying again may help."""
        return bool(getattr(self.exception, "retriable", False))

    def success(self, value: T) -> Future[T]:
        """Settle with a value."""
        return self._settle(value, None)

    def failure(self, exception: BaseException | type[BaseException]) -> Future[T]:
        """Settle with an error (an instance or a class of one)."""
        return self._settle(None, exception() if isinstance(exception, type) else exception)

    def _settle(self, value: T | None, exception: BaseException | None) -> Future[T]:
        with _lock:
            if self.is_done:
                msg = "a future settles once: this one is done"
                raise IllegalStateError(msg)
            self.value, self.exception, self.is_done = value, exception, True
            listeners, arrived = self._listeners, self._arrived
        if arrived is not None:
            arrived.set()
        for listener in listeners:
            listener()
        return self

    def get(self, timeout: float | None = None) -> T:
        """Wait for the result.

        Args:
            timeout: seconds to wait; None waits for ever.

        Raises:
            KafkaTimeoutError: nothing arrived in time.
            Exception: whatever the future failed with.

        """
        if not self.is_done and not self._wait(timeout):
            msg = f"nothing arrived within {timeout} seconds"
            raise KafkaTimeoutError(msg)
        if self.exception is not None:
            raise self.exception
        return self.value  # type: ignore[return-value] # done and not failed: the value is there

    def _wait(self, timeout: float | None) -> bool:
        with _lock:
            if self._arrived is None:
                self._arrived = threading.Event()
            if self.is_done:
                self._arrived.set()
        return self._arrived.wait(timeout)

    def add_callback(self, f: Callable[..., Any], *args: Any, **kwargs: Any) -> Future[T]:
        """Call `f(*args, value, **kwargs)` on success; at once if that is already so."""
        call = partial(f, *args, **kwargs)
        return self._listen(lambda: call(self.value) if self.exception is None else None)

    def add_errback(self, f: Callable[..., Any], *args: Any, **kwargs: Any) -> Future[T]:
        """Call `f(*args, exception, **kwargs)` on failure; at once if that is already so."""
        call = partial(f, *args, **kwargs)
        return self._listen(lambda: call(self.exception) if self.exception is not None else None)

    def add_both(self, f: Callable[..., Any], *args: Any, **kwargs: Any) -> Future[T]:
        """Call `f` with the value or the error, whichever comes."""
        self.add_callback(f, *args, **kwargs)
        return self.add_errback(f, *args, **kwargs)

    def chain(self, future: Future[T]) -> Future[T]:
        """Settle `future` as this one settles."""
        self.add_callback(future.success)
        return self.add_errback(future.failure)

    def _listen(self, listener: Callable[[], object]) -> Future[T]:
        guarded = partial(_guarded, listener)
        with _lock:
            if not self.is_done:
                self._listeners += (guarded,)
                return self
        guarded()
        return self

    def __await__(self) -> Generator[Any, None, T]:
        """Await the result in asyncio; waiting blocks neither the loop nor the sender."""
        if not self.is_done:
            loop = asyncio.get_running_loop()
            arrived: asyncio.Future[None] = loop.create_future()
            self.add_both(lambda _: loop.call_soon_threadsafe(_wake, arrived))
            yield from arrived
        return self.get(0)


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _guarded(listener: Callable[[], object]) -> None:
    """Run a callback that must not stop the thread that delivers for everybody."""
    try:
        listener()
    except Exception:
        log.exception("a callback of a future raised; the record itself is settled")


class FutureRecordMetadata(Future["RecordMetadata"]):
    """The future of one record sent."""

    def _delivered(self, error: BaseException | None, metadata: RecordMetadata) -> None:
        self._settle(None if error else metadata, error)
