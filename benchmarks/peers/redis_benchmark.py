"""Redis's own load generator: the server's limit, with clients that cost nothing."""

from __future__ import annotations

import csv
import shutil
import subprocess

from benchmarks.peer import RATE, Figures, Produces, Skipped, warm_up
from benchmarks.sample import pairs

_LEAST = 10_000


class RedisBenchmark(Produces):
    """XADD from 8 connections, 64 commands on each at a time."""

    name = "redis-benchmark XADD -P 64"

    def setup(self, count: int) -> None:
        """Find the program."""
        super().setup(count)
        self._program = shutil.which("redis-benchmark")
        if not self._program:
            raise Skipped("no redis-benchmark program here")
        if count < _LEAST:
            raise Skipped(f"its clock counts milliseconds: it needs {_LEAST} records")

    def run(self) -> Figures:
        """Let it measure itself."""
        with self.topic() as topic:
            self._rate(topic, warm_up(self.count))
            return {RATE: self._rate(topic, self.count)}

    def _rate(self, topic: str, count: int) -> float:
        key, value = next(pairs(1))
        load = ["-u", self.ground.url, "-n", str(count), "-P", "64", "-c", "8", "--csv"]
        xadd = ["XADD", topic, "*", "k", key.decode(), "v", "v" * len(value)]
        done = subprocess.run(  # noqa: S603 - our own words
            [str(self._program), *load, *xadd], capture_output=True, text=True, check=True
        )
        return float(next(csv.DictReader(done.stdout.splitlines()))["rps"])
