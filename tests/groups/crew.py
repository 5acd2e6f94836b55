"""The members of one group, as the test sees them: processes to start, freeze and kill."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from streamfacade.testing.harness import until

ROOT = Path(__file__).parents[2]
SESSION = 1.5


class Line(NamedTuple):
    """One line of a diary."""

    when: float
    what: str
    rest: list[str]


class Member:
    """One process, and what it has written."""

    def __init__(self, order, folder, number):
        self.name = f"member-{number}"
        self.lines: list[Line] = []
        self.frozen: list[tuple[float, float]] = []
        self.killed = False
        self._read = 0
        self._diary = folder / f"{self.name}.diary"
        self._errors = folder / f"{self.name}.errors"
        self._diary.touch()
        order = {**order, "diary": str(self._diary)}
        command = [sys.executable, "-m", "tests.groups.member", json.dumps(order)]
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(command, cwd=ROOT, stderr=errors)

    def __repr__(self):
        return self.name

    def look(self):
        """Read what is new in the diary, and return all of it."""
        with self._diary.open("rb") as file:
            file.seek(self._read)
            whole = file.read().rpartition(b"\n")[0]
        self._read += len(whole) + 1 if whole else 0
        for line in whole.decode().splitlines():
            when, what, *rest = line.split(" ")
            self.lines.append(Line(float(when), what, rest))
        return self.lines

    def said(self, what):
        """Return the lines of one kind."""
        return [line for line in self.look() if line.what == what]

    def owned(self):
        """Return the partitions it has, as far as it has said."""
        mine: set[str] = set()
        for line in self.look():
            if line.what == "assigned":
                mine.update(line.rest)
            elif line.what in ("revoked", "lost"):
                mine.difference_update(line.rest)
        return mine

    @property
    def alive(self):
        """Whether it runs or is frozen."""
        return self._process.poll() is None

    def kill(self):
        """SIGKILL."""
        self.killed = True
        self._process.kill()
        self._process.wait()

    def freeze(self):
        """SIGSTOP."""
        self._process.send_signal(signal.SIGSTOP)
        self.frozen.append((time.monotonic(), float("inf")))

    def thaw(self):
        """SIGCONT."""
        if self.is_frozen:
            self.frozen[-1] = (self.frozen[-1][0], time.monotonic())
            self._process.send_signal(signal.SIGCONT)

    @property
    def is_frozen(self):
        """Whether it waits for `thaw`."""
        return bool(self.frozen) and self.frozen[-1][1] == float("inf")

    def leave(self):
        """SIGTERM: it closes its consumer; one that has only just started is given its time."""
        until(lambda: self.said("ready") or not self.alive, f"{self} is up")
        self._process.terminate()

    def end(self):
        """See that it left in good order, unless it was killed."""
        assert self._process.wait(20) == 0 or self.killed, self._errors.read_text()[-3000:]


class Crew:
    """All that ever were in the group."""

    def __init__(self, url, topic, group, folder, **options):
        self._order = {
            "topic": topic,
            "stuck_in": "",
            "batch": 20,
            "options": {
                "bootstrap_servers": url,
                "group_id": group,
                "session_timeout_ms": int(SESSION * 1000),
                "heartbeat_interval_ms": 500,
                "auto_offset_reset": "earliest",
                "enable_auto_commit": False,
                "auto_commit_interval_ms": 200,
                **options,
            },
        }
        self._folder = folder
        self.members: list[Member] = []

    def join(self, count=1, **order):
        """Start members, return the last."""
        for _ in range(count):
            order = {**self._order, **order}
            self.members.append(Member(order, self._folder, len(self.members)))
        return self.members[-1]

    @property
    def living(self):
        """Those that run or are frozen."""
        return [member for member in self.members if member.alive]

    def count(self):
        """How many records were handed out."""
        return sum(len(member.said("got")) for member in self.members)

    def moves(self, records=100):
        """Wait until so many more records were handed out."""
        goal = self.count() + records
        until(lambda: self.count() >= goal, f"{records} more records are read")

    def shares(self, partitions):
        """Wait until the living have each partition once, and each of them some."""

        def settled():
            owned = [member.owned() for member in self.living]
            everything = sorted(partition for own in owned for partition in own)
            return all(owned) and everything == [str(p) for p in range(partitions)]

        until(settled, f"{len(self.living)} members share {partitions} partitions")

    def end(self):
        """Have all leave in good order."""
        for member in self.living:
            member.thaw()
            member.leave()
        for member in self.members:
            member.end()

    def close(self):
        """Leave no process behind."""
        for member in self.living:
            member.kill()
