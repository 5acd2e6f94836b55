"""Committing: what to commit, when it is due, and who is told."""

from __future__ import annotations

import logging
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from streamfacade.errors import IllegalStateError, KafkaError
from streamfacade.future import Future
from streamfacade.structs import OffsetAndMetadata, TopicPartition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from streamfacade.config import Options
    from streamfacade.consumer._positions import Positions
    from streamfacade.driver import ConsumerDriver

    Offsets = Mapping[TopicPartition, OffsetAndMetadata]

log = logging.getLogger(__name__)


class Commits:
    """The commits of one consumer: asked for, automatic, and their callbacks."""

    def __init__(self, driver: ConsumerDriver, options: Options, positions: Positions) -> None:
        """Commit automatically as the options say, counted from now."""
        self._driver = driver
        self._positions = positions
        self._group = options["group_id"]
        self.automatic = options["enable_auto_commit"] and self._group is not None
        self._interval = options.seconds("auto_commit_interval_ms")
        self._limit = options.seconds("default_api_timeout_ms")
        self._default_callback = options["default_offset_commit_callback"]
        self._due = time.monotonic() + self._interval
        self._stored: dict[TopicPartition, OffsetAndMetadata] = {}
        self._callbacks: deque[Callable[[], object]] = deque()

    def consumed(self, partitions: Iterable[TopicPartition] | None = None) -> Offsets:
        """Return the positions of these partitions, or of all, as offsets to commit."""
        at = self._positions.at
        return {p: OffsetAndMetadata(at[p]) for p in (partitions or at) if p in at}

    def sync(self, offsets: Offsets | None, timeout: float | None) -> None:
        """Commit and wait. None commits all positions."""
        offsets = self._checked(offsets)
        if offsets:
            self._driver.commit(offsets, self._limit if timeout is None else timeout)
            self._stored.update(offsets)
        self.call_back()

    def background(self, offsets: Offsets | None, callback: Any) -> Future[None]:
        """Commit without waiting; the callback comes in a later poll or commit."""
        offsets = self._checked(offsets)
        callback = callback or self._default_callback
        future: Future[None] = Future()

        def done(error: BaseException | None) -> None:
            future._settle(None, error)  # noqa: SLF001 - ours
            if error is None:
                self._stored.update(offsets)
            if callback is not None:
                self._callbacks.append(lambda: callback(offsets, error))

        if offsets:
            self._driver.commit_async(offsets, done)
        else:
            done(None)
        return future

    def call_back(self) -> None:
        """Run the callbacks of commits that are answered, on this thread."""
        while self._callbacks:
            try:
                self._callbacks.popleft()()
            except Exception:
                log.exception("a commit callback raised; the commit itself is answered")

    def _checked(self, offsets: Offsets | None) -> Offsets:
        if self._group is None:
            msg = "committing needs a group_id"
            raise IllegalStateError(msg)
        if offsets is None:
            return self.consumed()
        if not isinstance(offsets, dict) or not all(_is_offset(*i) for i in offsets.items()):
            msg = "offsets must be a dict of TopicPartition to OffsetAndMetadata, offsets >= 0"
            raise TypeError(msg)
        return dict(offsets)

    def if_due(self, now: float) -> None:
        """Start an automatic commit of what the application has been given, if it is time."""
        if not self.automatic or now < self._due:
            return
        self._due = now + self._interval
        if changed := self._changed(None):
            self.background(changed, _log_failure)

    def last(self, partitions: Iterable[TopicPartition] | None = None) -> None:
        """Commit automatically, and wait: these partitions, or all, are about to go."""
        if not self.automatic:
            return
        if changed := self._changed(partitions):
            try:
                self._driver.commit(changed, self._limit)
            except KafkaError as error:
                _log_failure(changed, error)
            else:
                self._stored.update(changed)

    def _changed(self, partitions: Iterable[TopicPartition] | None) -> Offsets:
        consumed = self.consumed(partitions)
        return {p: o for p, o in consumed.items() if self._stored.get(p) != o}

    def forget(self, partitions: Iterable[TopicPartition]) -> None:
        """Drop what is known of partitions that are gone."""
        for partition in partitions:
            self._stored.pop(partition, None)


def _is_offset(partition: Any, offset: Any) -> bool:
    return (
        isinstance(partition, TopicPartition)
        and isinstance(offset, OffsetAndMetadata)
        and isinstance(offset.offset, int)
        and offset.offset >= 0
    )


def _log_failure(offsets: Offsets, error: BaseException | None) -> None:
    if error is not None:
        log.error("the automatic commit of %s failed, what came after it is read again: %s",
                  dict(offsets), error)  # fmt: skip
