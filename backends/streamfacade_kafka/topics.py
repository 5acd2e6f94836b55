"""How many partitions topics have: asked once, remembered, renewed in the background."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaError as Cause
from confluent_kafka import KafkaException

from streamfacade.errors import KafkaTimeoutError
from streamfacade_kafka.codes import NO_TOPIC, NOT_YET, UNREACHABLE
from streamfacade_kafka.errors import translated

if TYPE_CHECKING:
    from streamfacade.config import Options
    from streamfacade_kafka.connection import Client

_PAUSE = 0.02
_RENEWAL = 1.0


def find_topic(client: Client, topic: str, timeout: float, *, create: bool) -> int:
    """Return the number of partitions of a topic, whose question creates it if `create`.

    That librdkafka asks so must be set by `allow.auto.create.topics`; `create` says whether to
    wait for it.

    Raises:
        UnknownTopicOrPartitionError: no such topic, and not `create`.
        KafkaTimeoutError: nobody answered within `timeout` seconds, or nothing was created.

    """
    deadline = time.monotonic() + timeout
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
                return len(found.partitions)
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


class Topics:
    """The producer's memory of topics. Used from many threads; renewed by one."""

    def __init__(self, client: Client, options: Options) -> None:
        self._client = client
        self._create: bool = options["allow_auto_create_topics"]
        self._max_age = options.seconds("metadata_max_age_ms")
        self._due = time.monotonic() + self._max_age
        self._counts: dict[str, int] = {}

    def partitions(self, topic: str, timeout: float) -> int:
        """Return the topic's number of partitions, from memory if it was asked before."""
        try:
            return self._counts[topic]
        except KeyError:
            count = find_topic(self._client, topic, timeout, create=self._create)
            self._counts[topic] = count
            return count

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


__all__ = ["Topics", "find_topic"]
