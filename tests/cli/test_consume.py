"""`streamfacade consume`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from uuid import uuid4

import pytest

from streamfacade import Consumer
from streamfacade.cli import _reading

PROGRAM = [sys.executable, "-m", "streamfacade.cli"]


@pytest.fixture
def filled(run, topic):
    """Give a topic with the values 0 to 9 in partition 0."""
    lines = [json.dumps({"key": "k", "value": str(n), "partition": 0}) for n in range(10)]
    assert run("produce", topic, "--json", input="\n".join(lines)).exit_code == 0
    return topic


@pytest.fixture
def group():
    """Name a group of the test's own."""
    return f"g-{uuid4().hex}"


@pytest.fixture
def values(run, filled):
    """Consume the filled topic: `values("--max", "3")` returns what was printed, as numbers."""

    def consumed(*options):
        result = run("consume", filled, *options)
        assert (result.exit_code, result.stderr) == (0, "")
        return [int(line) for line in result.stdout.split()]

    return consumed


def test_from_the_beginning_to_the_end(values):
    """Without options everything is printed, then it ends."""
    assert values() == values("--from", "beginning") == list(range(10))


def test_an_empty_topic(run, topic):
    """Nothing to print is fine, and takes no waiting."""
    began = time.monotonic()
    result = run("consume", topic)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    assert time.monotonic() - began < _reading._SILENCE


def test_from_an_offset(values):
    """An offset is where reading starts; beyond the end it is the end."""
    assert values("--from", "7") == [7, 8, 9]
    assert values("--from", "70") == []


def test_from_the_end(values):
    """From the end there is nothing to print."""
    assert values("--from", "end") == []


def test_max(values):
    """--max ends after so many records, or where there are no more."""
    assert values("--max", "3") == [0, 1, 2]
    assert values("--max", "300") == list(range(10))


def test_bytes_stay_bytes(run, topic):
    """A value is printed as it is, with its key before a separator."""
    run("produce", topic, "--key-separator", ":", input=b"k:\xff\x00\n")
    assert run("consume", topic).stdout_bytes == b"\xff\x00\n"
    assert run("consume", topic, "--key-separator", "\\t").stdout_bytes == b"k\t\xff\x00\n"


def test_json_has_where_and_when(run, filled):
    """A JSON line has every field of its record."""
    record = json.loads(run("consume", filled, "--json", "--max", "1").stdout)
    age = time.time() * 1000 - record.pop("timestamp_ms")
    assert 0 <= age < 60_000
    assert record == {
        "topic": filled, "partition": 0, "offset": 0, "key": "k", "value": "0", "headers": {},
    }  # fmt: skip


def test_several_topics(run, filled):
    """All topics that are named are read."""
    other = f"{filled}-2"
    run("produce", other, input="v")
    assert sorted(run("consume", filled, other).stdout.split()) == [*map(str, range(10)), "v"]


def test_a_group_goes_on_where_it_left_off(run, filled, values, group):
    """What was printed for a group is committed, exactly."""
    assert values("--group", group, "--max", "4") == [0, 1, 2, 3]
    assert values("--group", group) == [4, 5, 6, 7, 8, 9]
    assert values("--group", group) == []
    run("produce", filled, "--json", input='{"value": "10", "partition": 1}')
    assert values("--group", group) == [10]


def test_a_group_is_moved_by_from(values, group):
    """--from moves the group, and from there it goes on."""
    assert values("--group", group, "--from", "8") == [8, 9]
    assert values("--group", group, "--from", "beginning", "--max", "2") == [0, 1]
    assert values("--group", group, "--max", "2") == [2, 3]
    assert values("--group", group, "--from", "end") == []
    assert values("--group", group) == list(range(4, 10))


def test_without_a_group_nothing_is_committed(values):
    """Two runs without a group print the same."""
    assert values("--max", "3") == values("--max", "3")


