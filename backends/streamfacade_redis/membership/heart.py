"""The thread that keeps a member alive: beats, listens for the bell, assigns when asked to."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from streamfacade.errors import KafkaError, UnknownError
from streamfacade_redis.membership import target, wire
from streamfacade_redis.membership.bell import Bell

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from streamfacade_redis.connection import Link
    from streamfacade_redis.keys import Namespace
    from streamfacade_redis.membership.state import State
    from streamfacade_redis.membership.wire import Answer, Beat, Identity

log = logging.getLogger(__name__)

_NO_ANSWER = "no answer to a heartbeat"
_NO_TOPICS = "the topics could not be read"
_NO_TARGET = "could not assign partitions"
_CLOCK = getattr(time, "CLOCK_BOOTTIME", None)


def clock() -> float:
    """Return seconds that also pass while the machine is suspended, where it can tell."""
    return time.monotonic() if _CLOCK is None else time.clock_gettime(_CLOCK)


@dataclass(frozen=True)
class Plan:
    """A heart's means: connections, who it beats for, assignors, the registry and how often."""

    new_link: Callable[[], Link]
    namespace: Namespace
    who: Identity
    strategies: Mapping[str, target.Assign]
    topics: Callable[[Collection[str]], target.Registry]
    max_age: float
    backoff: tuple[float, ...]


