"""The member that dies: a process that is killed, or, in memory, one that falls silent.

`python -m examples.demo.victim URL TOPIC GROUP` is that process.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from examples.demo.clients import PARTITIONS, open_consumer, read
from streamfacade import ConsumerRecord

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

    from typing_extensions import Self

    from examples.demo.clients import Record
    from examples.demo.flights import Flight
    from streamfacade import Consumer

UNCOMMITTED = 50
ROOT = Path(__file__).parents[2]


class Report(NamedTuple):
    """What the victim has done."""

    owned: list[int]
    records: list[Record]


class Victim:
    """One that works until it is half done, then waits for its death."""

    how: str

    def __init__(self, url: str, topic: str, group: str) -> None:
        """Prepare; nobody is in the group before `work`."""
        self._args = (url, topic, group)
        self._stack = ExitStack()

    def work(self) -> Report:
        """Read half of an equal share, and commit all of it but the last records."""
        raise NotImplementedError

    def die(self) -> None:
        """Say good-bye to nobody."""

    def __enter__(self) -> Self:
        """Return the victim."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Tidy up."""
        self._stack.close()


class Process(Victim):
    """A process of its own."""

    how = "by SIGKILL"

    def __init__(self, url: str, topic: str, group: str) -> None:
        """Start it; when we end, it ends."""
        super().__init__(url, topic, group)
        command = [sys.executable, "-m", __name__, url, topic, group]
        self._process = self._stack.enter_context(
            subprocess.Popen(  # noqa: S603 - ourselves
                command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        )
        self._stack.callback(self._process.kill)

    def work(self) -> Report:
        """Wait for the report."""
        assert self._process.stdout
        partitions, records = json.loads(self._process.stdout.readline())
        return Report(partitions, [ConsumerRecord(*record) for record in records])

    def die(self) -> None:
        """Have the process killed."""
        self._process.kill()


class Silence(Victim):
    """A member in this process that is never polled again, nor closed, as far as its group sees."""

    how = "by silence"

    def work(self) -> Report:
        """Work in the calling thread."""
        return work(self._stack.enter_context(open_member(*self._args)))


def choose(url: str) -> type[Victim]:
    """In memory everything is one process: nobody can be killed there."""
    return Silence if url.startswith("memory") else Process


def session_ms(url: str) -> int:
    """How soon a dead member is missed: Kafka as delivered allows no less."""
    return 6000 if url.startswith("kafka") else 1500


def open_member(url: str, topic: str, group: str) -> Consumer[str, Flight]:
    """Open a member that is missed soon: when its heartbeats stop, or its polls."""
    session = session_ms(url)
    intervals: dict[str, Any] = {
        "session_timeout_ms": session,
        "heartbeat_interval_ms": 500,  # Kafka tells a member of a rebalance when it beats
        "max_poll_interval_ms": session,
    }
    return open_consumer(url, topic, group_id=group, **intervals)


def owned(member: Consumer[str, Flight]) -> list[int]:
    """Return the numbers of a member's partitions."""
    return sorted(partition.partition for partition in member.assignment())


def work(member: Consumer[str, Flight]) -> Report:
    """Wait for half of the partitions, then read half of what is in them."""
    while len(member.assignment()) != PARTITIONS // 2:
        member.poll(50)
    member.seek_to_beginning()  # while alone in the group it may have read what is another's now
    half = sum(member.end_offsets(list(member.assignment())).values()) // 2
    records = read(member, half - UNCOMMITTED)
    member.commit()
    return Report(owned(member), records + read(member, UNCOMMITTED))


def main() -> None:
    """Work, report, and wait: for a kill, or for the end of who started us."""
    member = open_member(*sys.argv[1:])
    print(json.dumps(work(member)), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
