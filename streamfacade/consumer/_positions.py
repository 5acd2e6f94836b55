"""Where a consumer stands in each of its partitions, and how it finds a place to start.

A position is the next offset to hand to the application. It is unknown until it is resolved:
from a seek, else from the group's committed offset, else by the reset policy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamfacade.errors import NoOffsetForPartitionError, OffsetOutOfRangeError
from streamfacade.structs import OffsetSpec

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from streamfacade.driver import ConsumerDriver
    from streamfacade.structs import OffsetAndMetadata, TopicPartition

_POLICIES = {"earliest": OffsetSpec.EARLIEST, "latest": OffsetSpec.LATEST}


class Positions:
    """The assigned partitions, each with its position, or with how to find one."""

    def __init__(self, driver: ConsumerDriver, policy: str, *, in_group: bool) -> None:
        """Start with no partitions."""
        self._driver = driver
        self._policy: OffsetSpec | None = _POLICIES.get(policy)
        self._in_group = in_group
        self.at: dict[TopicPartition, int] = {}
        self.paused: set[TopicPartition] = set()
        self._unplaced: dict[TopicPartition, OffsetSpec | None] = {}
        self._ask_group: set[TopicPartition] = set()
        self._out_of_range: dict[TopicPartition, int] = {}

    @property
    def assigned(self) -> set[TopicPartition]:
        """All partitions, with or without a position."""
        return {*self.at, *self._unplaced}

    def keep(self, partitions: Collection[TopicPartition]) -> None:
        """Make these the assigned partitions; those that stay keep position and pause."""
        self.drop(self.assigned.difference(partitions))
        for partition in partitions:
            if partition not in self.at and partition not in self._unplaced:
                self._unplaced[partition] = self._policy
                self._ask_group |= {partition} if self._in_group else set()

    def add(self, partitions: Mapping[TopicPartition, OffsetAndMetadata | None]) -> None:
        """Take new partitions that start at what the group has committed."""
        for partition, committed in partitions.items():
            self._unplaced[partition] = self._policy
            if committed is not None and committed.offset is not None:
                self.seek(partition, committed.offset)

    def drop(self, partitions: Iterable[TopicPartition]) -> None:
        """Forget partitions."""
        for partition in list(partitions):
            self._placed(partition)
            self.at.pop(partition, None)
            self.paused.discard(partition)

    def _placed(self, partition: TopicPartition) -> None:
        self._unplaced.pop(partition, None)
        self._ask_group.discard(partition)
        self._out_of_range.pop(partition, None)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Go to an offset."""
        self._placed(partition)
        self.at[partition] = offset
        self._driver.seek(partition, offset)

    def reset(self, partition: TopicPartition, where: OffsetSpec) -> None:
        """Go to the beginning or the end, found out when next needed."""
        self._placed(partition)
        self.at.pop(partition, None)
        self._unplaced[partition] = where

    def out_of_range(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Fall back on the reset policy where a position turned out not to exist."""
        for partition, offset in offsets.items():
            if partition in self.at:
                del self.at[partition]
                self._unplaced[partition] = self._policy
                self._out_of_range[partition] = offset

    def resolve(self, timeout: float, only: TopicPartition | None = None) -> None:
        """Find positions for partitions that have none.

        Raises:
            NoOffsetForPartitionError: no committed offset, and auto_offset_reset is none.
            OffsetOutOfRangeError: the position is gone, and auto_offset_reset is none.
            KafkaTimeoutError: nobody answered.

        """
        unplaced = [p for p in self._unplaced if only is None or p == only]
        if not unplaced:
            return
        if asking := self._ask_group.intersection(unplaced):
            for partition, committed in self._driver.committed(asking, timeout).items():
                self._ask_group.discard(partition)
                if committed is not None and committed.offset is not None:
                    self.seek(partition, committed.offset)
        self._reset_by_policy([p for p in unplaced if p in self._unplaced], timeout)

    def _reset_by_policy(self, partitions: list[TopicPartition], timeout: float) -> None:
        wanted = {p: where for p in partitions if (where := self._unplaced[p]) is not None}
        if wanted:
            found = self._driver.list_offsets({p: int(w) for p, w in wanted.items()}, timeout)
            for partition, offset in found.items():
                if offset is not None:
                    self.seek(partition, offset.offset)
        for partition in partitions:
            if partition not in wanted:
                raise self._nowhere(partition)

    def _nowhere(self, partition: TopicPartition) -> Exception:
        if partition in self._out_of_range:
            return OffsetOutOfRangeError({partition: self._out_of_range[partition]})
        return NoOffsetForPartitionError(partition)