def test_an_unknown_topic_fails(run, filled):
    """A topic that does not exist is a failure, and reading makes none."""
    result = run("consume", filled, "nobody-made-this")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: no topic nobody-made-this\n"
    assert "nobody-made-this" not in run("topics").stdout


@pytest.mark.parametrize("options", [["--from", "start"], ["--from", "-1"], ["--max", "0"], []])
def test_wrong_usage(alone, options):
    """A place that is none, no records at all, or no topic is wrong usage."""
    result = alone("--url", "redis://nowhere", "consume", *(["t"] if options else []), *options)
    assert result.exit_code == 2


def test_an_end_without_records(run, filled, monkeypatch):
    """Where the last offsets hold no records it ends after a silence, and says so."""
    ends = Consumer.end_offsets
    beyond = {"end_offsets": lambda *a: {p: end + 1 for p, end in ends(*a).items()}}
    monkeypatch.setattr(Consumer, "end_offsets", beyond["end_offsets"])
    monkeypatch.setattr(_reading, "_SILENCE", 1)
    result = run("consume", filled)
    assert (result.exit_code, len(result.stdout.split())) == (0, 10)
    assert result.stderr == "ended before the end: nothing came for 1 seconds\n"


def test_a_group_whose_partitions_are_taken(url, run, group, monkeypatch):
    """A member for which no partition is left fails instead of ending as if all were read."""
    topic = f"t-{uuid4().hex}"
    run("topics", "create", topic, "--partitions", "1")
    monkeypatch.setattr(_reading, "_JOINING", 2)
    with Consumer(topic, bootstrap_servers=url, group_id=group) as owner:
        deadline = time.monotonic() + 30
        while not owner.assignment() and time.monotonic() < deadline:
            owner.poll(200)
        result = run("consume", topic, "--group", group)
    assert (result.exit_code, "other members" in result.stderr) == (1, True)


@pytest.fixture(params=["redis", "kafka"])
def served(request):
    """Give the environment of a program of its own, and a topic with two records."""
    url = request.getfixturevalue(f"{request.param}_url")
    env = {**os.environ, "STREAMFACADE_URL": url, "TOPIC": f"t-{uuid4().hex}"}
    send = [*PROGRAM, "produce", env["TOPIC"]]
    subprocess.run(send, env=env, input=b"one\ntwo\n", capture_output=True, check=True)
    return env


def test_follow_until_ctrl_c(served):
    """--follow prints records as they come; Ctrl-C ends it cleanly with 130."""
    follow = [*PROGRAM, "consume", served["TOPIC"], "--follow", "--group", served["TOPIC"]]
    with subprocess.Popen(
        follow, env=served, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as reader:
        assert [reader.stdout.readline() for _ in range(2)] == [b"one\n", b"two\n"]
        send = [*PROGRAM, "produce", served["TOPIC"]]
        subprocess.run(send, env=served, input=b"three", capture_output=True, check=True)
        assert reader.stdout.readline() == b"three\n"
        time.sleep(1)  # the commit comes after the line
        reader.send_signal(signal.SIGINT)
        assert reader.communicate(timeout=20) == (b"", b"")
    assert reader.returncode == 130
    again = [*PROGRAM, "consume", served["TOPIC"], "--group", served["TOPIC"]]
    assert subprocess.run(again, env=served, capture_output=True, check=True).stdout == b""


def test_a_broken_pipe_is_quiet(served):
    """A reader that goes away ends it without a word, and its group has not read the record."""
    consume = [*PROGRAM, "consume", served["TOPIC"], "--group", served["TOPIC"]]
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        done = subprocess.run(
            consume, env=served, stdout=closed, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, done.stderr) == (1, b"")
    again = subprocess.run(consume, env=served, capture_output=True, check=True)
    assert again.stdout == b"one\ntwo\n"


def test_the_program_lists_on_a_server(served):
    """Run on its own, the program reads the server from the environment."""
    listed = subprocess.run([*PROGRAM, "topics"], env=served, capture_output=True, check=True)
    assert f"{served['TOPIC']}\t1" in listed.stdout.decode().splitlines()
