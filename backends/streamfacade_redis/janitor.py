"""Retention where nobody appends: now and then, whoever uses a partition has it trimmed.

Appending drops what is too old as it goes, so this is for logs that have gone quiet. Every step is
bounded and may be repeated; several janitors do each other no harm.
"""

from __future__ import annotations

import logging
import random
import time
from typing import TYPE_CHECKING, Any, Protocol

from streamfacade.errors import ClusterAuthorizationFailedError, KafkaError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from streamfacade_redis.keys import PartitionKeys

log = logging.getLogger(__name__)
_INTERVAL = 300.0
_SEGMENTS = 16  # at most 64 Ki records in one call: under 2 ms of the server's time


class Quiet(Protocol):
    """A partition that somebody uses: a place of a consumer or a lane of a producer."""

    @property
    def topic_id(self) -> str:
        """The topic's incarnation."""

    @property
    def keys(self) -> PartitionKeys | None:
        """Its keys, once they are known."""


class Janitor:
    """Trims partitions, each every five minutes."""

    def __init__(self, script: Callable[..., list[Any]], interval: float = _INTERVAL) -> None:
        """Call scripts by `script`; the first round comes at any time within the interval."""
        self._script = script
        self._interval = interval
        self._next = time.monotonic() + random.uniform(0, interval)  # noqa: S311 - spreads load
        self._denied = False

    def sweep(self, partitions: Callable[[], Iterable[Quiet]]) -> None:
        """Trim these if it is time."""
        if self._denied or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + self._interval
        for one in partitions():
            if one.keys is not None:
                self._trim(one.topic_id, one.keys)

    def _trim(self, topic_id: str, parts: PartitionKeys) -> None:
        keys = (parts.state, parts.log, parts.segments)
        try:
            while self._script("trim", keys, topic_id, -1, _SEGMENTS)[2:] == [1]:
                pass
        except ClusterAuthorizationFailedError as error:
            self._denied = True
            log.warning("this user may not trim, so old records wait for others: %s", error)
        except KafkaError as error:
            log.info("trimming is tried again later: %s", error)
