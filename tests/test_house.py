"""The house rules that a linter does not know."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib.metadata import EntryPoint, distribution
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
SHIPPED = sorted(
    path for part in ("streamfacade", "backends") for path in (ROOT / part).rglob("*.py")
)
ALL = [
    *SHIPPED,
    *(p for part in ("tests", "examples", "benchmarks") for p in (ROOT / part).rglob("*.py")),
]
LONGEST_FILE = 450  # the guide is 400
LONGEST_BODY = 40
CLIENTS = ["redis", "hiredis", "confluent_kafka"]


def test_import_contracts() -> None:
    """The rooms import each other only downwards (the contracts are in pyproject.toml)."""
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_files_are_short() -> None:
    """No shipped file is much longer than 400 lines."""
    lengths = {path: len(path.read_text().splitlines()) for path in SHIPPED}
    assert [f"{_name(p)}: {n}" for p, n in lengths.items() if n > LONGEST_FILE] == []


def test_functions_are_short() -> None:
    """No function's body, its docstring aside, is longer than 40 lines."""
    bodies = [(path, function) for path in SHIPPED for function in _functions(path)]
    assert [f"{_name(p)}: {f.name}" for p, f in bodies if _body_lines(f) > LONGEST_BODY] == []


def test_nobody_imports_the_folder_backends() -> None:
    """`backends` is a folder: imported as a package it would load a second copy of a driver."""
    assert [_name(path) for path in ALL if "backends" in _imported(path)] == []


def test_every_test_states_a_fact() -> None:
    """Every test has a docstring."""
    tests = [(p, f) for p in ALL for f in _functions(p) if f.name.startswith("test_")]
    assert [f"{_name(p)}: {f.name}" for p, f in tests if not ast.get_docstring(f)] == []


def test_backends_are_registered() -> None:
    """Every URL scheme has its entry point."""
    assert sorted(_backends()) == ["kafka", "memory", "redis", "rediss"]


@pytest.mark.parametrize("scheme", ["kafka", "memory", "redis", "rediss"])
def test_backends_load(scheme: str) -> None:
    """An entry point leads to the function that opens the driver."""
    assert callable(_backends()[scheme].load())


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("streamfacade", [*CLIENTS, "click", "rich", "pytest"]),
        ("streamfacade.cli", [*CLIENTS, "pytest"]),
        ("streamfacade.testing.memory", [*CLIENTS, "click", "rich", "pytest"]),
        ("streamfacade_redis", ["confluent_kafka", "click", "rich"]),
        ("streamfacade_kafka", ["redis", "click", "rich"]),
    ],
)
def test_imports_are_light(module: str, absent: list[str]) -> None:
    """Importing a room loads no library that only another room needs."""
    program = f"import sys, {module}; print(*set(sys.modules) & set({absent}))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


def _backends() -> dict[str, EntryPoint]:
    points = distribution("streamfacade").entry_points
    return {point.name: point for point in points if point.group == "streamfacade.backends"}


def _functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, kinds))


def _body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def _imported(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    return {name.partition(".")[0] for name in names}


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))
