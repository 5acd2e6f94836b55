"""The benchmark command runs; how fast is not asserted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from redis import Redis

from benchmarks import kept
from benchmarks.measure import Row

ROOT = Path(__file__).parents[2]


def test_every_peer_runs(redis_url: str, kafka_url: str, tmp_path: Path) -> None:
    """All peers give figures or are skipped by name, and nothing stays on the server."""
    with Redis.from_url(redis_url) as client:
        before = set(client.scan_iter("bench-*"))
        found = _run(tmp_path / "figures.json", "--redis", redis_url, "--kafka", kafka_url)
        assert set(client.scan_iter("bench-*")) <= before
    assert {row["race"].split()[0] for row in found["rows"]} == {"memory", "redis", "kafka"}
    assert all(row["median"] > 0 for row in found["rows"])
    assert not {name for name in found["skipped"] if "ours" in name}


def test_only_what_matches_runs_beside_the_first(tmp_path: Path) -> None:
    """`--only` keeps what it is held against, and starts no server that is not needed."""
    found = _run(tmp_path / "figures.json", "--only", "memory produce: .*futures")
    assert [row["peer"] for row in found["rows"]] == ["list.append", "ours send() and futures"]


def test_kept_ratios_are_compared(tmp_path: Path) -> None:
    """What was written is read again; only what moved by more than 15 % is told."""
    path = tmp_path / "RESULTS.md"
    kept.write(path, [_row("steady", 1.0), _row("slower", 0.012), _row("new", 0.0)], {"n": "1"})
    now = [_row("steady", 1.1), _row("slower", 0.006), _row("newer", 5.0)]
    assert kept.moved(kept.read(path), now) == ["redis produce: slower was 0.012, is 0.006 (-50%)"]


def _row(peer: str, ratio: float) -> Row:
    return Row("redis produce", "records/s", peer, 1.0, ratio, ratio, ratio, None)


def _run(figures: Path, *arguments: str) -> Any:
    small = ["--n", "200", "--repeat", "1", "--json", str(figures)]
    command = [sys.executable, "-m", "benchmarks", *small, *arguments]
    subprocess.run(command, cwd=ROOT, check=True)  # what it says is shown if the test fails
    return json.loads(figures.read_text())
