"""Kafka's default limits, for backends that have to keep them themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamfacade.errors import InvalidPartitionsError, OffsetMetadataTooLargeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamfacade.structs import OffsetAndMetadata, TopicPartition

_LONGEST_NOTE = 4095  # offset.metadata.max.bytes is 4096, and Kafka 4.3 refuses just that


def check_notes(offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
    """Refuse a commit whose metadata is too long.

    Raises:
        OffsetMetadataTooLargeError: 4,096 bytes or more in UTF-8.

    """
    for partition, offset in offsets.items():
        if len((offset.metadata or "").encode()) > _LONGEST_NOTE:
            msg = f"the metadata of {partition} exceeds {_LONGEST_NOTE} bytes"
            raise OffsetMetadataTooLargeError(msg)


_MOST_PARTITIONS = 10_000  # each is five keys on Redis, created one by one


def check_partitions(count: int) -> None:
    """Refuse a number of partitions that a topic cannot have; -1 means the server's default.

    Raises:
        InvalidPartitionsError: 0, below -1, or more than 10,000.

    """
    if count == 0 or not -1 <= count <= _MOST_PARTITIONS:
        msg = f"a topic has 1 to {_MOST_PARTITIONS} partitions, not {count}"
        raise InvalidPartitionsError(msg)
