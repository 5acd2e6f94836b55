"""Reading topics from a place to their end, or on and on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from streamfacade import ConsumerRebalanceListener, TopicPartition
from streamfacade.cli import _start
from streamfacade.cli._failed import Failed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streamfacade import Consumer
    from streamfacade.cli._records import Record
    from streamfacade.cli._server import Raw

_POLL_MS = 500
_BATCH = 500
_SILENCE = 10  # seconds without a record, in partitions that are ours
_JOINING = 60  # seconds without a partition: longer than the session of a dead member


class Reading:
    """One consumer on its way through topics."""

    def __init__(
        self,
        consumer: Consumer[Raw, Raw],
        topics: Sequence[str],
        start: str | int | None,
        *,
        follow: bool,
    ) -> None:
        """Subscribe or assign, and note where the end is now.

        Raises:
            Failed: a topic does not exist.

        """
        self._consumer = consumer
        partitions = [TopicPartition(t, p) for t in dict.fromkeys(topics) for p in self._of(t)]
        self._ends = None if follow else consumer.end_offsets(partitions)
        starts = {} if start is None else _start.offsets(start, consumer, partitions)
        if consumer.config["group_id"]:
            consumer.subscribe(list(topics), listener=Placing(consumer, starts))
        else:
            consumer.assign(partitions)
            for partition, offset in starts.items():
                consumer.seek(partition, offset)

    def _of(self, topic: str) -> list[int]:
        found = sorted(self._consumer.partitions_for_topic(topic))
        if not found:
            raise Failed(f"no topic {topic}")
        return found

    def batches(self, limit: int | None) -> Iterator[list[Record]]:
        """Yield the records as they come, `limit` in all."""
        left = limit
        since = time.monotonic()
        while left != 0 and not self._done(time.monotonic() - since):
            most = _BATCH if left is None else min(_BATCH, left)
            polled = self._consumer.poll(_POLL_MS, max_records=most)
            if records := [record for batch in polled.values() for record in batch]:
                yield records
                left = None if left is None else left - len(records)
                since = time.monotonic()

    def _done(self, silence: float) -> bool:
        if self._ends is None:
            return False
        mine = self._consumer.assignment()
        behind = [p for p in mine if (self._consumer.position(p) or 0) < self._ends.get(p, 0)]
        if mine and behind and silence > _SILENCE:
            # The last offsets of a log may hold no records: transactions end in markers.
            click.echo(f"ended before the end: nothing came for {_SILENCE} seconds", err=True)
            return True
        if not mine and silence > _JOINING:
            raise Failed("the group's other members have all its partitions")
        return bool(mine) and not behind


class Placing(ConsumerRebalanceListener):
    """Sends a member's partitions to their starts, each once."""

    def __init__(self, consumer: Consumer[Raw, Raw], starts: dict[TopicPartition, int]) -> None:
        """Use these starts; a partition without one starts where the group left off."""
        self._consumer = consumer
        self._starts = starts

    def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Do nothing: what was printed is committed."""

    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Go to the starts."""
        for partition in assigned & self._starts.keys():
            self._consumer.seek(partition, self._starts.pop(partition))
