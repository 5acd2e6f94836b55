"""A group in virtual time: the scripts and the `State` that ship, on a clock that a test turns.

Scripts are sent as they are but for their clock, which becomes their last argument; a test may
switch off one safeguard by replacing a line of a script.
"""

from __future__ import annotations

from importlib.resources import files
from itertools import count
from typing import TYPE_CHECKING, Any

from streamfacade_redis.membership import target, wire

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamfacade_redis.connection import Link
    from streamfacade_redis.keys import Namespace
    from streamfacade_redis.membership.wire import Answer, Beat, Identity, Owned

EPOCH = 1_700_000_000
TOPIC, TOPIC_ID = "t", "1abc"
SESSION = 45.0

Swap = dict[str, str]


class World:
    """A Redis whose `heartbeat` believes in the time that it is told."""

    def __init__(
        self, link: Link, namespace: Namespace, partitions: int, swaps: Mapping[str, Swap]
    ) -> None:
        self.link, self.namespace, self.partitions = link, namespace, partitions
        self.skew = 0.0
        clock = {"call('TIME')": "{ARGV[#ARGV], 0}"}
        self._digests = {
            "heartbeat": self._load("heartbeat", {**clock, **swaps.get("heartbeat", {})}),
            "install": self._load("install", swaps.get("install", {})),
            "fence": self._load("fence", swaps.get("fence", {})),
        }
        for partition in range(partitions):
            state = namespace.partition(TOPIC, TOPIC_ID, partition).state
            link.call("HSET", state, "id", TOPIC_ID, "leo", 10**9, "start", 0, "e", "")

    def _load(self, name: str, swaps: Swap) -> Any:
        text = files("streamfacade_redis").joinpath("lua", f"{name}.lua").read_text()
        for before, after in swaps.items():
            assert before in text, f"{name}.lua has no longer: {before}"
            text = text.replace(before, after)
        return self.link.call("SCRIPT", "LOAD", text)

    @property
    def registry(self) -> dict[str, tuple[str, int]]:
        """The topic, as the registry would tell."""
        return {TOPIC: (TOPIC_ID, self.partitions)}

    def subscription(self, *strategies: str) -> str:
        """Return the line of a member that wants the topic."""
        return wire.subscription([TOPIC], strategies or ["sticky"], self.registry)

    def heartbeat(self, beat: Beat, who: Identity, now: float) -> Answer:
        """Run a heartbeat at a virtual time."""
        keys = wire.heartbeat_keys(self.namespace, who.group)
        time = f"{EPOCH + now + self.skew:.3f}"
        return wire.answer(self._run("heartbeat", keys, *wire.arguments(beat, who), time))

    def install(
        self, group: str, epoch: int, targets: Mapping[str, str], strategies: str = "sticky"
    ) -> str:
        """Install targets; return the word of the answer."""
        keys = wire.install_keys(self.namespace, group)
        words = [word for pair in targets.items() for word in pair]
        return str(self._run("install", keys, epoch, strategies, *words)[0].decode())

    def targets(self, snapshot: Mapping[str, str]) -> dict[str, str]:
        """Compute what an assignor would."""
        strategy = target.strategies("sticky")["sticky"]
        return target.compute(wire.lines(snapshot), self.registry, strategy)

    def fence(
        self, group: str, op: str, owned: Owned, member: str, offset: int = 0, counter: int = 0
    ) -> tuple[str, int]:
        """Claim or commit; return (OK, committed offset) or (FENCED, fence)."""
        keys = self.namespace.partition(TOPIC, TOPIC_ID, owned.partition)
        reply = self._run(
            "fence", (keys.state, keys.log, keys.groups),
            TOPIC_ID, group, op, member, owned.fence, counter, offset, 0, "",
        )  # fmt: skip
        return reply[0].decode(), int(reply[1])

    def rings(self, group: str) -> tuple[bytes, tuple[int, int]] | None:
        """Return the bell's last entry: its id and what it says."""
        entries = self.link.call(
            "XREVRANGE", self.namespace.group(group, "e"), "+", "-", "COUNT", 1
        )
        return (entries[0][0], wire.ring(entries[0][1])) if entries else None

    def forget(self, group: str) -> None:
        """Lose all that is known of the group but its commits."""
        self.link.call("DEL", *wire.heartbeat_keys(self.namespace, group))

    def keep(self, group: str) -> list[Any]:
        """Copy the group's keys, as a replica might have them."""
        keys = wire.heartbeat_keys(self.namespace, group)
        return [(key, self.link.call("DUMP", key)) for key in keys]

    def fail_over(self, kept: list[Any]) -> None:
        """Put a copy in the place of the group."""
        for key, dump in kept:
            self.link.call("DEL", key)
            if dump:
                self.link.call("RESTORE", key, 0, dump)

    def _run(self, name: str, keys: tuple[str, ...], *arguments: Any) -> Any:
        return self.link.call("EVALSHA", self._digests[name], len(keys), *keys, *arguments)


ids = count()
"""Numbers for member ids, which must differ through all tests."""
