"""`streamfacade groups`."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from uuid import uuid4

import pytest

from streamfacade import Consumer, OffsetAndMetadata, TopicPartition
from streamfacade.admin import Admin


@pytest.fixture
def full(run, topic):
    """Return a topic whose partition 0 has five records, a second apart since 2020."""
    start = int(datetime(2020, 1, 1, tzinfo=timezone.utc).timestamp()) * 1000
    records = [
        json.dumps({"value": f"{n}", "partition": 0, "timestamp_ms": start + 1000 * n})
        for n in range(5)
    ]
    run("topics", "create", name := f"t-{uuid4().hex}", "--partitions", "2", "--config",
        "retention.ms=-1")  # fmt: skip
    assert run("produce", name, "--json", input="\n".join(records)).exit_code == 0
    return name


@pytest.fixture
def group(url, full):
    """Return a group without members that has read two records of the topic."""
    name = f"g-{uuid4().hex}"
    with Admin(bootstrap_servers=url) as admin:
        admin.alter_group_offsets(name, {TopicPartition(full, 0): OffsetAndMetadata(2, "")})
    return name


@pytest.fixture
def crew(url, full):
    """Return a group with one member that has all partitions of the topic."""
    name = f"g-{uuid4().hex}"
    options = {"auto_offset_reset": "earliest", "enable_auto_commit": False, "client_id": "teller"}
    with Consumer(full, bootstrap_servers=url, group_id=name, **options) as member:
        while len(member.assignment()) < 2:
            member.poll(100)
        member.commit({TopicPartition(full, 0): OffsetAndMetadata(3, "")})
        yield name


def test_list(run, group):
    """The groups are listed with their state, also without the word `list`."""
    assert f"{group}\tEmpty\tclassic" in run("groups").stdout.splitlines()
    assert f"{group}\tEmpty\tclassic" in run("groups", "list").stdout.splitlines()
    row = {"group": group, "state": "Empty", "type": "classic"}
    assert row in json.loads(run("groups", "--json").stdout)


def test_describe_with_members(run, crew, full):
    """Members are shown with what they want, partitions with their lag and their owner."""
    found = json.loads(run("groups", "describe", crew, "--json").stdout)
    assert found["group"] == crew
    (member,) = found["members"]
    assert (member["client"], member["topics"], member["partitions"]) == ("teller", [full], 2)
    owner = member["member"]
    assert found["partitions"] == [
        {"topic": full, "partition": 0, "committed": 3, "end": 5, "lag": 2, "member": owner},
        {"topic": full, "partition": 1, "committed": None, "end": 0, "lag": None, "member": owner},
    ]


def test_describe_without_members(run, group, full):
    """What was committed is shown; as lines, what is not there is a dash."""
    found = json.loads(run("groups", "describe", group, "--json").stdout)
    assert (found["state"], found["members"]) == ("Empty", [])
    lines = run("groups", "describe", group).stdout.splitlines()
    assert lines == [f"{group}\tEmpty", f"{full}\t0\t2\t5\t3\t-"]


def test_describe_an_unknown_group_fails(run):
    """A group that does not exist is a failure in one sentence."""
    result = run("groups", "describe", "nobody-made-this")
    assert (result.exit_code, result.stderr) == (1, "Error: no group nobody-made-this\n")


@pytest.mark.parametrize(
    ("place", "offset"),
    [("earliest", 0), ("latest", 5), ("3", 3), ("99", 5), ("2020-01-01T00:00:01.500Z", 2)],
)
def test_reset(run, group, full, place, offset):
    """A group is moved in all partitions, and each new offset is shown."""
    result = run("groups", "reset", group, "--topic", full, "--to", place)
    assert (result.exit_code, result.stdout) == (0, f"{full}\t0\t{offset}\n{full}\t1\t0\n")
    found = json.loads(run("groups", "describe", group, "--json").stdout)
    assert [p["committed"] for p in found["partitions"]] == [offset, 0]


def test_reset_a_live_group_fails(run, crew, full):
    """A group with members is not moved."""
    result = run("groups", "reset", crew, "--topic", full, "--to", "earliest")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "UnknownMemberIdError" in result.stderr


def test_reset_an_unknown_topic_fails(run, group):
    """A topic that does not exist is a failure."""
    result = run("groups", "reset", group, "--topic", "nobody-made-this", "--to", "latest")
    assert (result.exit_code, result.stderr) == (1, "Error: no topic nobody-made-this\n")


def test_reset_to_nowhere_is_wrong_usage(run, group, full):
    """--to is a word, a number or a time."""
    result = run("groups", "reset", group, "--topic", full, "--to", "soon")
    assert (result.exit_code, "'soon'" in result.stderr) == (2, True)


def test_delete(run, group):
    """A deleted group is named, and gone."""
    result = run("groups", "delete", group)
    assert (result.exit_code, result.stdout) == (0, f"{group}\n")
    assert group not in run("groups").stdout


def test_delete_names_each_failure(run, group, crew):
    """Unknown and live groups do not keep the others, and are failures."""
    result = run("groups", "delete", "nobody-made-this", crew, group)
    assert (result.exit_code, result.stdout) == (1, f"{group}\n")
    assert "nobody-made-this (GroupIdNotFoundError)" in result.stderr
    assert f"{crew} (NonEmptyGroupError)" in result.stderr
