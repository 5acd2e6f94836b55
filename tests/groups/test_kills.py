"""Members that die at the worst moments."""

from __future__ import annotations

from streamfacade.testing.harness import until
from tests.groups import verdict
from tests.groups.conftest import PARTITIONS


def test_a_death_in_a_rebalance(field, url):
    """Who dies while it gives up partitions, or just takes them, holds nobody up."""
    laid = field(url)
    crew = laid.crew
    giver = crew.join(stuck_in="revoked")
    crew.shares(PARTITIONS)
    taker = crew.join(stuck_in="assigned")
    until(lambda: giver.said("revoked"), "the first gives up")
    giver.kill()
    until(lambda: taker.said("assigned"), "the second takes over")
    taker.kill()
    crew.join(2)
    crew.shares(PARTITIONS)
    found, _ = laid.finish()
    assert not verdict.late(found)


def test_a_death_in_a_commit(field, url):
    """Who dies committing has committed or not; either way nothing is lost."""
    laid = field(url)
    crew = laid.crew
    crew.join(batch=1)
    for _ in range(4):
        crew.moves(40)
        victim = crew.members[-1]
        crew.join(batch=1)
        until(lambda one=victim: len(one.said("got")) > 10, "the victim commits one by one")
        victim.kill()
    crew.join(2)
    found, duplicates = laid.finish()
    assert not verdict.late(found)
    assert duplicates <= 4, "each of the dead had one record that was not committed"


def test_two_deaths_at_once(field, url):
    """Of four two die in the same moment; the others have everything one session later."""
    laid = field(url)
    crew = laid.crew
    crew.join(4)
    crew.shares(PARTITIONS)
    crew.moves()
    for victim in crew.members[:2]:
        victim.kill()
    crew.shares(PARTITIONS)
    found, duplicates = laid.finish()
    assert not verdict.late(found)
    print(f"{duplicates} duplicates")
