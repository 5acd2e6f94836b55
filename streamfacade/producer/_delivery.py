"""What became of records: from the driver's reports to callbacks, futures and figures.

Reports come by the batch, so metadata is built by the batch: `tuple.__new__` over zipped columns
makes a named tuple without a Python call for each (20-30 % faster than the constructor).
"""

from __future__ import annotations

import logging
from collections import Counter
from itertools import repeat
from typing import TYPE_CHECKING

from streamfacade.structs import RecordMetadata, TopicPartition

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streamfacade.driver import Outgoing
    from streamfacade.structs import Headers

log = logging.getLogger(__name__)


class Delivery:
    """The `Report` of one producer. Runs on the driver's background thread."""

    def __init__(self, *, acknowledged: bool) -> None:
        """Start with all figures at zero. Unacknowledged records have offset -1 everywhere."""
        self._acknowledged = acknowledged
        self.totals: Counter[str] = Counter()

    def __call__(
        self,
        topic: str,
        partition: int,
        records: Sequence[Outgoing],
        offsets: Sequence[int],
        timestamps: Sequence[int],
        error: BaseException | None,
    ) -> None:
        """Tell everybody who waits for these records."""
        self.totals["failed" if error else "delivered"] += len(records)
        if error is not None:
            offsets, timestamps = repeat(-1, len(records)), repeat(-1, len(records))  # type: ignore[assignment] # zip takes any iterable
        elif not self._acknowledged:
            offsets = repeat(-1, len(records))  # type: ignore[assignment] # the same
        keys, values, headers, _, targets = zip(*records, strict=True)
        if not any(targets):
            return
        columns = zip(
            repeat(topic), repeat(partition), repeat(TopicPartition(topic, partition)),
            offsets, timestamps, repeat(None),
            _sizes(keys), _sizes(values),
            map(_header_size, headers) if any(headers) else repeat(-1),
        )  # fmt: skip
        for target, metadata in zip(
            targets, map(tuple.__new__, repeat(RecordMetadata), columns), strict=True
        ):
            if target is not None:
                try:
                    target(error, metadata)
                except Exception:
                    log.exception("a delivery callback raised; the record itself is settled")


def _sizes(column: Sequence[bytes | None]) -> Iterator[int]:
    """Return a column's sizes: at C speed where, as nearly always, it has no None."""
    if None in column:
        return map(_size, column)
    return map(len, column)  # type: ignore[arg-type] # no None in it


def _size(data: bytes | None) -> int:
    return -1 if data is None else len(data)


def _header_size(headers: Headers | None) -> int:
    if not headers:
        return -1
    return sum(len(name.encode()) + len(value) for name, value in headers)
