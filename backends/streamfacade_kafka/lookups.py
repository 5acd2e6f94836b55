"""Questions about offsets and topics that a consumer asks beside its fetching."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from confluent_kafka import IsolationLevel, KafkaException
from confluent_kafka import TopicPartition as Position
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from streamfacade import errors
from streamfacade.structs import OffsetAndMetadata, OffsetAndTimestamp, TopicPartition
from streamfacade_kafka.connection import Log, log
from streamfacade_kafka.errors import translated
from streamfacade_kafka.options import admin_properties
from streamfacade_kafka.topics import find_topic

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from confluent_kafka import Consumer

    from streamfacade.config import Options

    Found = dict[TopicPartition, OffsetAndTimestamp | None]

_PAUSE = 0.1
_SPECS = {-1: OffsetSpec.latest, -2: OffsetSpec.earliest, -3: OffsetSpec.max_timestamp}
_LEVELS = {
    "read_committed": IsolationLevel.READ_COMMITTED,
    "read_uncommitted": IsolationLevel.READ_UNCOMMITTED,
}


class Lookups:
    """Looks up committed offsets, offsets by time, and topics; retries until its time is over."""

    def __init__(self, consumer: Consumer, servers: str, options: Options) -> None:
        self._consumer = consumer
        self._properties = admin_properties(servers, options)
        self._create: bool = options["allow_auto_create_topics"]
        self._isolation = _LEVELS[options["isolation_level"]]
        self._admin: AdminClient | None = None
        self._known: set[str] = set()

    def committed(
        self, partitions: Collection[TopicPartition], timeout: float
    ) -> dict[TopicPartition, OffsetAndMetadata | None]:
        """Return the group's stored offsets."""
        if not partitions:
            return {}
        deadline = time.monotonic() + timeout
        asked = [Position(*partition) for partition in partitions]
        while True:
            try:
                answers = self._consumer.committed(
                    asked, timeout=max(0.01, deadline - time.monotonic())
                )
                return {TopicPartition(a.topic, a.partition): kept(a) for a in answers}
            except KafkaException as error:
                _pause_or_raise(translated(error, "look up committed offsets"), deadline)

    def offsets(self, wanted: Mapping[TopicPartition, int], timeout: float) -> Found:
        """Return offsets by timestamp or by OffsetSpec."""
        deadline = time.monotonic() + timeout
        if self._create:
            self._make_sure_of({partition.topic for partition in wanted}, deadline)
        found: Found = {}
        missing = dict(wanted)
        while missing:
            error = self._ask(missing, found, deadline - time.monotonic())
            for partition in found.keys() & missing.keys():
                del missing[partition]
            if error is not None:
                _pause_or_raise(error, deadline)
        return {partition: found[partition] for partition in wanted}

    def _make_sure_of(self, topics: set[str], deadline: float) -> None:
        """Create topics that do not exist: a question about one waits for its leader in vain."""
        for topic in topics - self._known:
            find_topic(self._consumer, topic, deadline - time.monotonic(), create=True)
            self._known.add(topic)

    def _ask(
        self, wanted: Mapping[TopicPartition, int], found: Found, timeout: float
    ) -> errors.KafkaError | None:
        """Ask once; put the answers into `found` and return one of the errors."""
        if self._admin is None:
            self._admin = AdminClient(self._properties, logger=Log())
        answers = self._admin.list_offsets(
            {Position(*partition): spec(at) for partition, at in wanted.items()},
            isolation_level=self._isolation,
            request_timeout=max(0.1, timeout),
        )
        error = None
        for asked, answer in answers.items():
            partition = TopicPartition(asked.topic, asked.partition)
            try:
                found[partition] = hit(answer.result())
            except KafkaException as reason:
                error = translated(reason, f"look up offsets of {asked.topic} [{asked.partition}]")
        return error

    def create(self, topics: Collection[str], timeout: float) -> None:
        """Ask for topics by name, which makes the broker create them if it may.

        What goes wrong is logged: whoever waits for the topics sees that they do not come.
        """
        for topic in topics:
            try:
                find_topic(self._consumer, topic, timeout, create=True)
            except errors.KafkaError as error:
                log.warning("topic %s does not exist and was not created: %s", topic, error)

    def topics(self, timeout: float) -> dict[str, int]:
        """Return all topics with their number of partitions."""
        try:
            found = self._consumer.list_topics(timeout=timeout).topics
        except KafkaException as error:
            raise translated(error, "list topics") from error
        return {name: len(topic.partitions) for name, topic in found.items() if topic.partitions}


def spec(at: int) -> Any:
    """Return what to look for: a timestamp, or one of our OffsetSpecs."""
    return _SPECS[at]() if at in _SPECS else OffsetSpec.for_timestamp(at)  # type: ignore[no-untyped-call] # theirs


def hit(answer: Any) -> OffsetAndTimestamp | None:
    """Return an offset that was looked up, None where nothing was found."""
    if answer.offset < 0:
        return None
    epoch = -1 if answer.leader_epoch is None else answer.leader_epoch
    return OffsetAndTimestamp(answer.offset, answer.timestamp, epoch)


def kept(answer: Position) -> OffsetAndMetadata | None:
    """Return a committed offset, None where there is none."""
    if answer.error:
        raise KafkaException(answer.error)
    if answer.offset < 0:
        return None
    epoch = -1 if answer.leader_epoch is None else answer.leader_epoch
    return OffsetAndMetadata(answer.offset, answer.metadata or "", epoch)


def _pause_or_raise(error: errors.KafkaError, deadline: float) -> None:
    """Wait a little after an error that may pass; raise it when it may not, or too late."""
    if not error.retriable:
        raise error
    if time.monotonic() + _PAUSE >= deadline:
        raise errors.KafkaTimeoutError(error.args[0]) from error
    time.sleep(_PAUSE)
