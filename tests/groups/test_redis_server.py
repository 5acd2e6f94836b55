"""A Redis that freezes, dies, forgets and hangs up under a group."""

from __future__ import annotations

import random
import threading
import time

import pytest
import redis

from streamfacade.testing.harness import until
from tests.groups import verdict
from tests.groups.conftest import PARTITIONS
from tests.groups.crew import SESSION


@pytest.fixture
def server(private_redis):
    """Start a Redis that keeps what it acknowledged."""
    return private_redis(aof=True)


@pytest.fixture
def laid(field, server):
    """Give a group of three at work."""
    laid = field(server.url)
    laid.crew.join(3)
    laid.crew.shares(PARTITIONS)
    laid.crew.moves()
    return laid


@pytest.fixture
def raw(server):
    """Give a human's connection."""
    with redis.Redis(port=server.port) as client:
        yield client


def ids(crew):
    """Return under how many names each has been a member."""
    return [len(member.said("joined")) for member in crew.members]


def test_a_server_that_freezes(laid, server):
    """Away for two sessions, the server expels nobody when it is back, and all go on."""
    crew = laid.crew
    server.freeze()
    threading.Event().wait(2 * SESSION)  # that is how long it is away
    server.thaw()
    crew.shares(PARTITIONS)
    for member in crew.members:
        before = len(member.said("got"))
        until(lambda m=member, b=before: len(m.said("got")) > b + 10, "it reads on")
    found, _ = laid.finish()
    assert ids(crew) == [1, 1, 1]
    assert not verdict.late(found)


def test_a_server_that_dies(laid, server):
    """Killed and started again, with what it acknowledged, the server goes on where it was."""
    for _ in range(2):
        server.kill()
        server.start()
        laid.crew.moves()
    laid.crew.shares(PARTITIONS)
    found, _ = laid.finish()
    assert ids(laid.crew) == [1, 1, 1]
    assert not verdict.late(found)


def test_a_server_that_hangs_up_and_forgets(laid, raw):
    """Lost connections and lost scripts cost no member its place."""
    dice, end = random.Random(3), time.monotonic() + 4
    while time.monotonic() < end:
        harm = dice.choice([lambda: raw.client_kill_filter(_type="normal"), raw.script_flush])
        harm()
        laid.crew.moves(5)
    laid.crew.shares(PARTITIONS)
    found, _ = laid.finish()
    assert ids(laid.crew) == [1, 1, 1]
    assert not verdict.late(found)


@pytest.mark.parametrize("parts", ["hmdoe", "h", "m", "d"])
def test_a_group_that_is_wiped_out(laid, raw, parts):
    """Whatever keys of its group vanish, the members find together again; no commit goes back."""
    raw.delete(*(f"sf:g:{{{laid.group}}}:{part}" for part in parts))
    newcomer = laid.crew.join()
    until(newcomer.owned, "there is a share for a newcomer")
    laid.crew.members[0].kill()
    laid.crew.shares(PARTITIONS)
    found, _ = laid.finish()
    assert all(zombie.over < SESSION for zombie in verdict.late(found))
