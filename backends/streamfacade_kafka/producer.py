"""Producing: librdkafka batches, retries and partitions; one thread polls and reports."""

from __future__ import annotations

import logging
import threading
import time
from types import MethodType
from typing import TYPE_CHECKING

from confluent_kafka import KafkaError as Cause
from confluent_kafka import KafkaException, Producer, TopicPartition

from streamfacade import errors
from streamfacade_kafka.connection import connect
from streamfacade_kafka.membership import Identity, pack
from streamfacade_kafka.options import producer_properties
from streamfacade_kafka.reports import Round
from streamfacade_kafka.topics import Topics

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streamfacade import structs
    from streamfacade.config import Options
    from streamfacade.driver import Outgoing, Report
    from streamfacade_kafka.reports import Outcome

log = logging.getLogger("streamfacade.kafka")

_IDLE = 0.1
_FULL = 0.005
# How long reports of records given up at close may take: they come from memory.
_LAST_REPORTS = 5.0
_PURGED = frozenset({Cause._PURGE_QUEUE, Cause._PURGE_INFLIGHT})


class KafkaProducerDriver:
    """See `streamfacade.driver.TransactionalProducerDriver`."""

    def __init__(self, servers: str, options: Options, report: Report) -> None:
        properties = producer_properties(servers, options)
        self._producer, self._ear = connect(
            Producer, properties, options.seconds("bootstrap_timeout_ms")
        )
        self._produce = self._producer.produce
        self._report = report
        self._buffer_memory = options["buffer_memory"]
        self._lingers = options["linger_ms"] > 0
        self._topics = Topics(self._producer, options)
        self._lock = threading.Lock()
        self._round = Round()
        self._rounds = [self._round]
        self._reported = 0
        self._flushing = 0
        self._closing = False
        self._stopped = False
        self._room = threading.Condition()
        self._thread = threading.Thread(
            target=self._run, name=f"{options['client_id']}-network-thread", daemon=True
        )
        self._thread.start()

    # Sending

    def partitions(self, topic: str, timeout: float) -> int:
        """Return the topic's number of partitions."""
        return self._topics.partitions(topic, timeout)

    def send(
        self, topic: str, partition: int | None, record: Outgoing, size: int, timeout: float
    ) -> None:
        """Take a record for sending."""
        key, value, headers, timestamp, _ = record
        with self._lock:
            sent_in = self._round
            sent_in.sent += 1
        # A bound method is the cheapest callable that remembers a record.
        arguments = (
            topic, value, key, -1 if partition is None else partition,
            MethodType(sent_in.note, record), None, timestamp or 0, headers,
        )  # fmt: skip
        try:
            self._produce(*arguments)
        except BufferError:
            self._send_when_there_is_room(sent_in, arguments, size, timeout)
        except BaseException as error:
            self._count_off(sent_in)
            if isinstance(error, KafkaException):
                raise self._ear.explained(error, f"send to {topic}") from error
            raise

    def _send_when_there_is_room(
        self, sent_in: Round, arguments: tuple[object, ...], size: int, timeout: float
    ) -> None:
        try:
            self._keep_trying(arguments, size, timeout)
        except BaseException as error:
            self._count_off(sent_in)
            if isinstance(error, KafkaException):
                raise self._ear.explained(error, f"send to {arguments[0]}") from error
            raise

    def _keep_trying(self, arguments: tuple[object, ...], size: int, timeout: float) -> None:
        if size > self._buffer_memory:
            raise errors.MessageSizeTooLargeError(
                f"a record of {size} bytes can never fit: buffer_memory is {self._buffer_memory}"
            )
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            self._wait_for_room()
            try:
                self._produce(*arguments)  # type: ignore[arg-type] # as send made them
            except BufferError:
                continue
            return
        raise errors.KafkaTimeoutError(
            f"the buffer stayed full for {timeout:g} s (topic {arguments[0]}):"
            " the broker is slower than this producer, or unreachable"
        )

    def _wait_for_room(self) -> None:
        if threading.current_thread() is self._thread:
            self._producer.poll(_FULL)  # a callback that sends: nobody else would make room
        else:
            with self._room:
                self._room.wait(_FULL)

    def flush(self, timeout: float | None) -> int:
        """Wait until every record sent before this call is reported."""
        if threading.current_thread() is self._thread:
            raise errors.IllegalStateError("flush in a delivery callback would wait for itself")
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._lock:
            waited_for = self._next_round()
            self._flushing += 1
        try:
            for one in waited_for:
                one.done.wait(None if deadline is None else max(0, deadline - time.monotonic()))
        finally:
            with self._lock:
                self._flushing -= 1
        return sum(one.sent - one.reported for one in waited_for)

    def _next_round(self) -> list[Round]:
        """Return the rounds that are not settled, having started a new one for later sends."""
        if self._round.sent > self._round.reported:
            self._round = Round()
            self._rounds.append(self._round)
        return self._rounds[:-1]

    def _count_off(self, sent_in: Round) -> None:
        """Forget a record that was not taken after all."""
        with self._lock:
            sent_in.sent -= 1
            self._finish(sent_in)

    def _finish(self, one: Round) -> None:
        if one is not self._round and one.reported >= one.sent and one in self._rounds:
            self._rounds.remove(one)
            one.done.set()

    # The thread

    def _run(self) -> None:
        while not self._stopped:
            try:
                self._serve()
                self._settle()
                self._topics.refresh_when_due()
            except Exception:
                # Everybody's records depend on this thread: it goes on.
                log.exception("the thread that polls librdkafka met an error")

    def _serve(self) -> None:
        if self._lingers and self._flushing:
            self._producer.flush(_FULL)  # makes librdkafka send what lingers
        else:
            self._producer.poll(_FULL if self._lingers else _IDLE)

    def _settle(self) -> None:
        with self._lock:
            unsettled = list(self._rounds)
        for one in unsettled:
            for outcome in one.take():
                self._tell(outcome)
                with self._lock:
                    one.reported += len(outcome.records)
                    self._reported += len(outcome.records)
            with self._lock:
                self._finish(one)
        with self._room:
            self._room.notify_all()

    def _tell(self, outcome: Outcome) -> None:
        topic, partition, records, offsets, timestamps, cause = outcome
        error = None if cause is None else self._failure(cause, topic, partition)
        self._report(topic, partition, records, offsets, timestamps, error)

    def _failure(self, cause: Cause, topic: str, partition: int) -> errors.KafkaError:
        where = f"send to {topic}" + (f" [{partition}]" if partition >= 0 else "")
        if cause.code() not in _PURGED:
            return self._ear.explained(KafkaException(cause), where)
        if self._closing:
            return errors.KafkaTimeoutError(f"{where}: the producer closed before it was sent")
        return errors.TransactionAbortedError(f"{where}: its transaction was aborted")

    # The end

    def metrics(self) -> Mapping[str, float]:
        """Return how many records wait in librdkafka and how many were reported."""
        return {"records-waiting": float(len(self._producer)), "records-done": self._reported}

    def close(self, timeout: float) -> None:
        """Send what is left for up to `timeout`, report the rest as failed, stop the thread."""
        unsent = self.flush(timeout)
        self._closing = True
        if unsent:
            self._producer.purge()
            stuck = self.flush(_LAST_REPORTS)
            if stuck:
                log.error("%d records were neither sent nor reported: a callback hangs", stuck)
        self._stopped = True
        self._thread.join(_LAST_REPORTS)
        if not len(self._producer):
            self._producer.close()  # waits for ever while there are records

    # Transactions

    def init_transactions(self, timeout: float) -> None:
        """Fence older producers of the same id and finish what they left."""
        self._transact("init_transactions", self._producer.init_transactions, timeout)

    def begin_transaction(self) -> None:
        """Start a transaction."""
        self._transact("begin_transaction", lambda _: self._producer.begin_transaction(), 0)

    def send_offsets_to_transaction(
        self,
        offsets: Mapping[structs.TopicPartition, structs.OffsetAndMetadata],
        group: structs.ConsumerGroupMetadata,
        timeout: float,
    ) -> None:
        """Commit consumed offsets with the transaction."""
        positions = [
            TopicPartition(tp.topic, tp.partition, kept.offset or 0, kept.metadata or "")
            for tp, kept in offsets.items()
        ]
        packed = pack(
            Identity(
                group.group_id or "", group.generation_id, group.member_id, group.group_instance_id
            )
        )
        self._transact(
            f"send_offsets_to_transaction for group {group.group_id}",
            lambda left: self._producer.send_offsets_to_transaction(positions, packed, left),
            timeout,
        )

    def commit_transaction(self, timeout: float) -> None:
        """Flush and commit."""
        deadline = time.monotonic() + timeout
        if self.flush(timeout):
            raise errors.KafkaTimeoutError(
                f"commit_transaction: its records were not all sent within {timeout:g} s"
            )
        left = deadline - time.monotonic()
        self._transact("commit_transaction", self._producer.commit_transaction, left)

    def abort_transaction(self, timeout: float) -> None:
        """Drop what is unsent and abort."""
        deadline = time.monotonic() + timeout
        self._transact("abort_transaction", self._producer.abort_transaction, timeout)
        self.flush(max(0.0, deadline - time.monotonic()))

    def _transact(self, doing: str, call: Callable[[float], object], timeout: float) -> None:
        """Make a call that librdkafka lets us repeat while it says so."""
        deadline = time.monotonic() + timeout
        while True:
            left = deadline - time.monotonic()
            try:
                call(max(0.001, left))
            except KafkaException as error:
                if not error.args[0].retriable() or left <= 0:
                    raise self._ear.explained(error, doing) from error
                time.sleep(min(0.1, max(0.0, left)))
            else:
                return


__all__ = ["KafkaProducerDriver"]
