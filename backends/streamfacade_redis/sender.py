"""The producer's thread: sends batches, reads replies, and sees to whatever goes wrong.

One connection, pipelined: while the server works on a batch, the next is made and sent. A lane
with an unanswered batch sends another only when it is full (Nagle's rule), so batches grow with
the load and a lone record does not wait.
"""

from __future__ import annotations

import logging
import math
import threading
import time
import uuid
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

from redis import exceptions as theirs

from streamfacade.errors import (
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    UnknownTopicOrPartitionError,
)
from streamfacade_redis import replies
from streamfacade_redis.connection import NoScriptError, ServerBusyError, pack, translate
from streamfacade_redis.janitor import Janitor
from streamfacade_redis.lanes import MAX_BYTES, MAX_RECORDS, WINDOW, Batch, Lane
from streamfacade_redis.scripts import SCRIPTS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streamfacade.config import Options
    from streamfacade.driver import Outgoing, Report
    from streamfacade_redis.connection import Link

log = logging.getLogger(__name__)
_TICK = 0.1  # seconds: how soon a deadline or a close is noticed while waiting for a reply
_WAIT_SLICE = 1.0  # seconds a WAIT for replicas lasts at most, so that others are served
_TRIM = 16  # segments dropped at once when memory is full
_GRACE = 1.0  # seconds a close waits for the thread to end; an application's callback may hold it


class Unanswered(NamedTuple):
    """What the next reply on the connection is about: one append, or a WAIT over several."""

    appends: list[tuple[Lane, Batch]]
    replicas: int = 0


