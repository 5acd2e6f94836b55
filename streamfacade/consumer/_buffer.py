"""Records fetched and not yet handed to the application.

A `poll` that may return them all passes the driver's lists through untouched; iteration takes one
record at a time. Positions move with what is taken, never with what is only fetched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from streamfacade.serializer import Convert
    from streamfacade.structs import ConsumerRecord, TopicPartition

    Raw = ConsumerRecord[bytes | None, bytes | None]


class Buffer:
    """The fetched records of each partition, in order, raw until they are taken."""

    def __init__(
        self,
        key: Convert | None,
        value: Convert | None,
        rewind: Callable[[TopicPartition, int], None],
    ) -> None:
        """Deserialize with these (None: bytes as they are); `rewind` makes the driver go back."""
        self._key = key
        self._value = value
        self._rewind = rewind
        self._records: dict[TopicPartition, list[Raw]] = {}
        self._failure: tuple[TopicPartition, Exception] | None = None

    def put(self, fetched: dict[TopicPartition, list[Raw]]) -> None:
        """Add what the driver fetched; called when nothing that could be taken is left."""
        for partition, records in fetched.items():
            self._records[partition] = self._records.get(partition, []) + records

    def drop(self, partitions: Iterable[TopicPartition]) -> None:
        """Forget what was fetched of these."""
        for partition in list(partitions):
            self._records.pop(partition, None)
            if self._failure and self._failure[0] == partition:
                self._failure = None

    def ready(self, paused: Collection[TopicPartition]) -> bool:
        """Return whether there is something to take."""
        return any(partition not in paused for partition in self._records)

    def take(
        self, limit: int, paused: Collection[TopicPartition]
    ) -> dict[TopicPartition, list[ConsumerRecord[Any, Any]]]:
        """Return up to `limit` records, deserialized, and keep the rest.

        A deserializer's error is raised when its record comes first; good records go before it.
        """
        self._raise_failure(paused)
        taken: dict[TopicPartition, list[ConsumerRecord[Any, Any]]] = {}
        for partition in [p for p in self._records if p not in paused]:
            if limit <= 0:
                break
            records = self._take_from(partition, limit)
            if records:
                taken[partition] = records
                limit -= len(records)
        if not taken:
            self._raise_failure(paused)
        return taken

    def _raise_failure(self, paused: Collection[TopicPartition]) -> None:
        """Raise a failure kept from an earlier take, once; its record is tried again after that."""
        if self._failure and self._failure[0] not in paused:
            error, self._failure = self._failure[1], None
            raise error

    def _take_from(self, partition: TopicPartition, limit: int) -> list[ConsumerRecord[Any, Any]]:
        waiting = self._records.pop(partition)
        records, rest = waiting[:limit], waiting[limit:]
        if self._key or self._value:
            taken = self._deserialized(partition, records)
            if len(taken) < len(records):
                return taken
            records = taken
        if rest:
            self._records[partition] = rest
        return records

    def _deserialized(
        self, partition: TopicPartition, records: list[Raw]
    ) -> list[ConsumerRecord[Any, Any]]:
        """Return the records before the first that cannot be deserialized.

        That one is fetched again, with all behind it: kept here, it would stop the fetching, and
        with it the heartbeats and the other partitions, for as long as nobody seeks past it.
        """
        good: list[ConsumerRecord[Any, Any]] = []
        for record in records:
            try:
                good.append(self._convert(record))
            except Exception as error:  # noqa: BLE001 - the application's code: it gets it back
                self._failure = (partition, error)
                self._rewind(partition, record.offset)
                break
        return good

    def _convert(self, record: Raw) -> ConsumerRecord[Any, Any]:
        topic, headers = record.topic, record.headers
        changed: dict[str, Any] = {}
        if self._key:
            changed["key"] = self._key(topic, headers, record.key)
        if self._value:
            changed["value"] = self._value(topic, headers, record.value)
        return record._replace(**changed)
