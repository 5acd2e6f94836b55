"""The program for kafka-python and its port."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

PORT = Path(__file__).parents[2] / "examples" / "port"
BEFORE, AFTER = PORT / "before.py", PORT / "after.py"

EXPECTED = """\
created the topic
stored at [('cellar', [0, 1]), ('kitchen', [0]), ('roof', [0, 1])] failed []
the last reading is at 2
watching [0, 1, 2]
no longer watching [0, 1, 2]
cellar [12, 13] fine
kitchen [22] fine
roof [31, 35, 28] too hot
committed [2, 1, 3]
end [2, 1, 3]
read again 6
"""


def run(program, server, topic):
    """Run a program and return what it prints."""
    command = [sys.executable, program, server, topic]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_one_word_is_the_difference():
    """The port is the program with the word kafka replaced, and nothing else."""
    assert BEFORE.read_text().replace("kafka", "streamfacade") == AFTER.read_text()


def test_the_difference_is_in_import_lines():
    """Only lines that import from kafka differ."""
    lines = zip(BEFORE.read_text().splitlines(), AFTER.read_text().splitlines(), strict=True)
    changed = [before for before, after in lines if before != after]
    assert changed
    assert all(line.startswith("from kafka") for line in changed)


@pytest.mark.parametrize("backend", ["memory", "redis", "kafka"])
def test_the_port_runs_everywhere(request, backend):
    """The port does the same on every backend."""
    server = "memory://"
    if backend != "memory":
        server = request.getfixturevalue(f"{backend}_url")
    assert run(AFTER, server, f"rooms-{uuid4().hex}") == EXPECTED


@pytest.mark.skipif(not importlib.util.find_spec("kafka"), reason="kafka-python is not installed")
def test_the_original_does_the_same(kafka_url):
    """On kafka-python the program prints what its port prints."""
    server = kafka_url.removeprefix("kafka://")
    assert run(BEFORE, server, f"rooms-{uuid4().hex}") == EXPECTED


def test_a_second_run_goes_on(monkeypatch, capsys):
    """The port finds its topic and goes on at its group's commit."""
    spec = importlib.util.spec_from_file_location("after", AFTER)
    port = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(port)
    for _ in range(2):
        port.main(f"memory://{__name__}", "rooms")
    shown = capsys.readouterr().out
    assert "the topic is there" in shown
    assert shown.count("roof [31, 35, 28] too hot") == 2
    assert shown.endswith("read again 12\n")
