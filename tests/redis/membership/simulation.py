"""Members, pauses, crashes, outages, late and lost requests in virtual time.

The scripts run on a real Redis, the members decide by the `State` that ships, and the simulation
watches from above: who works on what, and what is committed.
"""

from __future__ import annotations

import heapq
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

from streamfacade.errors import KafkaError
from streamfacade_redis.membership.state import State
from streamfacade_redis.membership.wire import Identity
from tests.redis.membership.world import SESSION, World, ids

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamfacade_redis.connection import Link
    from streamfacade_redis.keys import Namespace
    from streamfacade_redis.membership.wire import Answer, Beat, Owned

INTERVAL, TIMEOUT = 3.0, 5.0
GROUP = "g"
ORDINARY = ("pause", "crash", "join", "leave", "stuck", "drop", "outage", "restart")
BROKEN = ("jump", "loss", "failover")
"""Faults against which exclusive ownership is not promised for a session's time."""


@dataclass
class Case:
    """What happens and which safeguards are off."""

    seed: int
    hours: float
    faults: tuple[str, ...] = ORDINARY
    swaps: dict[str, dict[str, str]] = field(default_factory=dict)
    state: type[State] = State
    partitions: int = 4


class Simulation:
    """One run."""

    def __init__(self, link: Link, namespace: Namespace, case: Case) -> None:
        self.case, self.faults = case, case.faults
        self.random = Random(case.seed)
        self.world = World(link, namespace, case.partitions, case.swaps)
        self.now, self.end, self.quiet = 0.0, case.hours * 3600, False
        self.outage_until = self.grace_until = 0.0
        self.queue: list[tuple[float, int, Callable[..., Any], tuple[Any, ...]]] = []
        self.count = 0
        self.members: list[SimulatedMember] = []
        self.seen: Counter[str] = Counter()
        self.examples: dict[str, Any] = {}
        self.order: dict[tuple[Owned, str], int] = {}
        self.claimed: Counter[int] = Counter()
        self.last: Counter[int] = Counter()
        self.heard: bytes = b""
        self.kept: list[Any] = []

    def note(self, what: str, *details: Any) -> None:
        """Count an event, and keep the first as an example."""
        self.seen[what] += 1
        self.examples.setdefault(what, (round(self.now, 3), *details))

    def after(self, delay: float, action: Callable[..., Any], *arguments: Any) -> None:
        """Have something happen later."""
        self.count += 1
        heapq.heappush(self.queue, (self.now + delay, self.count, action, arguments))

    @property
    def alive(self) -> list[SimulatedMember]:
        """Members that did not crash or leave."""
        return [member for member in self.members if member.alive]

    def run(self) -> Counter[str]:
        """Let it happen; then let all faults end, and see that every partition is worked on."""
        for _ in range(3):
            self.after(self.random.uniform(0, 2), self.spawn)
        self.after(5, self.trouble)
        while self.queue:
            at, _, action, arguments = heapq.heappop(self.queue)
            if at > self.end:
                if self.quiet:
                    break
                self.calm_down(at)
            self.now = at
            action(*arguments)
        self.see_who_works()
        return self.seen

    def calm_down(self, at: float) -> None:
        """End all faults, and give the group six sessions to recover."""
        self.quiet, self.outage_until = True, 0.0
        self.end = at + 6 * SESSION
        for member in self.alive:
            member.paused_until = min(member.paused_until, at)

    def see_who_works(self) -> None:
        """Count partitions that do not have exactly one owner in the end."""
        for partition in range(self.case.partitions):
            workers = [m.name for m in self.alive if partition in m.working]
            if self.alive and len(workers) != 1:
                self.note("unowned", partition, workers)

    def spawn(self, instance: str = "") -> None:
        """Start a member."""
        self.members.append(SimulatedMember(self, instance))

    def trouble(self) -> None:
        """Do something bad, now and then."""
        if self.quiet:
            return
        weights = {
            "pause": 25, "crash": 10, "join": 20, "leave": 7, "restart": 6, "outage": 8,
            "jump": 6, "loss": 4, "failover": 4,
        }  # fmt: skip
        fault = self.random.choices(list(weights), list(weights.values()))[0]
        if fault in self.faults:
            getattr(self, f"_{fault}")()
        if not self.alive:
            self.spawn()
        self.after(self.random.uniform(3, 40), self.trouble)

    def _pause(self) -> None:
        if self.alive:
            member = self.random.choice(self.alive)
            member.paused_until = max(member.paused_until, self.now + self.random.uniform(5, 120))

    def _crash(self) -> None:
        if self.alive:
            self.random.choice(self.alive).alive = False

    def _join(self) -> None:
        if len(self.alive) < 5:
            self.spawn(self.random.choice(["", "", f"instance-{len(self.members)}"]))

    def _leave(self) -> None:
        if len(self.alive) > 1:
            self.random.choice(self.alive).leave()

    def _restart(self) -> None:
        static = [member for member in self.alive if member.who.instance]
        if static:
            old = self.random.choice(static)
            old.alive = False
            self.after(self.random.uniform(0.1, 60), self.spawn, old.who.instance)

    def _outage(self) -> None:
        self.outage_until = self.now + self.random.uniform(20, 120)

    def _jump(self) -> None:
        self.world.skew += self.random.choice((-600, -30, 20, 60, 600))
        self.grace_until = self.now + SESSION + 10

    def _loss(self) -> None:
        self.world.forget(GROUP)
        self.grace_until = self.now + SESSION + 10

    def _failover(self) -> None:
        """Keep a copy of the group, and let it take over some seconds later."""
        kept = self.world.keep(GROUP)
        self.after(self.random.uniform(0.5, 8), self._promote, kept)

    def _promote(self, kept: list[Any]) -> None:
        self.world.fail_over(kept)
        self.grace_until = self.now + SESSION + 10
        for member in self.members:
            member.disconnected = True

    def send(self, execute: Callable[[], Any], answered: Callable[[Any], None]) -> None:
        """Carry a request: sometimes late, sometimes lost, sometimes only its answer is."""
        delay = self.random.uniform(0.001, 0.03)
        lossy = "drop" in self.faults and not self.quiet
        if "stuck" in self.faults and not self.quiet and self.random.random() < 0.04:
            delay = self.random.uniform(1, 90)
        if lossy and self.random.random() < 0.01:
            return
        answer_lost = lossy and self.random.random() < 0.01

        def arrive() -> None:
            if self.now < self.outage_until:
                return
            answer = execute()
            if not answer_lost:
                self.after(self.random.uniform(0.001, 0.03), answered, answer)

        self.after(delay, arrive)

    def ring(self) -> None:
        """Let members hear the bell, if it rang since the last look."""
        rung = self.world.rings(GROUP)
        if rung and rung[0] != self.heard:
            self.heard = rung[0]
            for member in self.alive:
                self.after(self.random.uniform(0.001, 0.01), member.hear, rung[1])

    def beat(self, beat: Beat, who: Identity) -> Answer:
        """Execute a heartbeat, and number the grants in the order they were made."""
        answer = self.world.heartbeat(beat, who, self.now)
        self.note(f"answer {answer.word}")
        for owned in sorted(answer.assigned, key=lambda o: o.fence):
            self.order.setdefault((owned, beat.member), len(self.order) + 1)
        if answer.word != "SAME":
            self.ring()
        return answer

    def claim(self, owned: Owned, member: str) -> tuple[str, int]:
        """Execute a claim."""
        word, value = self.world.fence(GROUP, "claim", owned, member)
        if word == "OK":
            place = owned.partition
            self.claimed[place] = max(self.claimed[place], self.order.get((owned, member), 0))
        else:
            self.note("refused")
        return word, value

    def commit(self, owned: Owned, member: str, offset: int, counter: int) -> tuple[str, int]:
        """Execute a commit, and judge it if it was stored."""
        word, value = self.world.fence(GROUP, "commit", owned, member, offset, counter)
        if word == "OK" and value == offset:
            if self.order.get((owned, member), 0) < self.claimed[owned.partition]:
                self.note("zombie commit", owned, member)
            if offset < self.last[owned.partition]:
                self.note("rewind", owned, member, offset, self.last[owned.partition])
            self.last[owned.partition] = offset
        elif word != "OK":
            self.note("refused")
        return word, value


