"""Members come, go, die and freeze at random, and the group does its work."""

from __future__ import annotations

import random
import threading
import time

import pytest

from tests.groups import verdict
from tests.groups.conftest import PARTITIONS
from tests.groups.crew import SESSION

MOST = 10
LEAST = 2


class Fire:
    """One random action after another."""

    def __init__(self, crew, seed):
        self._crew = crew
        self._dice = random.Random(seed)
        self._thaws = []

    def burn(self, seconds):
        """Do as chance will have it; thaw everybody in the end."""
        end = time.monotonic() + seconds
        pause = threading.Event()
        while time.monotonic() < end:
            self._act()
            pause.wait(self._dice.uniform(0.1, 0.8))
            self._thaw(time.monotonic())
        self._thaw(float("inf"))

    def _act(self):
        actions = [self._crew.join, self._leave, self._kill, self._freeze, self._freeze]
        awake = [member for member in self._crew.living if not member.is_frozen]
        if len(awake) <= LEAST:
            actions = [self._crew.join]
        elif len(self._crew.living) >= MOST:
            actions.remove(self._crew.join)
        action = self._dice.choice(actions)
        action() if action == self._crew.join else action(self._dice.choice(awake))

    def _leave(self, member):
        member.leave()

    def _kill(self, member):
        member.kill()

    def _freeze(self, member):
        member.freeze()
        length = self._dice.choice([0.3, 1.0]) * self._dice.uniform(1, 2) * SESSION
        self._thaws.append((time.monotonic() + length, member))

    def _thaw(self, now):
        for due, member in list(self._thaws):
            if due <= now:
                member.thaw()
                self._thaws.remove((due, member))


def burn(field, backend, seed, seconds):
    """Set fire to a group, and judge; return what there was to count."""
    field.crew.join(4)
    field.crew.shares(PARTITIONS)
    Fire(field.crew, seed).burn(seconds)
    field.crew.join()
    found, duplicates = field.finish()
    zombies = verdict.late(found)
    if backend == "redis":
        assert not zombies
    verdict.check_only_thawed(zombies, field.crew)
    print(f"{len(field.crew.members)} members, {duplicates} duplicates, late: {zombies}")


@pytest.mark.parametrize(("seed", "automatic"), [(1, False), (2, True)])
def test_a_group_under_fire(field, url, backend, seed, automatic):
    """Joins, leaves, kills and freezes lose nothing, and move no commit back."""
    burn(field(url, enable_auto_commit=automatic), backend, seed, 6)


@pytest.mark.soak
@pytest.mark.parametrize("automatic", [False, True])
@pytest.mark.parametrize("seed", range(10, 20))
def test_a_long_fire(field, url, backend, seed, automatic):
    """Half a minute of it, with ten seeds, is no different."""
    burn(field(url, enable_auto_commit=automatic), backend, seed, 30)
