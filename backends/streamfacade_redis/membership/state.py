"""What a member knows and does next. Pure: no threads, no I/O, time is an argument.

The simulation drives this very class in virtual time. Two rules carry the safety:

* A partition is worked on only under a lease: the last answered heartbeat was *sent* less than a
  session ago. A lapsed lease drops everything, and all of it is released before any is owned again,
  so that a fence never comes back to life.
* A partition is given back only by naming its fence in a heartbeat, after work on it has ended.
"""

from __future__ import annotations

import logging
from enum import Enum
from math import inf
from typing import TYPE_CHECKING

from streamfacade.errors import (
    FencedInstanceIdError,
    InconsistentGroupProtocolError,
    KafkaError,
    UnknownError,
)
from streamfacade_redis.membership.wire import Answer, Beat, Owned, Turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Tell = Callable[[int, str], None]

WAITING_INTERVAL = 0.3
"""Between heartbeats while others still hold what is to be ours."""

UNSTABLE_INTERVAL = 1.0
"""Between heartbeats while a target is being computed: who computes it may have died."""


class Phase(Enum):
    """Where a partition stands between the group and the polling thread."""

    GRANTED = "not yet told"
    RUNNING = "in the hands of the polling thread"
    REVOKED = "to be given back, not yet told"
    STOPPING = "told to give it back"