@dataclass
class Work:
    """A partition in a polling thread's hands."""

    owned: Owned
    position: int = -1
    stopping: bool = False


class SimulatedMember:
    """A consumer: a heart and a polling thread around a `State`."""

    def __init__(self, world: Simulation, instance: str) -> None:
        self.sim, self.random = world, world.random
        self.name = f"m{next(ids)}"
        self.who = Identity(GROUP, instance, "{}", SESSION)
        self.state = world.case.state(
            lambda: f"{self.name}-{next(ids)}", session=SESSION, interval=INTERVAL
        )
        self.state.want(world.world.subscription(), world.now)
        self.alive, self.paused_until, self.disconnected = True, 0.0, False
        self.pending: Beat | None = None
        self.counter = 0
        self.works: dict[int, Work] = {}
        self.live()
        self.poll()

    @property
    def working(self) -> set[int]:
        """Partitions whose records are being handed out."""
        return {p for p, work in self.works.items() if work.position >= 0 and not work.stopping}

    def paused(self, again: Callable[..., Any], *arguments: Any) -> bool:
        """Return whether the process does not run; then `again` is called when it does."""
        if self.sim.now < self.paused_until and self.alive:
            delay = self.paused_until - self.sim.now + self.random.uniform(0.0001, 0.01)
            self.sim.after(delay, again, *arguments)
        return self.sim.now < self.paused_until or not self.alive

    # The heart

    def live(self) -> None:
        """Beat when it is time."""
        if self.paused(self.live):
            return
        now = self.sim.now
        if self.pending and now - self.pending.sent >= TIMEOUT:
            self.state.failed(self.pending, now, (0.05, 30.0))
            self.pending = None
        if not self.pending and now >= self.state.next_beat():
            self.beat(now)
        self.sim.after(self.random.uniform(0.02, 0.06), self.live)

    def beat(self, now: float) -> None:
        """Send a heartbeat."""
        beat = self.pending = self.state.beat(now)
        if self.disconnected:
            self.disconnected, self.pending = False, None
            self.state.failed(beat, now, (0.05, 30.0))
            return
        self.sim.send(lambda: self.sim.beat(beat, self.who), lambda a: self.answered(beat, a))

    def answered(self, beat: Beat, answer: Answer) -> None:
        """Hear an answer, if it is still waited for."""
        if beat is not self.pending or self.paused(self.answered, beat, answer):
            return
        self.pending = None
        self.state.answered(beat, answer, self.sim.now)
        if answer.snapshot:
            targets = self.sim.world.targets(answer.snapshot)
            self.sim.send(lambda: self.install(answer.epoch, targets), lambda _word: None)

    def install(self, epoch: int, targets: dict[str, str]) -> None:
        """Execute an installation."""
        self.sim.note(self.sim.world.install(GROUP, epoch, targets))
        self.sim.ring()

    def hear(self, rung: tuple[int, int]) -> None:
        """Hear the bell."""
        if not self.paused(self.hear, rung):
            self.state.rung(*rung, self.sim.now)

    # The polling thread

    def poll(self) -> None:
        """Take a turn, and work."""
        if self.paused(self.poll):
            return
        try:
            turn = self.state.turn(self.sim.now)
        except KafkaError as error:  # fenced by its own instance: an application ends then
            self.sim.note(type(error).__name__)
            self.alive = False
            return
        for owned in turn.lost:
            self.drop(owned)
        for owned in turn.revoked:
            self.stop(owned)
        for owned in turn.granted:
            self.works[owned.partition] = Work(owned)
            self.claim(owned)
        self.sim.after(self.random.uniform(0.001, 0.2), self.hand_out)

    def hand_out(self) -> None:
        """Work on what was fetched, which took a while."""
        if not self.paused(self.hand_out):
            self.work()
            self.sim.after(0.1, self.poll)

    def drop(self, owned: Owned) -> None:
        """Forget a partition, if it is still the one of that fence."""
        work = self.works.get(owned.partition)
        if work and work.owned == owned:
            del self.works[owned.partition]

    def claim(self, owned: Owned) -> None:
        """Claim, until it is answered."""
        work = self.works.get(owned.partition)
        if not self.alive or not work or work.owned != owned or work.position >= 0:
            return
        member = self.state.member_id
        self.sim.send(lambda: self.sim.claim(owned, member), lambda a: self.claimed(owned, a))
        self.sim.after(TIMEOUT, self.claim, owned)

    def claimed(self, owned: Owned, answer: tuple[str, int]) -> None:
        """Start to work from the committed offset, or hear that somebody is ahead."""
        work = self.works.get(owned.partition)
        if not work or work.owned != owned or work.position >= 0:
            return
        if self.paused(self.claimed, owned, answer):
            return
        if answer[0] == "OK":
            work.position = max(0, answer[1])
        else:
            self.refused(owned, answer)

    def refused(self, owned: Owned, answer: tuple[str, int]) -> None:
        """Give up a partition that somebody with a higher fence has."""
        if answer[0] != "OK" and self.works.get(owned.partition, Work(owned, -2)).owned == owned:
            self.drop(owned)
            self.state.refused(owned, answer[1], self.sim.now)

    def work(self) -> None:
        """Hand records out, while the lease holds, and commit now and then."""
        for partition, work in list(self.works.items()):
            if partition not in self.working or not self.state.holds_lease(self.sim.now):
                continue
            self.look_around(partition, work)
            work.position += self.random.randint(0, 5)
            if self.random.random() < 0.1:
                self.commit(work, lambda a, owned=work.owned: self.refused(owned, a))

    def look_around(self, partition: int, work: Work) -> None:
        """Note when another process works on the same partition at the same time."""
        now = self.sim.now
        for other in self.sim.alive:
            if other is self or partition not in other.working or now < other.paused_until:
                continue
            if other.state.holds_lease(now):
                when = "two at once" if now > self.sim.grace_until else "two after a fault"
                self.sim.note(when, work.owned, other.works[partition].owned)

    def commit(self, work: Work, answered: Callable[[Any], None]) -> None:
        """Send a commit."""
        self.counter += 1
        owned, member = work.owned, self.state.member_id
        offset, counter = work.position, self.counter
        self.sim.send(lambda: self.sim.commit(owned, member, offset, counter), answered)

    def stop(self, owned: Owned) -> None:
        """Commit a last time, then give back; do not wait for ever."""
        work = self.works.get(owned.partition)
        if not work or work.owned != owned:
            self.state.released([owned], self.sim.now)
            return
        started, work.stopping = work.position >= 0, True

        def done(*_: Any) -> None:
            if self.works.get(owned.partition) is work and not self.paused(done):
                self.drop(owned)
                self.state.released([owned], self.sim.now)

        if started:
            self.commit(work, done)
        self.sim.after(TIMEOUT if started else 0.001, done)

    def leave(self) -> None:
        """Leave and be gone."""
        self.works.clear()
        with suppress(KafkaError):
            beat = self.state.leave(self.sim.now)
            self.sim.send(lambda: self.sim.beat(beat, self.who), lambda _answer: None)
        self.alive = False
