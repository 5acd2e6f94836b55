"""The consumer of the memory backend."""

from __future__ import annotations

import logging
import time
import uuid
from typing import TYPE_CHECKING

from streamfacade.assignors import strategies
from streamfacade.driver import TopicSpec
from streamfacade.errors import (
    CommitFailedError,
    KafkaError,
    KafkaTimeoutError,
    OffsetOutOfRangeError,
)
from streamfacade.limits import check_notes
from streamfacade.structs import ConsumerGroupMetadata, MemberState, TopicPartition
from streamfacade.testing._groups import Group

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from streamfacade.config import Options
    from streamfacade.driver import Rebalance
    from streamfacade.structs import OffsetAndMetadata, OffsetAndTimestamp
    from streamfacade.testing._broker import Broker, Log, Raw

log = logging.getLogger(__name__)


class MemoryConsumer:
    """Reads from a broker of this process."""

    def __init__(self, broker: Broker, options: Options, rebalance: Rebalance) -> None:
        """Read for the group that the options name, if any."""
        self._broker = broker
        self._options = options
        self._rebalance = rebalance
        self._strategies = strategies(options["partition_assignment_strategy"])
        self._lifetime = options.seconds("max_poll_interval_ms")
        self._name = f"{options['client_id']}-{uuid.uuid4()}"
        self._topics: frozenset[str] | None = None
        self._positions: dict[TopicPartition, int | None] = {}
        self._paused: set[TopicPartition] = set()
        self._gone: set[str] = set()

    @property
    def _group(self) -> Group:
        return self._broker.groups.setdefault(self._options["group_id"], Group())

    # Membership: what is ours changes only in here, on the thread that polls

    def subscribe(self, topics: Collection[str]) -> None:
        """Want these topics."""
        self._topics = frozenset(topics)

    def unsubscribe(self) -> None:
        """Leave the group."""
        if self._topics is not None:
            self._give_up(set(self._positions))
            with self._broker.changed:
                self._group.leave(self._name)
                self._broker.changed.notify_all()
        self._topics = None
        self._positions.clear()
        self._paused.clear()

    def tend(self) -> None:
        """Look after the membership."""
        self._take_part()

    def _take_part(self) -> None:
        """Bring what we own in line with what the group wants us to."""
        if self._topics is None:
            return
        with self._broker.changed:
            for topic in self._topics:
                self._ensure(topic)
            known = self._name in self._group.members
            if not known and self._positions:
                lost = set(self._positions)
                self._positions.clear()
            else:
                lost = set()
            member = self._group.beat(
                self._name, self._topics, self._lifetime, self._broker.counts(), self._strategies
            )
            member.client_id = self._options["client_id"]
            member.instance_id = self._options["group_instance_id"]
        if lost:
            self._rebalance.lost(lost)
        self._give_up(member.owned - member.target)
        self._claim()

    def _give_up(self, partitions: set[TopicPartition]) -> None:
        if not partitions:
            return
        self._rebalance.revoked(partitions)
        with self._broker.changed:
            if self._name in self._group.members:
                self._group.members[self._name].owned -= partitions
            for partition in partitions:
                self._positions.pop(partition, None)
                self._paused.discard(partition)
            self._broker.changed.notify_all()

    def _claim(self) -> None:
        with self._broker.changed:
            if self._name not in self._group.members:
                return
            member = self._group.members[self._name]
            gained = self._group.claimable(member)
            member.owned |= gained
            self._positions.update(dict.fromkeys(gained))
        if gained:
            self._rebalance.assigned({p: self._group.offsets.get(p) for p in gained})

    def _ensure(self, topic: str) -> None:
        if self._options["allow_auto_create_topics"] and topic not in self._broker.topics:
            self._broker.create(TopicSpec(topic))

    def fall_silent(self) -> None:
        """Say nothing until the next call, as a stopped process does; a dead one never calls."""
        with self._broker.changed:
            self._group.silence(self._name, self._options.seconds("session_timeout_ms"))

    # Reading

    def assign(self, partitions: Collection[TopicPartition]) -> None:
        """Read exactly these."""
        self._positions = {p: self._positions.get(p) for p in partitions}
        self._paused &= set(partitions)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Read next from `offset`."""
        self._positions[partition] = offset

    def pause(self, partitions: Collection[TopicPartition]) -> None:
        """Skip these."""
        self._paused.update(partitions)

    def resume(self, partitions: Collection[TopicPartition]) -> None:
        """Read these again."""
        self._paused.difference_update(partitions)

    def fetch(self, timeout: float, max_records: int) -> dict[TopicPartition, list[Raw]]:
        """Return records as soon as there are any."""
        deadline = time.monotonic() + timeout
        while True:
            self._take_part()
            with self._broker.changed:
                found = self._read(max_records)
                left = deadline - time.monotonic()
                if found or left <= 0:
                    return found
                self._broker.changed.wait(left)

    def _read(self, room: int) -> dict[TopicPartition, list[Raw]]:
        found: dict[TopicPartition, list[Raw]] = {}
        outside: dict[TopicPartition, int] = {}
        for partition, offset in list(self._positions.items()):
            place = self._log_of(partition)
            if offset is None or partition in self._paused or place is None or not room:
                continue
            if not place.start <= offset <= place.end:
                outside[partition] = offset
            elif records := place.read(offset, room):
                found[partition] = records
                room -= len(records)
                self._advance(partition, records[-1].offset + 1)
        if outside and not found:
            self._positions.update(dict.fromkeys(outside))
            raise OffsetOutOfRangeError(outside)
        return found

    def _advance(self, partition: TopicPartition, offset: int) -> None:
        """Move on, and to the end of the turn, so that every partition gets its share."""
        del self._positions[partition]
        self._positions[partition] = offset

    def _log_of(self, partition: TopicPartition) -> Log | None:
        place = self._broker.log(partition)
        if place is None and partition.topic not in self._gone:
            log.error("topic %s is gone: nothing comes from it", partition.topic)
            self._gone.add(partition.topic)
        return place

    # Offsets

    def commit(self, offsets: Mapping[TopicPartition, OffsetAndMetadata], timeout: float) -> None:
        """Store offsets, except those of partitions that others own."""
        check_notes(offsets)
        with self._broker.changed:
            missing = [p for p in offsets if self._broker.log(p) is None]
            refused = self._refused(offsets)
            for partition, offset in offsets.items():
                if partition not in refused and partition not in missing:
                    kept = offset._replace(metadata=offset.metadata or "")
                    self._group.offsets[partition] = kept
        if refused:
            msg = f"not committed, they are no longer this member's: {sorted(refused)}"
            raise CommitFailedError(msg)
        if missing:
            msg = f"no such partitions after {timeout} seconds: {missing}"
            raise KafkaTimeoutError(msg)

    def _refused(self, offsets: Collection[TopicPartition]) -> set[TopicPartition]:
        if self._topics is not None:
            return self._group.refused(self._name, offsets)
        return set(offsets) if self._group.has_members() else set()

    def commit_async(
        self,
        offsets: Mapping[TopicPartition, OffsetAndMetadata],
        on_done: Callable[[BaseException | None], None],
    ) -> None:
        """Store offsets at once: memory does not keep anybody waiting."""
        try:
            self.commit(offsets, 0)
        except KafkaError as error:
            on_done(error)
        else:
            on_done(None)

    def committed(
        self,
        partitions: Collection[TopicPartition],
        timeout: float,
    ) -> dict[TopicPartition, OffsetAndMetadata | None]:
        """Return what is stored."""
        return {p: self._group.offsets.get(p) for p in partitions}

    def list_offsets(
        self, wanted: Mapping[TopicPartition, int], timeout: float
    ) -> dict[TopicPartition, OffsetAndTimestamp | None]:
        """Look up offsets."""
        found: dict[TopicPartition, OffsetAndTimestamp | None] = {}
        with self._broker.changed:
            for partition, what in wanted.items():
                self._ensure(partition.topic)
                place = self._broker.log(partition)
                if place is None:
                    msg = f"no {partition} after {timeout} seconds"
                    raise KafkaTimeoutError(msg)
                found[partition] = place.find(what)
        return found

    def topics(self, timeout: float) -> dict[str, int]:
        """Return all topics."""
        with self._broker.changed:
            return self._broker.counts()

    def group_metadata(self) -> ConsumerGroupMetadata:
        """Return who we are."""
        group, instance = self._options["group_id"], self._options["group_instance_id"]
        if group is None or self._name not in self._group.members:
            return ConsumerGroupMetadata(group, group_instance_id=instance)
        return ConsumerGroupMetadata(
            group, self._group.generation, self._name, instance, MemberState.STABLE
        )

    def close(self, timeout: float) -> None:
        """Leave the group."""
        self.unsubscribe()
