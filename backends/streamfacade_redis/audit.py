"""Whether positions still lie inside their logs, and what to do about those that do not.

Asked before the first read on a new connection and after a seek, now and then while nothing
comes, and when the first entry read lies beyond the position.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from streamfacade.errors import KafkaStorageError, UnknownTopicOrPartitionError
from streamfacade_redis.keys import BIAS, after

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamfacade.config import Options
    from streamfacade.structs import TopicPartition
    from streamfacade_redis.desk import Desk
    from streamfacade_redis.offsets import Offsets, Where
    from streamfacade_redis.places import Place

log = logging.getLogger(__name__)


class Audit:
    """The checks of one consumer's positions."""

    def __init__(self, desk: Desk, offsets: Offsets, options: Options) -> None:
        """Check every heartbeat interval."""
        self._desk, self._offsets = desk, offsets
        self._interval = options.seconds("heartbeat_interval_ms")
        self._next = 0.0
        self._outside: set[TopicPartition] = set()
        self._gone: set[str] = set()
        self.highwater: dict[TopicPartition, int] = {}

    @property
    def due(self) -> bool:
        """Whether it is time to look again."""
        return time.monotonic() >= self._next

    def is_outside(self, partition: TopicPartition) -> bool:
        """Return whether a position was found not to exist."""
        return partition in self._outside

    def forget(self, partition: TopicPartition) -> None:
        """Forget the verdict: the partition is sought anew."""
        self._outside.discard(partition)

    def run(self, places: Mapping[TopicPartition, Place], *, idle: bool) -> None:
        """Check the positions that were never checked; when `idle`, all of them."""
        everything = idle and self.due
        if everything:
            self._next = time.monotonic() + self._interval
        wanted = {
            p: place for p, place in places.items()
            if place.where is not None and place.position is not None
            and (everything or not place.audited) and p not in self._outside
        }  # fmt: skip
        if wanted:
            states = self._desk.pipeline([_state_of(place.where) for place in wanted.values()])  # type: ignore[arg-type] # placed, see above
            for (partition, place), state in zip(wanted.items(), states, strict=True):
                self._judge(partition, place, state)
        if everything:
            self._look_behind(wanted)

    def _look_behind(self, places: Mapping[TopicPartition, Place]) -> None:
        """Find those who wait for records that somebody deleted from the log by hand."""
        behind = {
            p: place for p, place in places.items()
            if place.where is not None and place.position is not None and not place.buffered
            and p not in self._outside and place.position < self.highwater.get(p, 0)
        }  # fmt: skip
        if not behind:
            return
        nexts = self._desk.pipeline([
            ("XRANGE", place.where.keys.log, f"({after(place.position or 0)}", "+", "COUNT", 1)  # type: ignore[union-attr] # placed, see above
            for place in behind.values()
        ])  # fmt: skip
        for (partition, place), found in zip(behind.items(), nexts, strict=True):
            if not found:
                self._deleted(partition, place)

    def _deleted(self, partition: TopicPartition, place: Place) -> None:
        """Step over a deleted tail; an empty log is out of range."""
        leo, start = self._repair(partition, place)
        if start > (place.position or 0):
            self._outside.add(partition)
        else:
            place.position, place.stale = leo, True

    def _judge(self, partition: TopicPartition, place: Place, state: list[bytes | None]) -> None:
        topic_id, leo, start, epochs = state
        if topic_id is None or leo is None or start is None:
            self._moved(partition, place)
            return
        position = place.position or 0
        first, end = int(start), int(leo)
        if position > end and place.reached:  # read behind the end: does the log go on there?
            end, first = self._repair(partition, place)
        self.highwater[partition] = end
        if not first <= position <= end:
            self._outside.add(partition)
            log.info("%s: offset %d is outside %d to %d", partition, position, first, end)
        place.epoch = _epoch_at(position, epochs)
        place.audited = partition not in self._outside  # else nothing is read there
        self._gone.discard(partition.topic)

    def _moved(self, partition: TopicPartition, place: Place) -> None:
        """Look for a topic that is gone, or is another now: positions mean nothing there."""
        self._offsets.forget(partition.topic)
        place.home, place.where = place.where, None
        place.audited = False
        try:
            place.where = self._offsets.where(partition, create=False)
        except Exception as error:  # noqa: BLE001 - gone or unreachable: said once, tried again later
            self.report_gone(partition, error)
            return
        self.came_back(partition, place)

    def came_back(self, partition: TopicPartition, place: Place) -> None:
        """Note that a partition is found: a position in another incarnation means nothing."""
        if place.home not in {None, place.where}:
            self._outside.add(partition)
        place.home = None

    def report_gone(self, partition: TopicPartition, error: Exception) -> None:
        """Say once that a topic is gone; nothing comes from it until it is back."""
        if partition.topic not in self._gone:
            self._gone.add(partition.topic)
            log.error("nothing comes from topic %s: %s", partition.topic, error)

    def explains(self, partition: TopicPartition, place: Place) -> bool:
        """Find out why the first entry lies beyond the position; True: a hole, read on.

        Raises:
            KafkaStorageError: an entry written by hand has used up the ids.

        """
        where: Any = place.where
        state, head = self._desk.pipeline([
            _state_of(where),
            ("XRANGE", where.keys.log, f"({after(0)}", "+", "COUNT", 1),
        ])  # fmt: skip
        if state[0] is None:
            self._moved(partition, place)
            return False
        position = place.position or 0
        first = int(head[0][0].partition(b"-")[0]) - BIAS if head else position
        beyond_end = first >= int(state[1])
        if first > position or beyond_end:
            self._repair(partition, place)
            place.audited = False
            return False
        self._judge(partition, place, state)
        return not self.is_outside(partition)

    def _repair(self, partition: TopicPartition, place: Place) -> tuple[int, int]:
        """Bring the state in line with the log; return its end and start."""
        where: Any = place.where
        log.warning("%s: the log was changed by hand: repairing its state", partition)
        reply = self._desk.script("repair", (where.keys.state, where.keys.log), where.topic_id)
        if reply[0] == b"DAMAGED":
            msg = f"{partition}: an entry written by hand used up the ids: re-create the topic"
            raise KafkaStorageError(msg)
        if reply[0] != b"OK":
            msg = f"{partition} is gone"
            raise UnknownTopicOrPartitionError(msg)
        return int(reply[1]), int(reply[2])


def _state_of(where: Where) -> tuple[str, ...]:
    return ("HMGET", where.keys.state, "id", "leo", "start", "e")


def _epoch_at(position: int, epochs: bytes | None) -> int:
    """Return the leader epoch that a position lies in, out of `epoch:start …`."""
    found = 0
    for item in (epochs or b"").split():
        epoch, start = item.split(b":")
        if int(start) <= position:
            found = int(epoch)
    return found
