"""The turning of the wheel inside `poll`: what is due first, then fetching, then handing out."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from streamfacade.errors import OffsetOutOfRangeError
from streamfacade.structs import OffsetSpec, TopicPartition

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from streamfacade.config import Options
    from streamfacade.consumer._buffer import Buffer
    from streamfacade.consumer._commits import Commits
    from streamfacade.consumer._membership import Membership
    from streamfacade.consumer._positions import Positions
    from streamfacade.consumer.subscription_state import Subscription
    from streamfacade.driver import ConsumerDriver
    from streamfacade.structs import ConsumerRecord

_SLICE = (
    0.2  # seconds: the longest that close() in another thread waits, or a rebalance goes unseen
)


class Reader:
    """One consumer's reading. `lock` is held while the driver works."""

    def __init__(
        self,
        driver: ConsumerDriver,
        options: Options,
        subscription: Subscription,
        positions: Positions,
        buffer: Buffer,
        commits: Commits,
        membership: Membership,
    ) -> None:
        """Turn these parts."""
        self._driver, self._options = driver, options
        self._subscription, self._positions = subscription, positions
        self._buffer, self._commits, self._membership = buffer, commits, membership
        self._limit = options.seconds("default_api_timeout_ms")
        self._topics_due = 0.0
        self._last_turn = 0.0
        self._turning = False
        self._postponed: Callable[[], None] | None = None
        self.lock = threading.RLock()
        self.closed = False
        self.matched: frozenset[str] = frozenset()
        """The topics that the subscription stands for at present."""

    def next(
        self, timeout: float, take: int, fetch: int
    ) -> dict[TopicPartition, list[ConsumerRecord[Any, Any]]]:
        """Take records, fetching until there are some, time is up or the consumer closes."""
        deadline = time.monotonic() + timeout
        while True:
            with self.lock:
                taken = {} if self.closed else self._whole_turn(deadline, take, fetch)
            if taken or self.closed or time.monotonic() >= deadline:
                return taken

    def _whole_turn(
        self, deadline: float, take: int, fetch: int
    ) -> dict[TopicPartition, list[ConsumerRecord[Any, Any]]]:
        """Take a turn, then do what a listener asked for that cannot be done inside one."""
        self._turning = True
        try:
            taken = self._turn(deadline, take, fetch)
        finally:
            self._turning = False
            self._do_postponed()
        return {} if self.closed else taken

    def outside(self, action: Callable[[], None]) -> None:
        """Do something outside a turn: now, or, if a listener asks, when the turn is over."""
        with self.lock:
            self._postponed = action
            if not self._turning:
                self._do_postponed()

    def _do_postponed(self) -> None:
        action, self._postponed = self._postponed, None
        if action is not None:
            action()

    def _turn(
        self, deadline: float, take: int, fetch: int
    ) -> dict[TopicPartition, list[ConsumerRecord[Any, Any]]]:
        now = time.monotonic()
        self._tend(now)
        if not self._buffer.ready(self._positions.paused):
            self._fetch(min(_SLICE, max(0.0, deadline - now)), fetch)
            self._commits.call_back()
        elif now - self._last_turn > _SLICE:
            # What is at hand may be somebody else's by now: this process may have been frozen.
            self._driver.tend()
            self._last_turn = time.monotonic()
            self._membership.raise_failure()
        return self._buffer.take(take, self._positions.paused)

    def _tend(self, now: float) -> None:
        """Do what is due before anything new is handed out."""
        self._commits.call_back()
        self._commits.if_due(now)
        if self._subscription.wanted and now >= self._topics_due:
            self._refresh_topics(now)

    def _fetch(self, timeout: float, limit: int) -> None:
        self._positions.resolve(self._limit)
        try:
            self._buffer.put(self._driver.fetch(timeout, limit))
        except OffsetOutOfRangeError as error:
            self._positions.out_of_range(error.args[0])
        self._last_turn = time.monotonic()
        self._membership.raise_failure()

    def look_again(self) -> None:
        """Bring the subscription in line at the next turn: it has changed."""
        self._topics_due = 0.0
        self.matched = self._subscription.topics

    def _refresh_topics(self, now: float) -> None:
        """Bring the subscription in line with the topics that exist."""
        grouped = self._options["group_id"] is not None
        self._topics_due = now + self._options.seconds("metadata_max_age_ms")
        existing: Mapping[str, int] = {}
        if self._subscription.pattern is not None or not grouped:
            existing = self._driver.topics(self._limit)
        skip = self._options["exclude_internal_topics"]
        self.matched = self._subscription.matching(existing, skip_internal=skip)
        if grouped:
            self._driver.subscribe(self.matched)
        else:
            self.keep(self._all_partitions(self.matched, existing))

    def _all_partitions(
        self, names: Collection[str], existing: Mapping[str, int]
    ) -> list[TopicPartition]:
        """Return every partition of these topics; asking for an unknown one creates it."""
        missing = set(names).difference(existing)
        if missing and self._options["allow_auto_create_topics"]:
            wanted = {TopicPartition(name, 0): int(OffsetSpec.EARLIEST) for name in missing}
            self._driver.list_offsets(wanted, self._limit)
            existing = self._driver.topics(self._limit)
        return [TopicPartition(n, p) for n in sorted(names) for p in range(existing.get(n, 0))]

    def keep(self, wanted: Collection[TopicPartition]) -> None:
        """Read exactly these partitions, keeping the place in those that stay."""
        self._buffer.drop(self._positions.assigned.difference(wanted))
        self._driver.assign(wanted)
        self._positions.keep(wanted)

    def put_back(self, partition: TopicPartition, offset: int) -> None:
        """Have a partition's records fetched again: they were only looked at."""
        with self.lock:
            self._buffer.drop([partition])
            if not self.closed:
                self._driver.seek(partition, offset)

    def leave(self) -> None:
        """Leave the group, committing first where commits are automatic; read nothing."""
        if self._subscription.by_hand or self._options["group_id"] is None:
            self._commits.last()
        self._driver.unsubscribe()
        gone = self._positions.assigned
        self._positions.drop(gone)
        self._buffer.drop(gone)
        self._subscription.clear()
