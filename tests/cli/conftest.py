"""The program, run in this process against every backend."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from click.testing import CliRunner

from streamfacade.cli import _server, main

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

    Run = Callable[..., Result]


@pytest.fixture(params=["memory", "redis", "kafka"])
def url(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give a server; run in this process, the program may use memory too."""
    if request.param != "memory":
        return str(request.getfixturevalue(f"{request.param}_url"))
    monkeypatch.setattr(_server, "process_local", lambda _url: False)
    return f"memory://{uuid4().hex}"


@pytest.fixture
def alone() -> Run:
    """Run the program without a server: `alone("version")`."""

    def run(*arguments: str, **options: Any) -> Result:
        nowhere = {"STREAMFACADE_URL": None, "REDIS_URL": None}
        return CliRunner(env=nowhere).invoke(main, arguments, **options)

    return run


@pytest.fixture
def run(url: str, alone: Run) -> Run:
    """Run the program on the server: `run("topics", input=b"")`."""
    return lambda *arguments, **options: alone("--url", url, *arguments, **options)


@pytest.fixture
def topic(run: Run) -> str:
    """Make a topic of three partitions."""
    name = f"t-{uuid4().hex}"
    assert run("topics", "create", name, "--partitions", "3").exit_code == 0
    return name


@pytest.fixture
def read(run: Run, topic: str) -> Callable[[], list[dict[str, Any]]]:
    """Return all records of the topic, by partition and offset."""

    def records() -> list[dict[str, Any]]:
        found = list(map(json.loads, run("consume", topic, "--json").stdout.splitlines()))
        return sorted(found, key=lambda record: (record["partition"], record["offset"]))

    return records
