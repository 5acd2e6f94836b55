"""Safeguards switched off, one at a time, and what the simulation must then see."""

from __future__ import annotations

from dataclasses import dataclass, field

from streamfacade_redis.membership.state import State
from tests.redis.membership.simulation import BROKEN, ORDINARY


class NoLease(State):
    """Believes in its partitions until the group says otherwise."""

    def holds_lease(self, now):
        """Say so."""
        return True

    def _check_lease(self, now):
        pass


class KeepsFences(State):
    """Drops its partitions when the lease lapses, and does not release them."""

    def _check_lease(self, now):
        before = set(self._releases)
        super()._check_lease(now)
        self._releases = before


@dataclass(frozen=True)
class Ablation:
    """What is switched off, and the count that must then be above that of the whole protocol."""

    caught_by: str
    faults: tuple[str, ...] = ORDINARY
    swaps: dict[str, dict[str, str]] = field(default_factory=dict)
    state: type[State] = State
    allowed: int = 0


def _heartbeat(before: str, after: str = "") -> dict[str, dict[str, str]]:
    return {"heartbeat": {before: after}}


def _fence(before: str, after: str = "") -> dict[str, dict[str, str]]:
    return {"fence": {before: after}}


ABLATIONS = {
    "no lease at the client": Ablation("two at once", state=NoLease),
    "a lapsed member keeps its fences": Ablation("rewind", state=KeepsFences),
    "no counter of commits": Ablation("rewind", swaps=_fence(" and counter > counted")),
    "a fence that is written blindly": Ablation(
        "zombie commit",
        swaps=_fence("elseif fence < held or (fence == held and ", "elseif false and ("),
    ),
    "release by absence": Ablation(
        "two at once", swaps=_heartbeat("if released[grant] then", "if not wanted[partition] then")
    ),
    "grants without waiting for the owner": Ablation(
        "two at once", swaps=_heartbeat("if call('HGET', OWNERS, partition) then", "if false then")
    ),
    "Redis's time as the clock": Ablation(
        "answer UNKNOWN",
        ("outage", "join"),
        _heartbeat("clock + math.min(math.max(now - last, 0), clamp)", "now"),
        allowed=10,  # two outages in a row outlast a session
    ),
    "numbers that start at one and do not heal": Ablation(
        "refused",
        (*ORDINARY, *BROKEN),
        {
            "heartbeat": {
                "{kind, now, now, now,": "{kind, 1, 1, 1,",
                "if seen > n then n = seen end": "",
            }
        },
        allowed=100,
    ),
}
