"""Hours of a group's life under all faults at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streamfacade_redis.keys import Namespace
from tests.redis.membership.ablations import ABLATIONS
from tests.redis.membership.simulation import BROKEN, ORDINARY, Case, Simulation

if TYPE_CHECKING:
    from streamfacade_redis.connection import Link

NEVER = ("zombie commit", "rewind", "unowned")


def _broken_rules(simulation: Simulation, rules: tuple[str, ...]) -> dict[str, object]:
    simulation.run()
    return {rule: simulation.examples[rule] for rule in rules if simulation.seen[rule]}


def _fresh(namespace: Namespace, seed: int) -> Namespace:
    return Namespace(f"{namespace.name}-{seed}")


@pytest.mark.parametrize("seed", range(4))
def test_ownership_is_exclusive(seed: int, link: Link, namespace: Namespace) -> None:
    """Pauses, crashes, outages, late requests: nobody shares, rewinds or forgets a partition."""
    simulation = Simulation(link, namespace, Case(seed, 0.5))
    assert _broken_rules(simulation, (*NEVER, "two at once")) == {}


@pytest.mark.parametrize("seed", range(2))
def test_commits_are_safe_when_redis_is_not(seed: int, link: Link, namespace: Namespace) -> None:
    """Clock steps, lost keys and failovers: no zombie commits, and every partition is owned."""
    simulation = Simulation(link, namespace, Case(seed, 0.5, (*ORDINARY, *BROKEN)))
    assert _broken_rules(simulation, NEVER) == {}


@pytest.mark.parametrize("name", ["no counter of commits", "no lease at the client"])
def test_the_simulation_sees(name: str, link: Link, namespace: Namespace) -> None:
    """Without a safeguard the simulation finds what it guards against."""
    ablation = ABLATIONS[name]
    case = Case(0, 0.5, ablation.faults, ablation.swaps, ablation.state)
    assert Simulation(link, namespace, case).run()[ablation.caught_by] > ablation.allowed


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("faults", [ORDINARY, (*ORDINARY, *BROKEN)], ids=["ordinary", "broken"])
def test_forty_hours(faults: tuple[str, ...], link: Link, namespace: Namespace) -> None:
    """The rules hold for long, except exclusiveness within a session after Redis broke."""
    for seed in range(100, 140):
        simulation = Simulation(link, _fresh(namespace, seed), Case(seed, 1.0, faults))
        assert _broken_rules(simulation, (*NEVER, "two at once")) == {}, seed


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", ABLATIONS)
def test_no_safeguard_is_for_nothing(name: str, link: Link, namespace: Namespace) -> None:
    """Each safeguard, switched off, is missed within hours of virtual time."""
    ablation = ABLATIONS[name]
    for seed in range(24):
        case = Case(seed, 1.0, ablation.faults, ablation.swaps, ablation.state)
        if (
            Simulation(link, _fresh(namespace, seed), case).run()[ablation.caught_by]
            > ablation.allowed
        ):
            return
    pytest.fail(f"nobody noticed {name}: {ablation.caught_by}")
