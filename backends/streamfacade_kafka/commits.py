"""Commits: bounded in time, in order, with Kafka's meaning of each refusal."""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import TimeoutError as NotYet
from typing import TYPE_CHECKING

from confluent_kafka import KafkaException
from confluent_kafka import TopicPartition as Position

from streamfacade import errors
from streamfacade_kafka.connection import log
from streamfacade_kafka.errors import commit_failed
from streamfacade_kafka.membership import unpack

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Future

    from confluent_kafka import Consumer

    from streamfacade.structs import OffsetAndMetadata, TopicPartition
    from streamfacade_kafka.caller import Caller

    Offsets = Mapping[TopicPartition, OffsetAndMetadata]
    OnDone = Callable[[BaseException | None], None]

_PAUSE = 0.1
_SETTLING = 5.0


class Commits:
    """Stores a group's offsets; answers to asynchronous ones wait until `tell`."""

    def __init__(self, consumer: Consumer, caller: Caller, group_id: str, patience: float) -> None:
        self.as_member = False
        """Whether only a member in good standing may commit: it is, once subscribed."""
        self._consumer = consumer
        self._caller = caller
        self._doing = f"commit for group {group_id}"
        self._patience = patience
        self._unanswered: deque[tuple[Future[None], OnDone]] = deque()
        self._given_back = 0

    def now(self, offsets: Offsets, timeout: float) -> None:
        """Store offsets and wait for the answer."""
        answer = self._start(offsets, timeout)
        try:
            answer.result(timeout)
        except NotYet:
            raise errors.KafkaTimeoutError(
                f"{self._doing}: no answer within {timeout:g} s"
            ) from None

    def later(self, offsets: Offsets, on_done: OnDone) -> None:
        """Store offsets after earlier commits; the answer is told by `tell`."""
        self._unanswered.append((self._start(offsets, self._patience), on_done))

    def tell(self) -> None:
        """Hand out the answers that have arrived, in the order of the commits."""
        while self._unanswered and self._unanswered[0][0].done():
            answer, on_done = self._unanswered.popleft()
            on_done(answer.exception())

    def settle(self) -> None:
        """Wait, before partitions are let go, until no commit is under way.

        librdkafka sends a commit under the generation of the moment in which it sends it. One that
        a frozen member had begun would be accepted after it has joined again, and rewind what the
        partition's next owner has committed.
        """
        self._given_back += 1
        try:
            self._caller.submit(lambda: None).result(_SETTLING)
        except NotYet:
            log.warning("%s: not answered before its partitions were given back", self._doing)

    def finish(self, timeout: float) -> None:
        """Wait for answers, then hand out all; what is unanswered has timed out."""
        deadline = time.monotonic() + timeout
        while self._unanswered:
            answer, on_done = self._unanswered.popleft()
            try:
                on_done(answer.exception(max(0.0, deadline - time.monotonic())))
            except NotYet:
                on_done(errors.KafkaTimeoutError(f"{self._doing}: closed before the answer came"))

    def _start(self, offsets: Offsets, timeout: float) -> Future[None]:
        positions = [
            Position(
                tp.topic, tp.partition, kept.offset or 0, kept.metadata or "", kept.leader_epoch
            )
            for tp, kept in offsets.items()
        ]
        deadline, given_back = time.monotonic() + timeout, self._given_back
        return self._caller.submit(lambda: self._store(positions, deadline, given_back))

    def _store(self, positions: list[Position], deadline: float, given_back: int) -> None:
        """Store until it works or the time is over; runs on the caller's thread."""
        while True:
            error = self._try(positions)
            if error is None:
                return
            passing = error.retriable and not isinstance(error, errors.RebalanceInProgressError)
            if not passing or given_back != self._given_back:
                raise error
            if time.monotonic() + _PAUSE >= deadline:
                raise errors.KafkaTimeoutError(error.args[0]) from error
            time.sleep(_PAUSE)

    def _try(self, positions: list[Position]) -> errors.KafkaError | None:
        if self.as_member and unpack(self._consumer.consumer_group_metadata()).generation < 0:
            # librdkafka would commit as a stranger, which an empty group accepts.
            return errors.CommitFailedError(f"{self._doing}: this consumer is not a member now")
        try:
            stored = self._consumer.commit(offsets=positions, asynchronous=False)
        except KafkaException as error:
            return commit_failed(error, self._doing)
        for one in stored:
            if one.error:
                return commit_failed(one.error, f"{self._doing}, {one.topic} [{one.partition}]")
        return None
