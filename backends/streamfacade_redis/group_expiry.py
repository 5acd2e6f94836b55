"""Groups that nobody uses any more go, with what they committed: Kafka's seven days.

Nobody ticks for a group without members, so any consumer looks at a few groups now and then. Every
step is bounded and may be repeated; several who look at the same group do each other no harm.
"""

from __future__ import annotations

import logging
import random
import time
from typing import TYPE_CHECKING

from streamfacade.errors import ClusterAuthorizationFailedError, KafkaError

if TYPE_CHECKING:
    from streamfacade_redis.groups import GroupDesk

log = logging.getLogger(__name__)
RETENTION_MS = 7 * 24 * 3600 * 1000
_INTERVAL = 300.0
_SAMPLE = 4


class GroupExpiry:
    """Looks at a few groups every five minutes."""

    def __init__(self, steps: GroupDesk, interval: float = _INTERVAL) -> None:
        """Work over that desk; the first look comes at any time within the interval."""
        self._steps = steps
        self._interval = interval
        self._next = time.monotonic() + random.uniform(0, interval)  # noqa: S311 - spreads load
        self._denied = False

    def sweep(self) -> None:
        """Look at some groups if it is time."""
        if self._denied or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + self._interval
        try:
            for group, line in self._steps.some(_SAMPLE).items():
                self.look(group, line)
        except ClusterAuthorizationFailedError as error:
            self._denied = True
            log.warning("this user may not expire groups, they wait for others: %s", error)
        except KafkaError as error:
            log.info("expiring groups is tried again later: %s", error)

    def look(self, group: str, line: bytes) -> None:
        """Note since when a group is empty; delete it if that is long ago."""
        kind, _, since = line.decode().partition(" ")
        now = self._steps.now()
        if kind != "consumer" or int(since) > now - RETENTION_MS:
            return  # share groups commit nothing; the others were in use not long ago
        if self._steps.living(group):
            if since != "0":
                self._steps.write_line(group, 0)
        elif since == "0":
            # Its members died, or their farewell was not noted.
            self._steps.write_line(group, now)
        elif self._steps.last_commit(group) <= now - RETENTION_MS:
            error = self._steps.delete(group)
            log.info("group %s was empty for seven days: %s", group, error or "deleted")