class Sender:
    """Everything between the lanes and the report, on a thread of its own."""

    def __init__(
        self,
        link: Link,
        options: Options,
        report: Report,
        leave: Callable[[int, int], None],
        place: Callable[[Lane], None],
        tend: Callable[[], float],
    ) -> None:
        """Send over `link`.

        `leave` gives buffer room back, `place` finds a lane's partition, `tend` does what is due
        from time to time and returns the seconds until the next.
        """
        self._link = link
        self._side = link.sibling()
        self._janitor = Janitor(self._side.script)
        self._report, self._leave, self._place, self._tend = report, leave, place, tend
        self._producer = uuid.uuid4().hex
        self._acks, self._retries = options["acks"], options["retries"]
        self._linger, self._batch_size = options.seconds("linger_ms"), options["batch_size"]
        self._delivery_limit = options.seconds("delivery_timeout_ms")
        self._request_limit = options.seconds("request_timeout_ms")
        self._wait_slice = min(_WAIT_SLICE, self._request_limit / 2, self._delivery_limit / 4)
        self._backoff = options.seconds("retry_backoff_ms")
        self._reconnecting = replies.Backoff(options)
        self.lanes: dict[tuple[str, int], Lane] = {}
        self.work = threading.Event()
        self._unanswered: deque[Unanswered] = deque()
        self._paused_until = 0.0
        self._give_up_at = math.inf
        self.thread = threading.Thread(
            target=self._run, name=f"{options['client_id']}-network-thread", daemon=True
        )

    def finish(self, timeout: float) -> None:
        """Let the thread send what is left for `timeout` seconds, fail the rest, and end."""
        self._give_up_at = time.monotonic() + timeout
        self.work.set()
        self.thread.join(timeout + _GRACE)

    # The loop

    def _run(self) -> None:
        while not (self._closing and not self._anything_left()):
            try:
                self._turn()
            except (theirs.RedisError, OSError, KafkaError) as error:
                self._start_over(translate(error, self._link.address))
            except Exception as error:
                # A defect of ours must not leave callers waiting for ever: say so and go on.
                log.exception("the sender met an error that it does not know")
                self._start_over(KafkaConnectionError(f"internal error: {error}"))
        self._link.close()
        self._side.close()

    @property
    def _closing(self) -> bool:
        return self._give_up_at < math.inf

    def _anything_left(self) -> bool:
        return any(lane.waiting or lane.window for lane in list(self.lanes.values()))

    def _turn(self) -> None:
        """Send what may be sent, then read one reply, or wait for work."""
        self._expire()
        idle = self._tend()
        self._janitor.sweep(lambda: list(self.lanes.values()))
        ready = self._ready()
        if ready:
            self._send(ready)
        if self._unanswered:
            self._receive()
        elif not ready:
            self._rest(idle)

    def _rest(self, idle: float) -> None:
        """Sleep when there is nothing to send or to read now; new records end no pause."""
        held_back = self._paused_until - time.monotonic()
        if held_back > 0 and self._anything_left():
            time.sleep(min(_TICK, held_back))
            return
        if self._anything_left():
            pause = min(_TICK, self._linger or _TICK)
        else:
            pause = 0.0 if self._closing else max(idle, 0.0)
        self.work.wait(pause)
        self.work.clear()

    # Sending

    def _ready(self) -> list[tuple[Lane, Batch]]:
        """Return what may be sent now, in order."""
        if time.monotonic() < self._paused_until:
            return []
        lanes = list(self.lanes.values())
        return [(lane, batch) for lane in lanes for batch in self._batches(lane)]

    def _batches(self, lane: Lane) -> list[Batch]:
        """Return what a lane sends now: first what must be sent again, then new batches."""
        if not (lane.to_send or lane.waiting) or not self._placed(lane):
            return []
        batches: list[Batch] = []
        while lane.unanswered + len(batches) < WINDOW:
            batch = lane.to_send.popleft() if lane.to_send else self._new_batch(lane)
            if batch is None:
                break
            batches.append(batch)
        return batches

    def _placed(self, lane: Lane) -> bool:
        if lane.keys is None:
            try:
                self._place(lane)
            except UnknownTopicOrPartitionError as error:
                self._fail_lane(lane, error)
        return lane.keys is not None

    def _new_batch(self, lane: Lane) -> Batch | None:
        if lane.disordered or lane.oldest() is None or len(lane.window) >= WINDOW:
            return None
        full = len(lane.waiting) >= MAX_RECORDS
        return lane.take() if full or (not lane.window and self._lingered(lane)) else None

    def _lingered(self, lane: Lane) -> bool:
        """Return whether what waits has waited long enough, or is worth sending, or flushed."""
        if not self._linger or self._closing:
            return True
        waiting = list(lane.waiting)
        records = [item for item in waiting if isinstance(item, tuple)]
        size = sum(size for _, size, _ in records)
        late = time.monotonic() - records[0][2] >= self._linger
        return late or len(records) < len(waiting) or size >= min(self._batch_size, MAX_BYTES)

    def _send(self, ready: list[tuple[Lane, Batch]]) -> None:
        if not self._link.is_open:
            self._link.connect()
        self._link.send(b"".join([self._packed(lane, batch) for lane, batch in ready]))
        for lane, batch in ready:
            lane.unanswered += 1
            batch.tries += 1
            batch.unsure = True
            self._unanswered.append(Unanswered([(lane, batch)]))
        if self._acks == 0:
            for lane, batch in ready:
                self._settle(lane, batch, [-1] * len(batch.records), None)
        elif self._acks == -1:
            self._ask_replicas([(lane, batch) for lane, batch in ready if lane.replicas])

    def _packed(self, lane: Lane, batch: Batch) -> bytes:
        keys: Any = lane.keys
        return pack((
            b"EVALSHA", SCRIPTS["append"].digest, 4,
            keys.state, keys.log, keys.producers, keys.segments,
            lane.topic_id, self._link.run_id, self._producer, batch.epoch, batch.sequence,
            len(batch.records), *batch.arguments,
        ))  # fmt: skip

    def _ask_replicas(self, appends: list[tuple[Lane, Batch]]) -> None:
        """Ask once for a whole round of appends whether enough replicas have them."""
        if appends:
            replicas = max(lane.replicas for lane, _ in appends)
            self._link.send(pack((b"WAIT", replicas, max(1, int(self._wait_slice * 1000)))))
            self._unanswered.append(Unanswered(appends, replicas))

    # Receiving

    def _receive(self) -> None:
        if not self._await_reply():
            return
        try:
            reply = self._link.read()
        except theirs.ResponseError as error:
            reply = translate(error, self._link.address)
        about = self._unanswered.popleft()
        if about.replicas:
            self._replicated(about, reply)
        else:
            self._answered(*about.appends[0], reply)

    def _await_reply(self) -> bool:
        """Wait for a reply; False if meanwhile nobody needs it any more."""
        since = time.monotonic()
        while not self._link.readable(_TICK):
            self._expire()
            if self._closing and not self._anything_left():
                return False
            if time.monotonic() - since > self._request_limit:
                msg = f"{self._link.address}: no answer for {self._request_limit:.1f} seconds"
                raise KafkaTimeoutError(msg)
        return True

    def _answered(self, lane: Lane, batch: Batch, reply: Any) -> None:
        if isinstance(reply, (NoScriptError, ServerBusyError)):
            raise reply  # a new connection brings the scripts, and finds out who serves now
        lane.unanswered -= 1
        if not isinstance(reply, KafkaError) and reply[0] not in replies.STORED:
            batch.base = None
        batch.unsure = batch.base is not None
        if batch in lane.window:
            replies.act(self, lane, batch, reply)
        elif isinstance(reply, KafkaError) or reply[0] not in replies.STORED:
            lane.disordered = True
        lane.restore_order()

    def stored(self, lane: Lane, batch: Batch, base: int, stamp: int | None) -> None:
        """Note that a batch is in the log; settle it unless replicas must confirm."""
        batch.base, batch.unsure = base, True
        if stamp is not None:
            batch.stamps = [stamp] * len(batch.records)
        if not lane.replicas or self._acks != -1:
            self._reconnecting.reset()
            self._settle(lane, batch, batch.offsets(), None)

    def _replicated(self, about: Unanswered, reply: Any) -> None:
        confirmed = reply if isinstance(reply, int) else 0
        for lane, batch in about.appends:
            if batch.base is None or batch not in lane.window:
                continue
            if confirmed >= lane.replicas:
                self._reconnecting.reset()
                self._settle(lane, batch, batch.offsets(), None)
            else:
                self.try_again(lane, batch, replies.too_few_replicas(lane, reply))

    # When something is wrong

    def refuse(self, lane: Lane, batch: Batch, index: int, error: KafkaError) -> None:
        """Fail one record that cannot be stored; the others of its batch go again."""
        record, stamp, size = batch.without(index)
        lane.disordered = True
        self._report(lane.topic, lane.partition, [record], [-1], [stamp], error)
        self._leave(size, 1)
        if not batch.records:
            lane.done(batch)

    def try_again(self, lane: Lane, batch: Batch, error: KafkaError) -> None:
        """Send a batch again after a pause, or fail it when its tries are used up."""
        if batch.tries > self._retries:
            self.fail(lane, batch, error)
            return
        log.warning("%s-%d: sending again: %s", lane.topic, lane.partition, error)
        self._reconnecting.last = error
        self._paused_until = time.monotonic() + self._backoff
        if batch.base is None:
            lane.disordered = True  # not stored, so what follows is out of order
        else:
            lane.to_send.append(batch)

    def fail(self, lane: Lane, batch: Batch, error: KafkaError) -> None:
        """Give a batch up. It may still be on its way: the next epoch fences it off."""
        lane.disordered = True
        self._settle(lane, batch, [-1] * len(batch.records), error)

    def misplaced(self, lane: Lane) -> None:
        """Find the partition anew: its topic was deleted, and may be another by now."""
        lane.keys = None
        lane.disordered = True

    def repair(self, lane: Lane) -> list[Any]:
        """Bring the state in line with a log that somebody else wrote to."""
        lane.disordered = True
        keys: Any = lane.keys
        return self._side.script("repair", (keys.state, keys.log), lane.topic_id)

    def make_room(self, lane: Lane) -> None:
        """Drop what retention no longer keeps: memory is full, and nobody may have looked."""
        keys: Any = lane.keys
        try:
            self._side.script(
                "trim", (keys.state, keys.log, keys.segments), lane.topic_id, -1, _TRIM
            )
        except KafkaError as error:
            log.warning("%s-%d: could not be trimmed: %s", lane.topic, lane.partition, error)

    def _expire(self) -> None:
        """Fail what is past its time: the delivery timeout, or that of a close."""
        now = time.monotonic()
        for lane in list(self.lanes.values()):
            while lane.window and self._overdue(lane.window[0].born, now):
                self.fail(lane, lane.window[0], self._expired(lane))
            while (came := lane.oldest()) is not None and self._overdue(came, now):
                batch: Any = lane.take()
                self.fail(lane, batch, self._expired(lane))
            lane.restore_order()

    def _overdue(self, came: float, now: float) -> bool:
        return now > min(came + self._delivery_limit, self._give_up_at)

    def _expired(self, lane: Lane) -> KafkaTimeoutError:
        why = f"delivery_timeout_ms is {self._delivery_limit * 1000:.0f}"
        if self._closing:
            why = "the producer was closed"
        last = f"; last error: {self._reconnecting.last}" if self._reconnecting.last else ""
        where = f"{lane.topic}-{lane.partition}"
        return KafkaTimeoutError(f"Expiring record(s) for {where}: not stored in time, {why}{last}")

    def _start_over(self, error: KafkaError) -> None:
        """Start over on a new connection: every unanswered batch goes again, in order."""
        self._link.close()
        self._unanswered.clear()
        for lane in list(self.lanes.values()):
            # With acks=0 nobody knows what arrived, so the numbers start anew.
            lane.disordered |= self._acks == 0
            lane.send_again()
        if not error.retriable:
            for lane in list(self.lanes.values()):
                self._fail_lane(lane, error)
        if self._anything_left():
            log.warning("sending pauses: %s", error)
            self._paused_until = time.monotonic() + self._reconnecting.next(error)

    def _fail_lane(self, lane: Lane, error: KafkaError) -> None:
        while lane.window or lane.oldest() is not None:
            batch: Any = lane.window[0] if lane.window else lane.take()
            self.fail(lane, batch, error)
        lane.restore_order()

    def _settle(
        self, lane: Lane, batch: Batch, offsets: Sequence[int], error: KafkaError | None
    ) -> None:
        """Report a batch, then let go of it: a flush that waits for it finds the callbacks done."""
        records: Sequence[Outgoing] = batch.records
        self._report(lane.topic, lane.partition, records, offsets, batch.stamps, error)
        self._leave(sum(batch.sizes), len(records))
        lane.done(batch)
