"""Producing: librdkafka batches, retries and partitions; one thread polls and reports."""

from __future__ import annotations

import threading
import time
import warnings
from typing import TYPE_CHECKING, cast

from confluent_kafka import KafkaException, Producer, TopicPartition

from streamfacade import errors
from streamfacade_kafka.codes import NOT_A_MEMBER, PURGED
from streamfacade_kafka.connection import connect, log
from streamfacade_kafka.errors import commit_failed
from streamfacade_kafka.membership import Identity, pack
from streamfacade_kafka.options import producer_properties
from streamfacade_kafka.reports import Collector, Ledger
from streamfacade_kafka.topics import Topics

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from confluent_kafka import KafkaError as Cause

    from streamfacade import structs
    from streamfacade.config import Options
    from streamfacade.driver import Outgoing, Report
    from streamfacade_kafka.reports import Outcome, Slot

_IDLE = 0.1
_FULL = 0.005
_LOOK = 1023
_MANY = 8192
# How much longer than asked closing may take: what is left comes from memory.
_GRACE = 2.0


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
        self._topics = Topics(self._producer, servers, options)
        self._lock = threading.Lock()
        self._collector = Collector(acknowledged=options["acks"] != 0)
        self._free = self._collector.free
        self._ledger = Ledger()
        self._next_number = self._ledger.next_number
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
        try:
            slot = self._free.pop()
        except IndexError:
            slot = self._collector.new_slot()
        slot.record = record
        slot.number = number = self._next_number()
        if not number & _LOOK:
            self._give_way(number)
        to = -1 if partition is None else partition
        try:
            # By position: keywords would cost half as much again.
            self._produce(topic, value, key, to, slot.callback, None, timestamp or 0, headers)  # type: ignore[arg-type] # list is invariant
        except BaseException as error:  # noqa: BLE001 - all but a full buffer is raised there
            self._send_again(error, (topic, value, key, to), slot, size, timeout)

    def _give_way(self, number: int) -> None:
        """Let the thread that polls have its turn when much is on its way.

        It has to ask for the interpreter anew for each record, so a sender in a loop starves it
        until the buffer is full; many records in flight are slow, too.
        """
        if number - self._ledger.settled > _MANY and threading.current_thread() is not self._thread:
            with self._room:
                self._room.wait(_FULL)

    def _send_again(
        self,
        error: BaseException,
        arguments: tuple[str, bytes | None, bytes | None, int],
        slot: Slot,
        size: int,
        timeout: float,
    ) -> None:
        """Try again while the buffer is full, else account for a record that was not taken."""
        reason: BaseException | None = error
        if isinstance(error, BufferError):
            reason = self._keep_trying(arguments, slot, size, timeout)
        if reason is None:
            return
        number, slot.record = slot.number, None
        self._free.append(slot)
        self._ledger.settle((number,))
        if isinstance(reason, KafkaException):
            raise self._ear.explained(reason, f"send to {arguments[0]}") from reason
        raise reason

    def _keep_trying(
        self,
        arguments: tuple[str, bytes | None, bytes | None, int],
        slot: Slot,
        size: int,
        timeout: float,
    ) -> BaseException | None:
        """Return None once librdkafka has the record, else why it has not."""
        if size > self._buffer_memory:
            return errors.MessageSizeTooLargeError(
                f"a record of {size} bytes can never fit: buffer_memory is {self._buffer_memory}"
            )
        _, _, headers, timestamp, _ = cast("Outgoing", slot.record)
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            try:
                self._wait_for_room()
                self._produce(*arguments, slot.callback, None, timestamp or 0, headers)  # type: ignore[arg-type] # as above
            except BufferError:
                continue
            except BaseException as error:  # noqa: BLE001 - raised by the caller
                return error
            return None
        return errors.KafkaTimeoutError(
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
        with self._lock:
            self._flushing += 1
        try:
            return self._ledger.wait(timeout)
        finally:
            with self._lock:
                self._flushing -= 1

    # The thread

    def _run(self) -> None:
        while not self._stopped:
            try:
                self._serve()
                self._settle()
                self._topics.refresh_when_due()
            except Exception:  # noqa: BLE001 - everybody's records depend on this thread
                log.exception("the thread that polls librdkafka met an error")
        self._finish()

    def _serve(self) -> None:
        try:
            if self._lingers and self._flushing:
                self._producer.flush(_FULL)  # makes librdkafka send what lingers
            else:
                self._producer.poll(_FULL if self._lingers else _IDLE)
        except KafkaException as error:
            # Fatal ones come this way too; the records they concern are reported one by one.
            log.error("%s", self._ear.explained(error, "producer"))

    def _settle(self) -> None:
        outcomes = self._collector.take()
        for outcome in outcomes:
            self._tell(outcome)
            self._ledger.settle(outcome.numbers)
        if outcomes:
            with self._room:
                self._room.notify_all()

    def _tell(self, outcome: Outcome) -> None:
        topic, partition, records, offsets, timestamps, cause, _ = outcome
        error = None if cause is None else self._failure(cause, topic, partition)
        self._report(topic, partition, records, offsets, timestamps, error)

    def _failure(self, cause: Cause, topic: str, partition: int) -> errors.KafkaError:
        where = f"send to {topic}" + (f" [{partition}]" if partition >= 0 else "")
        if cause.code() not in PURGED:
            return self._ear.explained(KafkaException(cause), where)
        if self._closing:
            return errors.KafkaTimeoutError(f"{where}: the producer closed before it was sent")
        return errors.TransactionAbortedError(f"{where}: its transaction was aborted")

    # The end

    def metrics(self) -> Mapping[str, float]:
        """Return how many records wait in librdkafka and how many were reported."""
        return {"records-waiting": float(len(self._producer)), "records-done": self._ledger.settled}

    def close(self, timeout: float) -> None:
        """Send what is left for up to `timeout`, report the rest as failed, stop the thread."""
        unsent = self.flush(timeout)
        self._closing = True
        if unsent:
            self._producer.purge()
        self._stopped = True
        self._thread.join(_GRACE)
        if self._thread.is_alive():
            log.warning("a callback or the broker keeps the producer: it closes in the background")

    def _finish(self) -> None:
        """Report what was given up, then close librdkafka's producer, which knows no time limit."""
        while self._producer.flush(_FULL) or self._ledger.unsettled:
            self._settle()
        with warnings.catch_warnings():
            # A transaction that cannot be aborted: its own calls have said so.
            warnings.simplefilter("ignore", RuntimeWarning)
            self._producer.close()

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
                if error.args[0].code() in NOT_A_MEMBER:
                    raise commit_failed(error, doing) from error
                if not error.args[0].retriable() or left <= 0:
                    raise self._ear.explained(error, doing) from error
                time.sleep(min(0.1, max(0.0, left)))
            else:
                return


__all__ = ["KafkaProducerDriver"]
