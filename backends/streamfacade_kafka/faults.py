"""What goes wrong while fetching: kept aside until the good records are handed out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confluent_kafka import KafkaError as Cause
from confluent_kafka import KafkaException

from streamfacade import errors
from streamfacade.structs import TopicPartition
from streamfacade_kafka.connection import log
from streamfacade_kafka.errors import translated

if TYPE_CHECKING:
    from confluent_kafka import Message

    from streamfacade_kafka.assignment import Assignment
    from streamfacade_kafka.connection import Ear

_OUT_OF_RANGE = frozenset({
    Cause._AUTO_OFFSET_RESET, Cause.OFFSET_OUT_OF_RANGE, Cause._LOG_TRUNCATION,
})  # fmt: skip
_UNREADABLE = frozenset({
    Cause._BAD_MSG, Cause._BAD_COMPRESSION, Cause.INVALID_MSG, Cause.INVALID_MSG_SIZE,
    Cause._UNDERFLOW,
})  # fmt: skip
# A topic that vanished, or passing trouble that librdkafka deals with: it goes on by itself.
_LOGGED = frozenset({
    Cause._PARTITION_EOF, Cause.UNKNOWN_TOPIC_OR_PART, Cause._UNKNOWN_TOPIC,
    Cause._UNKNOWN_PARTITION, Cause.UNKNOWN_TOPIC_ID, Cause._MAX_POLL_EXCEEDED,
    Cause._TRANSPORT, Cause._ALL_BROKERS_DOWN, Cause._RESOLVE, Cause._TIMED_OUT,
})  # fmt: skip


class Faults:
    """Partitions that cannot be read on, and errors of the consumer as a whole."""

    def __init__(self, assignment: Assignment, ear: Ear) -> None:
        self._assignment = assignment
        self._ear = ear
        self._out_of_range: dict[TopicPartition, int] = {}
        self._unreadable: dict[TopicPartition, errors.KafkaError] = {}
        self._general: list[errors.KafkaError] = []
        self._logged: set[tuple[str | None, int]] = set()

    def sort_out(self, messages: list[Message]) -> list[Message]:
        """Return the good messages before each fault, and keep the faults."""
        return [message for message in messages if self._is_good(message)]

    def _is_good(self, message: Message) -> bool:
        partition = TopicPartition(message.topic() or "", _number(message))
        error = message.error()
        if error is None:
            return partition not in self._out_of_range and partition not in self._unreadable
        if error.code() in _OUT_OF_RANGE and partition.partition >= 0:
            self._out_of_range[partition] = _offset(message, self._assignment, partition)
            self._assignment.park(partition)
        elif error.code() in _UNREADABLE and partition.partition >= 0:
            where = f"read {partition.topic} [{partition.partition}] at {message.offset()}"
            self._unreadable[partition] = translated(error, where)
            self._assignment.park(partition)
        else:
            self._note(error, message.topic())
        return False

    def _note(self, error: Cause, topic: str | None) -> None:
        if error.code() not in _LOGGED and not error.retriable():
            self._general.append(self._ear.explained(KafkaException(error), topic or "consumer"))
        elif (topic, error.code()) not in self._logged and error.code() != Cause._PARTITION_EOF:
            self._logged.add((topic, error.code()))
            log.warning("%s: %s", topic or "consumer", error.str())

    def forget(self, partition: TopicPartition) -> None:
        """Forget the fault of a partition: it is read elsewhere."""
        self._out_of_range.pop(partition, None)
        self._unreadable.pop(partition, None)

    def raise_first(self) -> None:
        """Raise what stands in the way, of partitions that are still ours, until they are sought.

        Raises:
            OffsetOutOfRangeError: with {partition: offset}.
            CorruptRecordError: a record cannot be read.
            KafkaError: librdkafka's, about the consumer as a whole; raised once.

        """
        if self._general:
            raise self._general.pop(0)
        for faults in self._out_of_range, self._unreadable:
            for partition in faults.keys() - self._assignment.owned:
                self.forget(partition)
        if self._out_of_range:
            raise errors.OffsetOutOfRangeError(dict(self._out_of_range))
        for error in self._unreadable.values():
            raise error


def _number(message: Message) -> int:
    partition = message.partition()
    return -1 if partition is None else partition


def _offset(message: Message, assignment: Assignment, partition: TopicPartition) -> int:
    """Return the position that is out of range: librdkafka's word, else our own."""
    offset = message.offset()
    known = assignment.places.get(partition, -1)
    return known if offset is None or offset < 0 else offset
