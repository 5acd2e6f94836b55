"""What goes wrong while fetching: kept aside until the good records are handed out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confluent_kafka import KafkaException

from streamfacade import errors
from streamfacade_kafka.assignment import partition_of
from streamfacade_kafka.codes import END_OF_PARTITION, OUT_OF_RANGE, PASSING, UNREADABLE
from streamfacade_kafka.connection import log
from streamfacade_kafka.errors import translated

if TYPE_CHECKING:
    from confluent_kafka import KafkaError as Cause
    from confluent_kafka import Message

    from streamfacade.structs import TopicPartition
    from streamfacade_kafka.assignment import Assignment
    from streamfacade_kafka.connection import Ear


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
        partition = partition_of(message)
        error = message.error()
        if error is None:
            return partition not in self._out_of_range and partition not in self._unreadable
        if error.code() in OUT_OF_RANGE and partition.partition >= 0:
            self._out_of_range[partition] = _offset(message, self._assignment, partition)
            self._assignment.park(partition)
        elif error.code() in UNREADABLE and partition.partition >= 0:
            where = f"read {partition.topic} [{partition.partition}] at {message.offset()}"
            self._unreadable[partition] = translated(error, where)
            self._assignment.park(partition)
        else:
            self._note(error, message.topic())
        return False

    def _note(self, error: Cause, topic: str | None) -> None:
        if error.code() not in PASSING and not error.retriable():
            self._general.append(self._ear.explained(KafkaException(error), topic or "consumer"))
        elif (topic, error.code()) not in self._logged and error.code() != END_OF_PARTITION:
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


def _offset(message: Message, assignment: Assignment, partition: TopicPartition) -> int:
    """Return the position that is out of range: librdkafka's word, else our own."""
    offset = message.offset()
    known = assignment.places.get(partition, -1)
    return known if offset is None or offset < 0 else offset
