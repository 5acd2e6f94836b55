"""The consumer of the port: membership, reading and offsets put together."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from streamfacade.errors import (
    ClusterAuthorizationFailedError,
    CommitFailedError,
    KafkaError,
    KafkaTimeoutError,
    UnknownTopicOrPartitionError,
)
from streamfacade.limits import check_notes
from streamfacade_redis.connection import retrying
from streamfacade_redis.desk import Desk
from streamfacade_redis.fetcher import Fetcher
from streamfacade_redis.group_expiry import GroupExpiry
from streamfacade_redis.groups import GroupDesk
from streamfacade_redis.janitor import Janitor
from streamfacade_redis.offsets import Offsets, raise_refusals, refusal
from streamfacade_redis.partaking import Partaking
from streamfacade_redis.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from streamfacade.config import Options
    from streamfacade.driver import Rebalance
    from streamfacade.structs import (
        ConsumerGroupMetadata,
        OffsetAndMetadata,
        OffsetAndTimestamp,
        TopicPartition,
    )
    from streamfacade_redis.address import Address
    from streamfacade_redis.connection import Link
    from streamfacade_redis.places import Raw

log = logging.getLogger(__name__)
_LIST_AGAIN = 60.0


class RedisConsumer:
    """Reads over one connection, asks and commits over another, heartbeats over a third."""

    def __init__(
        self, link: Link, address: Address, options: Options, rebalance: Rebalance
    ) -> None:
        """Read for the group that the options name, if any."""
        self._desk = Desk(link)
        self._registry = Registry(self._desk, address)
        self._group = options["group_id"]
        self._creates = options["allow_auto_create_topics"]
        self._backoff = options.seconds("retry_backoff_ms")
        self._offsets = Offsets(self._desk, self._registry, address, self._group or "")
        self._janitor = Janitor(self._desk.script)
        self._groups: GroupDesk | None = GroupDesk(self._desk, address)
        self._expiry = GroupExpiry(self._groups)
        self._list_at = 0.0
        self._fetcher = Fetcher(link, self._desk, self._offsets, options)
        self._partaking = Partaking(
            link, address, options, rebalance, self._fetcher, self._offsets, self._desk
        )

    def subscribe(self, topics: Collection[str]) -> None:
        """Want these topics of the group."""
        self._partaking.subscribe(topics)

    def unsubscribe(self) -> None:
        """Leave the group, read nothing."""
        self._partaking.leave()
        self._fetcher.keep(())

    def assign(self, partitions: Collection[TopicPartition]) -> None:
        """Read exactly these."""
        self._fetcher.keep(partitions)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Read next from an offset."""
        self._fetcher.seek(partition, offset)

    def pause(self, partitions: Collection[TopicPartition]) -> None:
        """Read these no further."""
        self._fetcher.pause(partitions, paused=True)

    def resume(self, partitions: Collection[TopicPartition]) -> None:
        """Read these again."""
        self._fetcher.pause(partitions, paused=False)

    def fetch(self, timeout: float, max_records: int) -> dict[TopicPartition, list[Raw]]:
        """Take part in the group, then return records as soon as there are any."""
        self._desk.settle(wait=False)
        self._partaking.turn(timeout)
        self._janitor.sweep(self._fetcher.wheres)
        self._expiry.sweep()
        found = self._fetcher.fetch(timeout, max_records)
        return found if self._partaking.may_hand_out() else {}

    def tend(self) -> None:
        """Look after membership and commits."""
        self._desk.settle(wait=False)
        self._partaking.turn(0)

    # Offsets

    def commit(self, offsets: Mapping[TopicPartition, OffsetAndMetadata], timeout: float) -> None:
        """Store offsets, except those of partitions that others own."""
        check_notes(offsets)
        raise_refusals(
            retrying(lambda: self._commit_once(offsets), timeout, self._backoff), timeout
        )

    def _commit_once(
        self, offsets: Mapping[TopicPartition, OffsetAndMetadata]
    ) -> dict[TopicPartition, KafkaError]:
        refused: dict[TopicPartition, KafkaError] = {}
        commands = self._commit_commands(offsets, refused)
        replies = self._partaking.evict_dead_owners(
            commands, self._desk.pipeline(commands.values())
        )
        for partition, reply in zip(commands, replies, strict=True):
            if (error := self._settled(partition, reply)) is not None:
                refused[partition] = error
        return refused

    def _commit_commands(
        self,
        offsets: Mapping[TopicPartition, OffsetAndMetadata],
        refused: dict[TopicPartition, KafkaError],
    ) -> dict[TopicPartition, Any]:
        commands: dict[TopicPartition, Any] = {}
        for partition, offset in offsets.items():
            try:
                hold = self._partaking.hold(partition)
                if hold is None:
                    self._list_group()
                commands[partition] = self._offsets.commit_command(partition, offset, hold)
            except (CommitFailedError, UnknownTopicOrPartitionError) as error:
                refused[partition] = error
        return commands

    def _list_group(self) -> None:
        """Have a group that perhaps never had members listed, now and then: it may be deleted."""
        if self._groups is None or time.monotonic() < self._list_at:
            return
        self._list_at = time.monotonic() + _LIST_AGAIN
        try:
            self._groups.list_if_new(self._group or "")
        except ClusterAuthorizationFailedError as error:
            self._groups = None
            log.warning("group %s: not in the list of groups: %s", self._group, error)

    def _settled(self, partition: TopicPartition, reply: Any) -> KafkaError | None:
        error = refusal(partition, reply)
        if isinstance(error, CommitFailedError):
            self._partaking.refused(partition, reply)
        if isinstance(error, UnknownTopicOrPartitionError):
            self._offsets.forget(partition.topic)
        return error

    def commit_async(
        self,
        offsets: Mapping[TopicPartition, OffsetAndMetadata],
        on_done: Callable[[BaseException | None], None],
    ) -> None:
        """Store offsets; the answer is read in a later call."""
        refused: dict[TopicPartition, KafkaError] = {}
        try:
            check_notes(offsets)
            commands = self._commit_commands(offsets, refused)
        except KafkaError as error:
            on_done(error)
            return

        def answered(replies: list[Any]) -> None:
            if len(replies) < len(commands):  # nothing was sent: one error stands for all
                replies = replies * len(commands)
            for partition, reply in zip(commands, replies, strict=False):
                if (error := self._settled(partition, reply)) is not None:
                    refused[partition] = error
            try:
                raise_refusals(refused, 0)
            except KafkaError as error:
                on_done(error)
            else:
                on_done(None)

        self._desk.later(list(commands.values()), answered)

    def committed(
        self, partitions: Collection[TopicPartition], timeout: float
    ) -> dict[TopicPartition, OffsetAndMetadata | None]:
        """Return what the group has stored."""
        return retrying(lambda: self._offsets.committed(partitions), timeout, self._backoff)  # type: ignore[no-any-return] # it is that call's

    def list_offsets(
        self, wanted: Mapping[TopicPartition, int], timeout: float
    ) -> dict[TopicPartition, OffsetAndTimestamp | None]:
        """Look offsets up."""

        def look_up() -> dict[TopicPartition, OffsetAndTimestamp | None]:
            offsets = self._offsets
            return {p: offsets.look_up(p, what, create=self._creates) for p, what in wanted.items()}

        try:
            return retrying(look_up, timeout, self._backoff)  # type: ignore[no-any-return] # it is look_up's
        except UnknownTopicOrPartitionError as error:
            raise KafkaTimeoutError(str(error)) from error

    def topics(self, timeout: float) -> dict[str, int]:
        """Return all topics."""
        found = retrying(self._registry.all, timeout, self._backoff)
        return {name: topic.partitions for name, topic in found.items()}

    def group_metadata(self) -> ConsumerGroupMetadata:
        """Return who we are in the group."""
        return self._partaking.metadata()

    def close(self, timeout: float) -> None:
        """Leave the group, disconnect."""
        self._partaking.leave(timeout)
        self._fetcher.close()
        self._desk.settle()
        self._desk.close()
