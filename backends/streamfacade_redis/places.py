"""Where a consumer reads in each partition, and what it has read ahead. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamfacade.errors import CorruptRecordError
    from streamfacade.structs import ConsumerRecord, TopicPartition
    from streamfacade_redis.offsets import Where

    Raw = ConsumerRecord[bytes | None, bytes | None]


class Place:
    """One partition being read."""

    __slots__ = (
        "audited", "buffered", "epoch", "error", "home", "paused", "position", "reached", "stale",
        "where",
    )  # fmt: skip

    def __init__(self, where: Where | None) -> None:
        """Start parked: nothing is read until it is sought."""
        self.where = where
        self.position: int | None = None
        self.buffered: list[Raw] = []
        self.error: CorruptRecordError | None = None
        self.epoch = 0
        self.paused = False
        self.audited = False
        """Whether the position is known to lie inside the log."""
        self.reached = False
        """Whether the position was come to by reading, not by a seek."""
        self.home: Where | None = None
        """The incarnation that the position is in, after it was lost sight of."""
        self.stale = False
        """Whether a read that is under way still asks for an old position."""

    def seek(self, offset: int | None) -> None:
        """Read next from an offset, or park; what was read ahead is dropped."""
        self.position = offset
        self.buffered = []
        self.error = None
        self.audited = self.reached = False
        self.home = None
        self.stale = True

    @property
    def readable(self) -> bool:
        """Whether more may be read: placed, not paused, known to be sound, not stuck."""
        return (
            self.position is not None
            and self.where is not None
            and self.audited
            and not (self.paused or self.error or self.buffered)
        )

    def take(self, limit: int) -> list[Raw]:
        """Hand out records read ahead."""
        taken, self.buffered = self.buffered[:limit], self.buffered[limit:]
        return taken


class Turns:
    """The partitions of a consumer, each first in its turn."""

    def __init__(self) -> None:
        """Start with none."""
        self.places: dict[TopicPartition, Place] = {}

    def rotate(self, partition: TopicPartition) -> None:
        """Move a partition that was served behind the others."""
        self.places[partition] = self.places.pop(partition)

    def take(self, limit: int) -> dict[TopicPartition, list[Raw]]:
        """Hand out up to `limit` records, from each in turn."""
        taken: dict[TopicPartition, list[Raw]] = {}
        for partition, place in list(self.places.items()):
            if limit <= 0:
                break
            if place.buffered and not place.paused:
                taken[partition] = place.take(limit)
                limit -= len(taken[partition])
                self.rotate(partition)
        return taken