class State:
    """One consumer's membership, through all its incarnations."""

    def __init__(
        self,
        new_id: Callable[[], str],
        *,
        session: float,
        interval: float,
        max_poll_interval: float = inf,
        tell: Tell = lambda _level, _text: None,
    ) -> None:
        """Start outside of the group; `tell` is given what an operator would want to read."""
        self._new_id = new_id
        self._session, self._interval = session, interval
        self._max_poll_interval = max_poll_interval
        self._tell = tell
        self.member_id = new_id()
        self.epoch = -1
        self.joined = False
        self._error: KafkaError | None = None
        self._subscription = ""
        self._version = self._known_version = 0
        self._held: dict[Owned, Phase] = {}
        self._lost: set[Owned] = set()
        self._releases: set[Owned] = set()
        self._seen = 0
        self._settled = 0
        self._beat: Beat | None = None
        self._lease_start = -inf
        self._polled = inf
        self._next = -inf
        self._failures = 0
        self._shut_out = False

    # What the polling thread asks and says

    def want(self, subscription: str, now: float) -> None:
        """Set what this member wants; '' means nothing yet."""
        if subscription == self._subscription:
            return
        self._subscription = subscription
        self._version += 1
        self._polled = now if self._polled == inf else self._polled
        self._next = now

    def turn(self, now: float) -> Turn:
        """Return what the polling thread must hear, once."""
        self._check_lease(now)
        self._polled = now
        if self._shut_out and not self._error:
            self._shut_out, self._next = False, now
        turn = Turn(
            frozenset(self._lost), self._moved(Phase.REVOKED, Phase.STOPPING),
            self._moved(Phase.GRANTED, Phase.RUNNING),
        )  # fmt: skip
        self._lost.clear()
        for verb, partitions in (("revoked", turn.revoked), ("granted", turn.granted)):
            if partitions:
                self._tell(logging.INFO, f"{self.member_id}: {verb} {_places(partitions)}")
        if not any(turn):
            self._raise_error()
        return turn

    def _raise_error(self) -> None:
        """Raise the error: one that shut this member out stays, another is shown once."""
        error = self._error
        if not self._shut_out:
            self._error = None
        if error:
            raise error

    def _moved(self, before: Phase, after: Phase) -> frozenset[Owned]:
        moved = frozenset(owned for owned, phase in self._held.items() if phase is before)
        self._held.update(dict.fromkeys(moved, after))
        return moved

    def has_news(self, now: float) -> bool:
        """Return whether `turn` has something to say."""
        self._check_lease(now)
        untold = (Phase.REVOKED, Phase.GRANTED)
        news = self._lost or self._error or any(p in untold for p in self._held.values())
        return bool(news or self._shut_out)

    def holds_lease(self, now: float) -> bool:
        """Return whether all that the polling thread was given is still ours.

        A lease that lapsed and was renewed meanwhile does not count: what was held under the
        former one is lost, and the polling thread has not heard so yet.
        """
        return now - self._lease_start < self._session and not self._lost

    def released(self, partitions: Iterable[Owned], now: float) -> None:
        """Give back what the polling thread has stopped to work on."""
        for owned in partitions:
            self._let_go(owned)
        self._next = now

    def refused(self, owned: Owned, fence: int, now: float) -> None:
        """Give back what somebody with a higher fence has."""
        self._seen = max(self._seen, fence)
        self._let_go(owned)
        self._next = now
        self._tell(logging.WARNING, f"{owned.place} was refused: {owned.fence} is below {fence}")

    def _let_go(self, owned: Owned) -> None:
        self._held.pop(owned, None)
        self._lost.discard(owned)
        self._releases.add(owned)

    @property
    def at_rest(self) -> bool:
        """Whether the target of the present epoch is reached and told."""
        running = all(phase is Phase.RUNNING for phase in self._held.values())
        return self.joined and self._settled == self.epoch and running

    # What the heart asks and says

    def next_beat(self) -> float:
        """Return when the next heartbeat is due."""
        idle = self._shut_out or (not self.joined and not self._subscription)
        return inf if idle else self._next

    def beat(self, now: float) -> Beat:
        """Return the heartbeat to send; the one before it, if unanswered, is abandoned."""
        self._check_lease(now)
        if self.joined and now - self._polled > self._max_poll_interval:
            return self._give_up(now)
        changed = self._version != self._known_version
        new = f"{self._version} {self._subscription}" if changed else ""
        releases = frozenset(self._releases)
        settled = 0 if releases or new else self._settled
        op = "hb" if self.joined else "join"
        self._beat = Beat(now, op, self.member_id, new, releases, self._seen, settled)
        self._next = now + self._interval
        return self._beat

    def _give_up(self, now: float) -> Beat:
        self._tell(
            logging.WARNING,
            f"no poll for {self._max_poll_interval:.0f} s (max_poll_interval_ms): leaving the group"
            " until the next one; take fewer records at once (max_poll_records)",
        )
        self._beat = beat = Beat(now, "leave", self.member_id)
        self._start_anew("max_poll_interval_ms")
        self._shut_out = True
        return beat

    def leave(self, now: float) -> Beat:
        """Return the heartbeat that leaves; what was held is lost, a later one joins anew."""
        self._tell(logging.INFO, f"{self.member_id} leaves")
        self._beat = beat = Beat(now, "leave", self.member_id)
        self._start_anew()
        return beat

    def failed(self, beat: Beat, now: float, backoff: tuple[float, ...]) -> None:
        """Take note that a heartbeat got no answer: whether it was executed is unknown.

        `backoff`: how long to wait before the next one, at first and at most.
        """
        if beat is not self._beat:
            return
        self._beat = None
        self._settled = 0  # the next connection may lead to a server that lost some writes
        pause = min(backoff[0] * 2 ** min(self._failures, 20), backoff[-1], self._interval)
        self._failures += 1
        self._next = now + pause

    def answered(self, beat: Beat, answer: Answer, now: float) -> None:
        """Act on an answer, unless its heartbeat was abandoned."""
        if beat is not self._beat:
            return
        self._beat = None
        self._failures = 0
        if beat.op == "leave":
            return
        if answer.word in ("OK", "SAME"):
            self._alive(beat, answer, now)
        elif answer.word == "UNKNOWN":
            self._start_anew("expelled, or the group was lost: joining again")
            self._next = now
        else:
            self._fail(_refusal(answer))

    def _alive(self, beat: Beat, answer: Answer, now: float) -> None:
        self._lease_start = beat.sent
        if beat.subscription:
            self._known_version = int(beat.subscription.partition(" ")[0])
        self._releases -= beat.releases
        if not self.joined:
            self.joined = True
            self._tell(logging.INFO, f"joined as {self.member_id}")
        interval = self._interval
        if answer.word == "OK":
            interval = self._adopt(answer)
        soon = min(beat.sent + interval, now + max(answer.earliest, 0.01))
        again = self._releases or self._version != self._known_version
        self._next = now if again else soon
        self._check_lease(now)

    def _adopt(self, answer: Answer) -> float:
        """Bring what is held in line with the group; return the interval until the next beat."""
        self.epoch = answer.epoch
        self._take(answer.assigned - self._releases)
        self._return(answer.giving_back - self._releases)
        gone = {o for o in self._held if o not in answer.assigned | answer.giving_back}
        self._lose(gone, "taken away")
        settled = answer.stable and not answer.waiting
        self._settled = answer.epoch if settled else 0
        if settled:
            return self._interval
        pause = WAITING_INTERVAL if answer.waiting else UNSTABLE_INTERVAL
        return min(pause, self._interval)

    def _take(self, assigned: frozenset[Owned]) -> None:
        for owned in assigned:
            phase = self._held.get(owned, Phase.GRANTED)
            self._held[owned] = Phase.RUNNING if phase is Phase.REVOKED else phase

    def _return(self, giving_back: frozenset[Owned]) -> None:
        for owned in giving_back:
            phase = self._held.get(owned, Phase.GRANTED)
            if phase is Phase.GRANTED:
                self._let_go(owned)
            elif phase is Phase.RUNNING:
                self._held[owned] = Phase.REVOKED

    def rung(self, epoch: int, target: int, now: float) -> None:
        """Hear the bell; it also rings for what does not concern this member."""
        if not (self.joined and self._settled == epoch == target):
            self._next = min(self._next, now)

    def fail(self, error: KafkaError) -> None:
        """Show the application an error once; membership goes on."""
        self._error = self._error or error

    def _fail(self, error: KafkaError) -> None:
        self._start_anew(f"out of the group: {error}")
        self._error, self._shut_out = error, True

    def _check_lease(self, now: float) -> None:
        if self._held and now - self._lease_start >= self._session:
            held = set(self._held)
            self._lose(held, "the session is over, nobody answered in time")
            self._releases |= held
            self._next = min(self._next, now)

    def _start_anew(self, why: str = "") -> None:
        if why:
            self._tell(logging.WARNING, f"{self.member_id}: {why}")
        self._lose(set(self._held))
        self._releases.clear()
        self.joined, self.epoch, self._settled, self._known_version = False, -1, 0, 0
        self._lease_start = -inf
        self.member_id = self._new_id()

    def _lose(self, partitions: set[Owned], why: str = "") -> None:
        self._lost |= {o for o in partitions if self._held[o] is not Phase.GRANTED}
        self._held = {o: p for o, p in self._held.items() if o not in partitions}
        if partitions and why:
            self._tell(logging.WARNING, f"lost {_places(partitions)}: {why}")


def _places(partitions: Iterable[Owned]) -> str:
    return ", ".join(f"{o.topic}-{o.partition}" for o in sorted(partitions))


def _refusal(answer: Answer) -> KafkaError:
    if answer.word == "FENCED_INSTANCE":
        return FencedInstanceIdError("another consumer with this group_instance_id has joined")
    if answer.word == "TYPE":
        return InconsistentGroupProtocolError(f"the group is of type {answer.detail}")
    if answer.word == "PROTOCOL":
        return InconsistentGroupProtocolError(
            f"the group's members share {answer.detail}, this one has no such strategy"
        )
    return UnknownError(f"heartbeat answered {answer.word}")
