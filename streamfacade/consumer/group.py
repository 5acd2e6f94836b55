"""The consumer's face: subscribe or assign, poll or iterate, commit, seek."""

from __future__ import annotations

import logging
import threading
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any, Generic, Literal, overload

from streamfacade import _lifetime, _registry, serializer
from streamfacade.consumer import _arguments as check
from streamfacade.consumer._buffer import Buffer
from streamfacade.consumer._commits import Commits
from streamfacade.consumer._lookups import Lookups
from streamfacade.consumer._membership import Membership
from streamfacade.consumer._positions import Positions
from streamfacade.consumer._reader import Reader
from streamfacade.consumer.subscription_state import ConsumerRebalanceListener, Subscription
from streamfacade.errors import IllegalStateError, KafkaTimeoutError
from streamfacade.structs import ConsumerRecord, K, OffsetSpec, TopicPartition, V

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from typing_extensions import Self

    from streamfacade.future import Future
    from streamfacade.structs import ConsumerGroupMetadata, OffsetAndMetadata, OffsetAndTimestamp

log = logging.getLogger(__name__)


class Consumer(Generic[K, V]):
    """Reads records of topics, for a group or alone.

    Takes topics to subscribe to, then options by keyword in kafka-python's names and
    milliseconds; a dict with Kafka's dotted names may come first. Connects at once.

    One thread uses a consumer; another may `close` it, and ask for `assignment` and
    `group_metadata`.

    Raises:
        KafkaConfigurationError: an unknown option or a wrong value; also a `ValueError`.
        NoBrokersAvailable: nobody answered within `bootstrap_timeout_ms`.

    """

    def __init__(self, *topics: Any, **options: Any) -> None:
        """Connect to the server that the options name, and subscribe to `topics` if any."""
        self._unusable = "the consumer was not opened"
        configs, names = check.split_topics(topics)
        self._backend, self.config = _registry.prepare("C", configs, options)
        self._limit = limit = self.config.seconds("default_api_timeout_ms")
        self._subscription = Subscription()
        self._membership = Membership(self._subscription, limit)
        self._driver = self._backend.open_consumer(self.config, self._membership)
        in_group = self.config["group_id"] is not None
        self._positions = Positions(
            self._driver, self.config["auto_offset_reset"], in_group=in_group
        )
        self._buffer = Buffer(
            serializer.bind(self.config["key_deserializer"], "deserialize"),
            serializer.bind(self.config["value_deserializer"], "deserialize"),
            self._driver.seek,
        )
        self._commits = Commits(self._driver, self.config, self._positions)
        self._membership.bind(self._positions, self._buffer, self._commits)
        self._reader = Reader(
            self._driver, self.config, self._subscription,
            self._positions, self._buffer, self._commits, self._membership,
        )  # fmt: skip
        self._lookups = Lookups(self._driver, self._reader)
        self._unusable = ""
        _lifetime.opened(self)
        if names:
            self.subscribe(names)

    def _check_open(self) -> None:
        if self._unusable:
            raise _lifetime.refuse(self._unusable)

    # What to read

    def subscribe(
        self,
        topics: Sequence[str] = (),
        pattern: str | None = None,
        listener: ConsumerRebalanceListener | None = None,
    ) -> None:
        """Read these topics, or all that match `pattern`; replaces what was subscribed to before.

        With a `group_id` the group's members share the partitions, and partitions arrive in
        `poll`; without one, this consumer reads all of them.

        Args:
            topics: a list of names.
            pattern: a regular expression, matched from the start of a name.
            listener: told of partitions that come and go.

        Raises:
            IllegalStateError: both given, or after `assign`, or a mix of topics and patterns.
            ValueError, TypeError: neither given, an illegal name, a wrong type.

        """
        self._check_open()
        self._subscription.subscribe(topics, pattern, listener)
        self._reader.look_again()

    def subscription(self) -> set[str] | None:
        """Return the topics subscribed to; None when there are none."""
        if not self._subscription.wanted:
            return None
        return set(self._reader.matched)

    def unsubscribe(self) -> None:
        """Leave the group, committing first where commits are automatic; read nothing."""
        self._check_open()
        with self._reader.lock:
            self._reader.leave()
        self._membership.raise_failure()

    def assign(self, partitions: Sequence[TopicPartition]) -> None:
        """Read exactly these partitions, outside any group's sharing; [] is `unsubscribe`.

        With a `group_id`, committed offsets are used and stored, as long as the group has no
        members. Partitions that were assigned before keep their positions.

        Raises:
            IllegalStateError: topics are subscribed to.
            TypeError: not a list of TopicPartition.

        """
        self._check_open()
        wanted = check.partitions(partitions)
        if not wanted:
            self.unsubscribe()
            return
        self._subscription.assign()
        with self._reader.lock:
            self._commits.last()
            self._reader.keep(wanted)

    def assignment(self) -> set[TopicPartition]:
        """Return the partitions this consumer has now; empty before the first poll."""
        return self._positions.assigned

    # Reading

    def poll(
        self,
        timeout_ms: float = 0,
        max_records: int | None = None,
        update_offsets: bool = True,  # noqa: FBT001, FBT002 - kafka-python's signature
    ) -> dict[TopicPartition, list[ConsumerRecord[K, V]]]:
        """Return the next records by partition, as soon as there are any; {} when time is up.

        Joins the group, takes part in rebalances (listeners run here) and commits automatically.

        Args:
            timeout_ms: how long to wait for a record; 0 returns what is at hand.
            max_records: at most so many; defaults to `max_poll_records`.
            update_offsets: False leaves the positions where they are.

        Raises:
            IllegalStateError: the consumer is closed.
            NoOffsetForPartitionError, OffsetOutOfRangeError: with auto_offset_reset none.
            KafkaError: a listener raised.
            Exception: what a deserializer raised; the position stays before that record, on this
                and every later poll, until a `seek`.

        """
        self._check_open()
        limit = check.max_records(max_records, self.config["max_poll_records"])
        records = self._reader.next(check.timeout(timeout_ms), limit, limit)
        for partition, taken in records.items():
            if update_offsets:
                self._positions.at[partition] = taken[-1].offset + 1
            else:
                self._reader.put_back(partition, taken[0].offset)
        return records

    def __iter__(self) -> Self:
        """Return the consumer: a loop may end and another go on."""
        return self

    def __next__(self) -> ConsumerRecord[K, V]:
        """Return the next record; its position is behind it already, so commit() covers it.

        Raises:
            StopIteration: nothing came for `consumer_timeout_ms`, or the consumer is closed.

        """
        wait = self.config["consumer_timeout_ms"]
        seconds = wait / 1000 if wait < inf else threading.TIMEOUT_MAX
        taken = self._reader.next(seconds, 1, self.config["max_poll_records"])
        for partition, records in taken.items():
            self._positions.at[partition] = records[0].offset + 1
            return records[0]
        raise StopIteration

    # Positions

    def position(self, partition: TopicPartition, timeout_ms: float | None = None) -> int | None:
        """Return the next offset that will be returned, finding it out if need be.

        Raises:
            IllegalStateError: the partition is not assigned.
            NoOffsetForPartitionError: none is committed, and auto_offset_reset is none.

        """
        self._check_open()
        if check.partition(partition) not in self.assignment():
            msg = f"{partition} is not assigned to this consumer"
            raise IllegalStateError(msg)
        with self._reader.lock:
            self._positions.resolve(self._seconds(timeout_ms), partition)
        return self._positions.at.get(partition)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Go to an offset; one that does not exist is found out by the next poll.

        Raises:
            ValueError: the partition is not assigned, or the offset is negative or no int.

        """
        self._check_mine([partition])
        with self._reader.lock:
            self._buffer.drop([partition])
            self._positions.seek(partition, check.offset(offset))

    def seek_to_beginning(self, *partitions: TopicPartition) -> None:
        """Go to the first record of these partitions, or of all."""
        self._reset(partitions, OffsetSpec.EARLIEST)

    def seek_to_end(self, *partitions: TopicPartition) -> None:
        """Go behind the last record of these partitions, or of all."""
        self._reset(partitions, OffsetSpec.LATEST)

    def _reset(self, partitions: Sequence[TopicPartition], where: OffsetSpec) -> None:
        chosen = self._check_mine(partitions or tuple(self.assignment()))
        if not chosen:
            msg = "no partitions are assigned yet: poll first"
            raise ValueError(msg)
        with self._reader.lock:
            self._buffer.drop(chosen)
            for partition in chosen:
                self._positions.reset(partition, where)

    def _check_mine(self, partitions: Sequence[TopicPartition]) -> Sequence[TopicPartition]:
        self._check_open()
        for partition in partitions:
            if check.partition(partition) not in self.assignment():
                msg = f"Unassigned partition {partition}: poll first, or assign it"
                raise ValueError(msg)
        return partitions

    def pause(self, *partitions: TopicPartition) -> None:
        """Return no records of these partitions until `resume`; they stay assigned."""
        with self._reader.lock:
            self._driver.pause(self._check_mine(partitions))
            self._positions.paused.update(partitions)

    def resume(self, *partitions: TopicPartition) -> None:
        """Return records of these partitions again."""
        with self._reader.lock:
            self._driver.resume(self._check_mine(partitions))
            self._positions.paused.difference_update(partitions)

    def paused(self) -> set[TopicPartition]:
        """Return the paused partitions."""
        return set(self._positions.paused)

    # Committing

    def commit(
        self,
        offsets: Mapping[TopicPartition, OffsetAndMetadata] | None = None,
        timeout_ms: float | None = None,
    ) -> None:
        """Store the group's offsets: the *next* to read of each partition.

        Args:
            offsets: None commits the position of every partition that has one.
            timeout_ms: defaults to `default_api_timeout_ms`.

        Raises:
            IllegalStateError: no `group_id`.
            CommitFailedError: a partition belongs to another member now.
            KafkaTimeoutError: nobody answered, or no such partition.

        """
        self._check_open()
        with self._reader.lock:
            self._commits.sync(offsets, self._seconds(timeout_ms))

    def commit_async(
        self,
        offsets: Mapping[TopicPartition, OffsetAndMetadata] | None = None,
        callback: Callable[..., Any] | None = None,
    ) -> Future[None]:
        """Store the group's offsets without waiting.

        `callback(offsets, error_or_None)` runs inside a later `poll` or `commit`, on that thread.
        """
        self._check_open()
        with self._reader.lock:
            return self._commits.background(offsets, callback)

    @overload
    def committed(
        self,
        partition: TopicPartition,
        metadata: Literal[False] = False,  # noqa: FBT002 - kafka-python's signature
        timeout_ms: float | None = None,
    ) -> int | None: ...

    @overload
    def committed(
        self, partition: TopicPartition, metadata: Literal[True], timeout_ms: float | None = None
    ) -> OffsetAndMetadata | None: ...

    def committed(
        self,
        partition: TopicPartition,
        metadata: bool = False,  # noqa: FBT001, FBT002 - kafka-python's signature
        timeout_ms: float | None = None,
    ) -> int | OffsetAndMetadata | None:
        """Return the group's stored offset of a partition, None if there is none.

        Args:
            partition: any partition, assigned or not.
            metadata: True returns the whole OffsetAndMetadata.
            timeout_ms: defaults to `default_api_timeout_ms`.

        """
        self._check_open()
        if self.config["group_id"] is None:
            msg = "committed offsets need a group_id"
            raise IllegalStateError(msg)
        stored = self._lookups.committed(partition, self._seconds(timeout_ms))
        return stored if metadata or stored is None else stored.offset

    def group_metadata(self) -> ConsumerGroupMetadata:
        """Return this consumer's identity in its group."""
        return self._driver.group_metadata()

    # The log

    def beginning_offsets(
        self, partitions: Sequence[TopicPartition], timeout_ms: float | None = None
    ) -> dict[TopicPartition, int]:
        """Return the first offset of each partition.

        Raises:
            KafkaTimeoutError: no such partition, or nobody answered.

        """
        self._check_open()
        return self._lookups.ends(partitions, OffsetSpec.EARLIEST, self._seconds(timeout_ms))

    def end_offsets(
        self, partitions: Sequence[TopicPartition], timeout_ms: float | None = None
    ) -> dict[TopicPartition, int]:
        """Return the offset of each partition's next record."""
        self._check_open()
        return self._lookups.ends(partitions, OffsetSpec.LATEST, self._seconds(timeout_ms))

    def offsets_for_times(
        self, timestamps: Mapping[TopicPartition, int], timeout_ms: float | None = None
    ) -> dict[TopicPartition, OffsetAndTimestamp | None]:
        """Return for each partition the first record at or after a timestamp in ms; None: none."""
        self._check_open()
        return self._lookups.offsets(check.timestamps(timestamps), self._seconds(timeout_ms))

    def lag(self) -> dict[TopicPartition, int]:
        """Return how many records are behind each assigned partition's end: end - position."""
        mine = sorted(self.assignment())
        ends = self.end_offsets(mine)
        return {p: ends[p] - (self.position(p) or 0) for p in mine}

    def topics(self, timeout_ms: float | None = None) -> set[str]:
        """Return the names of all topics that are not internal."""
        self._check_open()
        names = self._lookups.topics(self._seconds(timeout_ms))
        return {name for name in names if not name.startswith("__")}

    def partitions_for_topic(self, topic: str, timeout_ms: float | None = None) -> set[int]:
        """Return the partitions of a topic; empty if there is no such topic, and none is made."""
        self._check_open()
        return set(range(self._lookups.topics(self._seconds(timeout_ms)).get(topic, 0)))

    def _seconds(self, timeout_ms: float | None) -> float:
        return self._limit if timeout_ms is None else check.timeout(timeout_ms)

    def bootstrap_connected(self) -> bool:
        """Return whether the consumer is open."""
        return not self._unusable

    # The end

    def close(self, autocommit: bool = True, timeout_ms: float | None = None) -> None:  # noqa: FBT001, FBT002 - kafka-python's signature
        """Commit where commits are automatic, leave the group, disconnect; again is harmless.

        A `poll` that another thread is in returns {} and iteration ends.

        Raises:
            KafkaError: a listener raised; the consumer is closed all the same.

        """
        if not self._unusable and not self._reader.closed:
            self._reader.closed = True
            _lifetime.closed(self)
            self._reader.outside(partial(self._finish, autocommit, self._seconds(timeout_ms)))

    def _finish(self, autocommit: bool, seconds: float) -> None:  # noqa: FBT001 - `close` decides
        self._commits.automatic = self._commits.automatic and autocommit
        try:
            self._reader.leave()  # a listener may still commit in here
        except KafkaTimeoutError:
            log.exception("the group did not hear that this member leaves: it expires there")
        self._unusable = "the consumer is closed"
        self._driver.close(seconds)
        self._commits.call_back()
        serializer.release(self.config["key_deserializer"], self.config["value_deserializer"])
        self._membership.raise_failure()

    def _at_exit(self) -> None:
        self.close(timeout_ms=1000)

    def __enter__(self) -> Self:
        """Return the consumer."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close; after an exception without the automatic commit, so that work is not skipped."""
        self.close(autocommit=kind is None)

    def __repr__(self) -> str:
        """Name the backend and its address."""
        return f"<Consumer {self.config['client_id']} at {self._backend.address}>"


KafkaConsumer = Consumer
