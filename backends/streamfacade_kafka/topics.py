"""How many partitions topics have: asked once, remembered, renewed in the background."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from confluent_kafka import KafkaError as Cause
from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from streamfacade.errors import KafkaTimeoutError
from streamfacade_kafka.codes import NO_TOPIC, NOT_YET, UNREACHABLE
from streamfacade_kafka.connection import Log
from streamfacade_kafka.errors import translated
from streamfacade_kafka.options import admin_properties

if TYPE_CHECKING:
    from streamfacade.config import Options
    from streamfacade_kafka.connection import Client

_PAUSE = 0.02
_RENEWAL = 1.0


class Found(NamedTuple):
    """A topic's number of partitions, and whether it was made just now."""

    partitions: int
    fresh: bool


def find_topic(client: Client, topic: str, timeout: float, *, create: bool) -> Found:
    """Look up a topic, which creates it if `create`.

    That librdkafka asks so must be set by `allow.auto.create.topics`; `create` says whether to
    wait for it.

    Raises:
        UnknownTopicOrPartitionError: no such topic, and not `create`.
        KafkaTimeoutError: nobody answered within `timeout` seconds, or nothing was created.

    """
    deadline = time.monotonic() + timeout
    fresh = False
    while True:
        left = deadline - time.monotonic()
        reason = None
        try:
            found = client.list_topics(topic, timeout=max(0.01, left)).topics[topic]
        except KafkaException as error:
            reason = error.args[0]
            if not isinstance(translated(error), KafkaTimeoutError) and not reason.retriable():
                reason = _or_raise(reason, topic)
        else:
            reason = _trouble(found, topic, create=create)
            if reason is None:
                return Found(len(found.partitions), fresh)
            fresh = True
        if left <= _PAUSE:
            raise _gave_up(topic, reason, timeout)
        time.sleep(_PAUSE)


def _or_raise(reason: Cause, topic: str) -> Cause:
    if reason.code() in UNREACHABLE:
        return reason
    raise translated(reason, f"look up topic {topic}")


def _trouble(found: Any, topic: str, *, create: bool) -> Cause | None:
    """Return why a topic cannot be used yet; raise what waiting does not cure."""
    error: Cause | None = found.error
    if error is None:
        return None if found.partitions else Cause(Cause.LEADER_NOT_AVAILABLE)
    missing = error.code() in NO_TOPIC
    if error.code() not in NOT_YET or (missing and not create):
        raise translated(error, f"topic {topic}")
    return error


def _gave_up(topic: str, reason: Cause, timeout: float) -> KafkaTimeoutError:
    error = KafkaTimeoutError(f"topic {topic} cannot be used after {timeout:g} s: {reason.str()}")
    error.__cause__ = KafkaException(reason)
    return error


def wait_for_leaders(admin: AdminClient, partitions: dict[str, int], timeout: float) -> None:
    """Wait until the leaders of all partitions of these topics answer for them.

    Metadata names leaders a moment before they know of it. A producer that is quicker than that
    may lose its first batch: see DESIGN.md.

    Raises:
        KafkaTimeoutError: they did not within `timeout` seconds.

    """
    deadline = time.monotonic() + timeout
    latest = OffsetSpec.latest()  # type: ignore[no-untyped-call] # theirs
    missing = {
        TopicPartition(t, p): latest for t, count in partitions.items() for p in range(count)
    }
    while missing:
        left = deadline - time.monotonic()
        answers = admin.list_offsets(missing, request_timeout=max(0.1, left))
        failed = {one: answer.exception() for one, answer in answers.items()}
        missing = {one: latest for one, error in failed.items() if error}
        if missing and left <= _PAUSE:
            raise translated(next(filter(None, failed.values())), "wait for the leaders of a topic")
        if missing:
            time.sleep(_PAUSE)
            admin.list_topics(timeout=max(0.1, left))  # else it asks its memory again


class Topics:
    """The producer's memory of topics. Used from many threads; renewed by one."""

    def __init__(self, client: Client, servers: str, options: Options) -> None:
        self._client = client
        self._admin_properties = admin_properties(servers, options)
        self._create: bool = options["allow_auto_create_topics"]
        self._max_age = options.seconds("metadata_max_age_ms")
        self._due = time.monotonic() + self._max_age
        self._counts: dict[str, int] = {}

    def partitions(self, topic: str, timeout: float) -> int:
        """Return the topic's number of partitions, from memory if it was asked before."""
        try:
            return self._counts[topic]
        except KeyError:
            return self._meet(topic, timeout)

    def _meet(self, topic: str, timeout: float) -> int:
        deadline = time.monotonic() + timeout
        found = find_topic(self._client, topic, timeout, create=self._create)
        if found.fresh:
            admin = AdminClient(self._admin_properties, logger=Log())
            wait_for_leaders(admin, {topic: found.partitions}, deadline - time.monotonic())
        self._counts[topic] = found.partitions
        return found.partitions

    def refresh_when_due(self) -> None:
        """Ask again for all topics at once, which creates none; forget those that are gone."""
        if time.monotonic() < self._due or not self._counts:
            return
        self._due = time.monotonic() + self._max_age
        try:
            found = self._client.list_topics(timeout=_RENEWAL).topics
        except KafkaException:
            self._due = time.monotonic() + min(self._max_age, 10.0)  # nobody answers: later
            return
        self._counts = {
            topic: len(found[topic].partitions)
            for topic in list(self._counts)
            if topic in found and found[topic].partitions
        }


__all__ = ["Topics", "find_topic", "wait_for_leaders"]
