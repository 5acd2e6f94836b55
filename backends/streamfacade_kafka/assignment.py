"""Which partitions are ours and where each is read next, and making librdkafka do so.

A partition is in librdkafka's assignment only if it is owned and was sought: that is what
"parked" means. Changes are noted at once and applied before the next poll, all together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from confluent_kafka import Consumer, KafkaException, Message
from confluent_kafka import TopicPartition as Position

from streamfacade.structs import TopicPartition
from streamfacade_kafka.errors import translated

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from streamfacade_kafka.records import Records


class Assignment:
    """The partitions of one consumer. `eager`: librdkafka takes only whole assignments."""

    def __init__(self, consumer: Consumer, *, eager: bool) -> None:
        self.owned: set[TopicPartition] = set()
        self.places: dict[TopicPartition, int] = {}
        self._consumer = consumer
        self._eager = eager
        self._active: set[TopicPartition] = set()
        self._paused: set[TopicPartition] = set()
        self._moved: set[TopicPartition] = set()
        self._kept: list[Message] = []
        self._changed = False
        self._shrunk = False

    # What is wanted

    def own(self, partitions: Iterable[TopicPartition]) -> None:
        """Add partitions, parked."""
        self.owned.update(partitions)

    def own_exactly(self, partitions: Collection[TopicPartition]) -> None:
        """Keep these with their places, add the new ones parked, drop the others."""
        self.disown(self.owned.difference(partitions))
        self.owned = set(partitions)

    def disown(self, partitions: Collection[TopicPartition]) -> None:
        """Drop partitions; nothing fetched from them is handed out."""
        self.owned.difference_update(partitions)
        self._paused.difference_update(partitions)
        for partition in partitions:
            self.park(partition)
        self._shrunk = True

    def park(self, partition: TopicPartition) -> None:
        """Fetch nothing until the next `seek`."""
        self.places.pop(partition, None)
        self._moved.discard(partition)
        self._forget(partition)
        self._changed = True

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Fetch next from `offset`."""
        self.places[partition] = offset
        self._forget(partition)
        if partition in self._active:
            self._moved.add(partition)
        self._changed = True

    def pause(self, partitions: Collection[TopicPartition]) -> None:
        """Fetch nothing; the place is kept."""
        self._paused.update(partitions)
        for partition in {partition_of(message) for message in self._kept}.intersection(partitions):
            self.seek(partition, self.places[partition])  # what is kept is to be fetched again
        self._consumer.pause(_positions(self._active.intersection(partitions)))

    def resume(self, partitions: Collection[TopicPartition]) -> None:
        """Fetch again, from the place."""
        self._paused.difference_update(partitions)
        self._consumer.resume(_positions(self._active.intersection(partitions)))

    def keep(self, message: Message) -> None:
        """Keep what came where nothing was to be read, for the next fetch."""
        self._kept.append(message)

    def take_kept(self) -> list[Message]:
        """Return what was kept and is still to be read."""
        kept, self._kept = self._kept, []
        return kept

    def _forget(self, partition: TopicPartition) -> None:
        self._kept = [one for one in self._kept if partition_of(one) != partition]

    def drop_stale(self, records: Records) -> None:
        """Drop what a rebalance or a seek in the same poll has made stale."""
        if self._shrunk or self._moved:
            for partition in [p for p in records if p not in self.owned or p in self._moved]:
                del records[partition]
            self._shrunk = False

    # Telling librdkafka

    def apply(self) -> None:
        """Make librdkafka fetch what is wanted."""
        if not self._changed:
            return
        self._changed = self._shrunk = False
        try:
            self._apply()
        except KafkaException as error:
            self._changed = True
            raise translated(error, "change the assignment") from error

    def _apply(self) -> None:
        wanted = self.owned & self.places.keys()
        new, gone = wanted - self._active, self._active - wanted
        moved = self._moved & self._active & wanted
        restarted = {partition for partition in moved if not self._sought(partition)}
        if self._eager and (new or gone or restarted):
            self._consumer.assign(self._at(wanted))
            new = wanted
        elif not self._eager:
            if gone or restarted:
                self._consumer.incremental_unassign(_positions(gone | restarted))
            new |= restarted
            if new:
                self._consumer.incremental_assign(self._at(new))
        self._active = wanted
        self._moved.clear()
        self._consumer.pause(_positions(self._paused & new))

    def _sought(self, partition: TopicPartition) -> bool:
        """Seek in librdkafka, which refuses while it is not fetching: then start anew."""
        try:
            self._consumer.seek(Position(*partition, self.places[partition]))
        except KafkaException:
            return False
        return True

    def release(self, partitions: Collection[TopicPartition]) -> None:
        """Answer librdkafka's revocation: of all at once if eager. Called in its callback."""
        held = self._active.intersection(partitions)
        if self._eager:
            self._consumer.unassign()
            held = set(self._active)
        else:
            self._consumer.incremental_unassign(_positions(held))
        self._active -= held

    def accept(self) -> None:
        """Answer librdkafka's assignment; nothing is fetched yet. Called in its callback."""
        if self._eager:
            self._consumer.assign([])
            self._active.clear()
        else:
            self._consumer.incremental_assign([])

    def clear(self) -> None:
        """Drop everything at once, in librdkafka too."""
        self.disown(set(self.owned))
        self.release(set(self._active))
        self._changed = False

    def _at(self, partitions: Iterable[TopicPartition]) -> list[Position]:
        return [Position(*partition, self.places[partition]) for partition in partitions]


def partition_of(message: Message) -> TopicPartition:
    """Return a message's partition; that of an error may have no number, or no topic."""
    return TopicPartition(message.topic() or "", _number(message))


def _number(message: Message) -> int:
    number = message.partition()
    return -1 if number is None else number


def _positions(partitions: Iterable[TopicPartition]) -> list[Position]:
    return [Position(*partition) for partition in partitions]
