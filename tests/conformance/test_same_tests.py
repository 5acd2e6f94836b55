"""What one backend is tested for, all are."""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).parent
BACKENDS = ("memory", "redis", "kafka")


def test_every_backend_runs_the_same_tests() -> None:
    """The suite has the same tests on every backend; what one lacks is a skip by name."""
    collected = _collected()
    assert collected["memory"]
    assert collected["memory"] == collected["redis"] == collected["kafka"]


def _collected() -> dict[str, list[str]]:
    files = [str(HERE / f"test_{backend}.py") for backend in BACKENDS]
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", *files]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    tests: dict[str, list[str]] = defaultdict(list)
    for line in listed.splitlines():
        file, separator, test = line.partition("::")
        if separator:
            tests[Path(file).stem.removeprefix("test_")].append(test)
    return {backend: sorted(found) for backend, found in tests.items()}
