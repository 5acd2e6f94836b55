"""What a consumer asks the server about topics and their logs, whether it reads them or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamfacade.consumer import _arguments as check

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamfacade.consumer._reader import Reader
    from streamfacade.driver import ConsumerDriver
    from streamfacade.structs import (
        OffsetAndMetadata,
        OffsetAndTimestamp,
        OffsetSpec,
        TopicPartition,
    )


class Lookups:
    """Questions to the driver, one at a time with the reading."""

    def __init__(self, driver: ConsumerDriver, reader: Reader) -> None:
        """Ask that driver."""
        self._driver, self._reader = driver, reader

    def ends(
        self, partitions: object, spec: OffsetSpec, timeout: float
    ) -> dict[TopicPartition, int]:
        """Return the first or the next offset of each partition."""
        found = self.offsets(dict.fromkeys(check.partitions(partitions), int(spec)), timeout)
        return {p: o.offset for p, o in found.items() if o is not None}

    def offsets(
        self, wanted: Mapping[TopicPartition, int], timeout: float
    ) -> dict[TopicPartition, OffsetAndTimestamp | None]:
        """Return offsets by `OffsetSpec` or timestamp."""
        if not wanted:
            return {}
        with self._reader.lock:
            return self._driver.list_offsets(wanted, timeout)

    def topics(self, timeout: float) -> dict[str, int]:
        """Return all topics with their number of partitions."""
        with self._reader.lock:
            return self._driver.topics(timeout)

    def committed(self, partition: TopicPartition, timeout: float) -> OffsetAndMetadata | None:
        """Return what the group has stored for a partition."""
        with self._reader.lock:
            return self._driver.committed([check.partition(partition)], timeout)[partition]
