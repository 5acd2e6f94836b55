"""What the append script's replies mean for a batch, each in one place."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from streamfacade.errors import (
    InvalidRecordError,
    InvalidTimestampError,
    KafkaError,
    KafkaStorageError,
    MessageSizeTooLargeError,
    NotEnoughReplicasAfterAppendError,
    UnknownError,
)
from streamfacade_redis.connection import ServerFullError

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamfacade.config import Options
    from streamfacade_redis.lanes import Batch, Lane
    from streamfacade_redis.sender import Sender

    Act = Callable[[Sender, Lane, Batch, list[Any]], None]

log = logging.getLogger(__name__)


def act(sender: Sender, lane: Lane, batch: Batch, reply: Any) -> None:
    """Do what a reply, or an error in its place, asks for."""
    if isinstance(reply, KafkaError):
        if isinstance(reply, ServerFullError):
            sender.make_room(lane)
        if reply.retriable:
            sender.try_again(lane, batch, reply)
        else:
            sender.fail(lane, batch, reply)
    else:
        _ACTS.get(reply[0], _unknown)(sender, lane, batch, reply)


def _ok(sender: Sender, lane: Lane, batch: Batch, reply: list[Any]) -> None:
    sender.stored(lane, batch, int(reply[1]), int(reply[4]) if reply[4] else None)


def _dup(sender: Sender, lane: Lane, batch: Batch, reply: list[Any]) -> None:
    sender.stored(lane, batch, int(reply[1]), None)


def _out_of_order(_sender: Sender, lane: Lane, batch: Batch, reply: list[Any]) -> None:
    """Renumber: normal behind a refused batch, but for the oldest the log has lost its end."""
    if not lane.disordered and lane.window[0] is batch:
        log.error(
            "%s-%d: the server expects sequence %s and not %d: acknowledged records were lost,"
            " probably in a failover; sending goes on",
            lane.topic, lane.partition, reply[1], batch.sequence,
        )  # fmt: skip
    lane.disordered = True


def _fenced(_sender: Sender, lane: Lane, _batch: Batch, reply: list[Any]) -> None:
    lane.epoch = max(lane.epoch, int(reply[1]))
    lane.disordered = True


def _unknown_topic(sender: Sender, lane: Lane, _batch: Batch, _reply: list[Any]) -> None:
    sender.misplaced(lane)


def _log_ahead(sender: Sender, lane: Lane, batch: Batch, reply: list[Any]) -> None:
    """Repair: somebody wrote to the log by hand, or a script was cut short."""
    log.warning("%s-%d: repairing the log: %s", lane.topic, lane.partition, reply[1])
    try:
        repaired = sender.repair(lane)
    except KafkaError as error:
        if error.retriable:
            raise
        sender.fail(lane, batch, error)
        return
    if repaired[0] == b"DAMAGED":
        msg = (
            f"{lane.topic}-{lane.partition}: an entry written by hand has used up the ids:"
            " delete the topic and create it anew"
        )
        sender.fail(lane, batch, KafkaStorageError(msg))


def _too_large(sender: Sender, lane: Lane, batch: Batch, reply: list[Any]) -> None:
    msg = f"the record exceeds max.message.bytes of topic {lane.topic}: send less or raise it"
    sender.refuse(lane, batch, int(reply[1]), MessageSizeTooLargeError(msg))


def _invalid(sender: Sender, lane: Lane, batch: Batch, reply: list[Any]) -> None:
    msg = "the record has more than 3,500 headers: Redis takes no more in one entry"
    sender.refuse(lane, batch, int(reply[1]), InvalidRecordError(msg))


def _timestamp(sender: Sender, lane: Lane, batch: Batch, reply: list[Any]) -> None:
    msg = "timestamp_ms is more than an hour ahead of the server's clock"
    sender.refuse(lane, batch, int(reply[1]), InvalidTimestampError(msg))


def _unknown(sender: Sender, lane: Lane, batch: Batch, reply: list[Any]) -> None:
    sender.fail(lane, batch, UnknownError(f"the append script answered {reply!r}"))


_ACTS: dict[bytes, Act] = {
    b"OK": _ok,
    b"DUP": _dup,
    b"OUT_OF_ORDER": _out_of_order,
    b"FENCED": _fenced,
    b"UNKNOWN_TOPIC": _unknown_topic,
    b"LOG_AHEAD": _log_ahead,
    b"TOO_LARGE": _too_large,
    b"INVALID": _invalid,
    b"TIMESTAMP": _timestamp,
}
STORED = frozenset({b"OK", b"DUP"})


def too_few_replicas(lane: Lane, reply: Any) -> NotEnoughReplicasAfterAppendError:
    """Return the error for a WAIT that ended before enough replicas had the records."""
    return NotEnoughReplicasAfterAppendError(
        f"{lane.topic} wants {lane.replicas + 1} copies (min.insync.replicas), and only"
        f" {reply!r} replicas confirmed"
    )


class Backoff:
    """Pauses between connection attempts: short first, doubling, bounded."""

    def __init__(self, options: Options) -> None:
        """Pause as the options say."""
        self._first = options.seconds("reconnect_backoff_ms")
        self._longest = options.seconds("reconnect_backoff_max_ms")
        self._pause = self._first
        self.last: KafkaError | None = None

    def next(self, error: KafkaError) -> float:
        """Return how long to pause after one more error."""
        self.last = error
        pause, self._pause = self._pause, min(self._pause * 2, self._longest)
        return pause

    def reset(self) -> None:
        """Start small again: something worked."""
        self._pause, self.last = self._first, None