class Heart(threading.Thread):
    """Drives a `State`, which it shares with the polling thread under `news`.

    Only this thread does I/O; it never does so while it has `news`.
    """

    def __init__(self, state: State, news: threading.Condition, plan: Plan) -> None:
        """Prepare; nothing is connected before `start`."""
        super().__init__(name=f"streamfacade-heart-{plan.who.group}", daemon=True)
        self._state, self._news, self._plan, self._who = state, news, plan, plan.who
        self._link = plan.new_link()
        self._beat_keys = wire.heartbeat_keys(plan.namespace, plan.who.group)
        self._bell = Bell(plan.new_link(), plan.namespace.group(plan.who.group, "e"))
        self._wanted: frozenset[str] = frozenset()
        self._read_at = -inf
        self._stopping = False
        self._leaving = False
        self._troubles: set[str] = set()

    # From the polling thread, under `news`

    def want(self, topics: Collection[str]) -> None:
        """Set the topics to be a member for."""
        self._wanted = frozenset(topics)
        self.refresh()

    def refresh(self) -> None:
        """Read the registry again, now."""
        self._read_at = -inf
        self.wake()

    def wake(self) -> None:
        """Have the state's next step looked at, now."""
        self._bell.wake()

    def stop(self, *, leave: bool) -> None:
        """End the thread; with `leave` after telling the group."""
        self._stopping, self._leaving = True, leave
        self.wake()

    # The thread

    def run(self) -> None:
        """Live."""
        try:
            while not self._stopping:
                self._live()
            if self._leaving:
                self._leave()
        finally:
            self._link.close()
            self._bell.close()

    def _live(self) -> None:
        try:
            self._read_registry()
            self._beat()
            self._wait()
        except Exception as error:
            log.exception("group %s: the heartbeat thread goes on after a bug", self._who.group)
            with self._news:
                self._state.fail(UnknownError(f"heartbeat: {error!r}"))
                self._news.notify_all()
            self._bell.wait(1.0, listen=False)

    def _wait(self) -> None:
        with self._news:
            due = self._state.next_beat()
            if self._wanted:
                due = min(due, self._read_at + self._plan.max_age)
            # With Redis away, time is for the next heartbeat, not for connecting the bell too.
            listen = self._state.joined and self._link.is_open
        rung = self._bell.wait(min(due - clock(), 60.0), listen=listen)
        if rung:
            with self._news:
                self._state.rung(*rung, clock())

    def _read_registry(self) -> None:
        """Read what the wanted topics are, when that was long ago or others are wanted."""
        now = clock()
        with self._news:
            wanted = self._wanted
            if not wanted or now < self._read_at + self._plan.max_age:
                return
            self._read_at = now
        try:
            registry = self._plan.topics(wanted)
        except KafkaError as error:
            self._registry_failed(error, now)
            return
        self._fine(_NO_TOPICS)
        line = wire.subscription(wanted, list(self._plan.strategies), registry)
        with self._news:
            if wanted == self._wanted:
                self._state.want(line, clock())

    def _registry_failed(self, error: KafkaError, now: float) -> None:
        self._trouble(_NO_TOPICS, error)
        with self._news:
            self._read_at = now + min(1.0, self._plan.max_age) - self._plan.max_age
            if not error.retriable:
                self._state.fail(error)
                self._news.notify_all()

    def _beat(self) -> None:
        with self._news:
            now = clock()
            if self._stopping or now < self._state.next_beat():
                return
            beat = self._state.beat(now)
        answer = self._send(beat)
        if answer and beat.op == "join" and answer.word == "OK":
            self._list_group(f"{self._who.kind} 0")
        if answer and answer.snapshot:
            self._assign(answer.epoch, answer.snapshot)

    def _send(self, beat: Beat) -> Answer | None:
        """Send a heartbeat and give its answer, or that there is none, to the state."""
        arguments = wire.arguments(beat, self._who)
        try:
            answer = wire.answer(self._link.script("heartbeat", self._beat_keys, *arguments))
        except KafkaError as error:
            self._unanswered(beat, error)
            return None
        self._fine(_NO_ANSWER)
        with self._news:
            self._state.answered(beat, answer, clock())
            self._news.notify_all()
        return answer

    def _unanswered(self, beat: Beat, error: KafkaError) -> None:
        self._trouble(_NO_ANSWER, error)
        with self._news:
            self._state.failed(beat, clock(), self._plan.backoff)
            if not error.retriable:
                self._state.fail(error)
            self._news.notify_all()

    def _trouble(self, what: str, error: KafkaError) -> None:
        """Log the first of a row of failures."""
        level = logging.DEBUG if what in self._troubles else logging.WARNING
        log.log(level, "group %s: %s, trying on: %s", self._who.group, what, error)
        self._troubles.add(what)

    def _fine(self, what: str) -> None:
        """Log the end of a row of failures."""
        if what in self._troubles:
            self._troubles.discard(what)
            log.info("group %s: over: %s", self._who.group, what)

    def _assign(self, epoch: int, snapshot: Mapping[str, str]) -> None:
        """Compute the group's target and install it, unless the group has changed again."""
        try:
            installed = self._install(epoch, wire.lines(snapshot))
        except KafkaError as error:
            self._trouble(_NO_TARGET, error)
            return
        except Exception as error:  # noqa: BLE001 - the user's assignor may raise anything
            failure = UnknownError(f"group {self._who.group}: the assignor failed: {error!r}")
            failure.__cause__ = error
            with self._news:
                self._state.fail(failure)
                self._news.notify_all()
            return
        self._fine(_NO_TARGET)
        with self._news:
            self._state.rung(epoch, epoch if installed else 0, clock())

    def _install(self, epoch: int, members: Mapping[str, wire.Line]) -> bool:
        started = time.monotonic()
        registry = self._plan.topics(frozenset().union(*(m.topics for m in members.values())))
        shared = target.common(members)
        targets = target.compute(members, registry, self._plan.strategies[shared[0]])
        keys = wire.install_keys(self._plan.namespace, self._who.group)
        pairs = [word for pair in targets.items() for word in pair]
        reply = self._link.script("install", keys, epoch, ",".join(shared), *pairs)
        log.info(
            "group %s: assigned %d partitions to %d members by %s in %.0f ms: %s",
            self._who.group, sum(len(t.split()) for t in targets.values()), len(targets),
            shared[0], 1000 * (time.monotonic() - started), reply[0].decode().lower(),
        )  # fmt: skip
        return bool(reply[0] == b"INSTALLED")

    def _leave(self) -> None:
        """Say good-bye once; if nobody hears it, the session's end will do."""
        with self._news:
            if not self._state.joined:
                return
            beat = self._state.leave(clock())
        answer = self._send(beat)
        if answer and answer.detail == "0":
            self._list_group(f"{self._who.kind} {int(time.time() * 1000)}")

    def _list_group(self, line: str) -> None:
        """Keep the list of groups, by which empty ones are found and expire."""
        try:
            self._link.call("HSET", self._plan.namespace.groups, self._who.group, line)
        except KafkaError as error:
            log.warning("group %s: not in the list of groups: %s", self._who.group, error)
