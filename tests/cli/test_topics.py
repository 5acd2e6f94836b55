"""`streamfacade topics`."""

from __future__ import annotations

import json
from uuid import uuid4


def test_create_tells_what_it_made(run):
    """A created topic is named with its partitions."""
    name = f"t-{uuid4().hex}"
    result = run("topics", "create", name, "--partitions", "4", "--replication-factor", "1")
    assert (result.exit_code, result.stdout) == (0, f"{name}\t4\n")


def test_create_several(run):
    """Several topics are made at once, as JSON in one array."""
    names = sorted(f"t-{uuid4().hex}" for _ in range(2))
    made = json.loads(run("topics", "create", *names, "--partitions", "1", "--json").stdout)
    assert sorted(made, key=lambda t: t["topic"]) == [{"topic": n, "partitions": 1} for n in names]


def test_create_again_fails(run, topic):
    """A topic that is there already is a failure."""
    result = run("topics", "create", topic)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "(TopicAlreadyExistsError)" in result.stderr


def test_create_with_a_config(run):
    """Configs are given as NAME=VALUE; an unknown one is refused."""
    name = f"t-{uuid4().hex}"
    assert run("topics", "create", name, "--config", "retention.ms=1000").exit_code == 0
    result = run("topics", "create", f"{name}-2", "--config", "retention.mss=1000")
    assert (result.exit_code, "retention.mss" in result.stderr) == (1, True)


def test_a_config_without_value_is_wrong_usage(run):
    """--config needs its equals sign."""
    assert run("topics", "create", "t", "--config", "retention.ms").exit_code == 2


def test_an_illegal_name_is_a_sentence(run):
    """A name that Kafka forbids is refused without a traceback."""
    result = run("topics", "create", "no/slash")
    assert (result.exit_code, "illegal topic name" in result.stderr) == (1, True)


def test_list(run, topic):
    """The topics are listed with their partitions, also without the word `list`."""
    assert f"{topic}\t3" in run("topics").stdout.splitlines()
    assert f"{topic}\t3" in run("topics", "list").stdout.splitlines()
    assert {"topic": topic, "partitions": 3} in json.loads(run("topics", "--json").stdout)


def test_internal_topics_are_left_out(run, topic):
    """What the server keeps for itself is listed only if asked for."""
    shown = run("topics", "list").stdout
    assert not [line for line in shown.splitlines() if line.startswith("__")]
    assert f"{topic}\t3" in run("topics", "list", "--internal").stdout.splitlines()


def test_describe(run, topic):
    """Each partition has its leader, its copies and its offsets."""
    run("produce", topic, "--json", input='{"value": "v", "partition": 1}')
    rows = json.loads(run("topics", "describe", topic, "--json").stdout)
    assert [(r["topic"], r["partition"], r["beginning"], r["end"]) for r in rows] == [
        (topic, 0, 0, 0),
        (topic, 1, 0, 1),
        (topic, 2, 0, 0),
    ]
    assert all(row["leader"] in row["replicas"] == row["in_sync"] for row in rows)


def test_describe_as_lines(run, topic):
    """Without a terminal a partition is a line with tabs."""
    first = run("topics", "describe", topic).stdout.splitlines()[0].split("\t")
    assert (first[:2], first[-2:], len(first)) == ([topic, "0"], ["0", "0"], 7)


def test_describe_an_unknown_topic_fails(run, topic):
    """A topic that does not exist is a failure, and describing makes none."""
    unknown = f"t-{uuid4().hex}"
    result = run("topics", "describe", topic, unknown)
    assert (result.exit_code, result.stderr) == (1, f"Error: no topic {unknown}\n")
    assert unknown not in run("topics").stdout


def test_delete(run, topic):
    """A deleted topic is named, and gone."""
    result = run("topics", "delete", topic)
    assert (result.exit_code, result.stdout) == (0, f"{topic}\n")
    assert topic not in run("topics").stdout


def test_delete_names_each_failure(run, topic):
    """One unknown topic does not keep the others, and is a failure."""
    result = run("topics", "delete", "nobody-made-this", topic)
    assert (result.exit_code, result.stdout) == (1, f"{topic}\n")
    assert "UnknownTopicOrPartitionError" in result.stderr
    assert result.stderr.count("\n") == 1
