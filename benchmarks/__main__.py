"""Measure streamfacade beside its peers and print ratios."""

from __future__ import annotations

import argparse
import json
from contextlib import ExitStack
from itertools import chain, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import brokers, kept, races, report
from benchmarks.measure import Runner
from benchmarks.versions import versions
from tests.brokers import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.measure import Row
    from benchmarks.races import Race

    Make = Callable[[ExitStack, str], list[Race]]
    Find = Callable[[ExitStack, str | None], str | Unavailable]

RESULTS = Path(__file__).with_name("RESULTS.md")


class Run:
    """One run: its servers, its races, and what it found."""

    def __init__(self, asked: argparse.Namespace, stack: ExitStack) -> None:
        self._asked = asked
        self._stack = stack
        self.skipped: dict[str, str] = {}
        self._urls: dict[str, str] = {}
        self._races = self._all_races()
        self.rows: list[Row] = []

    def _all_races(self) -> list[Race]:
        """Return what is wanted, Redis and Kafka in turn."""
        memory = races.memory(self._stack)
        redis = self._on("redis", brokers.redis, races.redis)
        kafka = self._on("kafka", brokers.kafka, races.kafka)
        found = [*memory, *filter(None, chain(*zip_longest(redis, kafka)))]
        return self._wanted(found)

    def _on(self, name: str, find: Find, make: Make) -> list[Race]:
        """Return the races on one server, which is brought only if any of them is wanted."""
        if not self._wanted(make(ExitStack(), "")):
            return []
        url = find(self._stack, getattr(self._asked, name))
        if isinstance(url, Unavailable):
            self.skipped[name] = str(url)
            return []
        self._urls[name] = url
        return make(self._stack, url)

    def _wanted(self, found: Sequence[Race]) -> list[Race]:
        kept = [race.only(self._asked.only) for race in found]
        return [race for race in kept if race.peers]

    def measure(self, progress: Progress) -> None:
        """Run the races."""
        steps = sum(len(race.peers) for race in self._races) * (self._asked.repeat + 1)
        task = progress.add_task("", total=steps)
        runner = Runner(self._races, lambda t: progress.update(task, advance=1, description=t))
        self.rows = runner.run(self._asked.n, self._asked.repeat)
        self.skipped |= runner.skipped

    def facts(self) -> dict[str, str]:
        """Return what the figures depend on."""
        sizes = {"records": str(self._asked.n), "rounds": str(self._asked.repeat)}
        brought = "kafka" in self._urls and not self._asked.kafka
        return versions(self._urls.get("redis"), our_kafka=brought) | sizes


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what the arguments say."""
    asked = _parser().parse_args(arguments)
    with ExitStack() as stack:
        with _progress() as progress:
            run = Run(asked, stack)
            run.measure(progress)
        _tell(asked, run)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    add = parser.add_argument
    add("--redis", metavar="URL", help="use this Redis instead of one of our own")
    add("--kafka", metavar="URL", help="use this Kafka instead of one of our own")
    add("--only", metavar="PATTERN", default="", help="as in 'redis consume: ours'")
    add("--n", type=int, default=300_000, help="records of a run; slow peers get a part")
    add("--repeat", type=int, default=3, metavar="R", help="rounds (default: %(default)s)")
    add("--json", type=Path, metavar="FILE", help="write all figures there")
    add("--save", action="store_true", help="keep the ratios in RESULTS.md")
    add("--compare", action="store_true", help="say which ratios moved by more than 15 %%")
    return parser


def _progress() -> Progress:
    columns = (
        BarColumn(20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    return Progress(*columns, console=Console(stderr=True))


def _tell(asked: argparse.Namespace, run: Run) -> None:
    console = Console(highlight=False)
    report.show(console, run.rows, run.skipped)
    if asked.compare:
        for line in kept.moved(kept.read(RESULTS), run.rows) or ["nothing moved"]:
            console.print(line)
    if asked.save:
        kept.write(RESULTS, run.rows, run.facts())
    if asked.json:
        found = {"facts": run.facts(), "rows": [row.as_json() for row in run.rows]}
        asked.json.write_text(json.dumps(found | {"skipped": run.skipped}, indent=2))


if __name__ == "__main__":
    main()
