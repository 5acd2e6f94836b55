"""`streamfacade produce`."""

from __future__ import annotations

import json
import time
from uuid import uuid4

import pytest

from streamfacade.cli import _records


def send(*records):
    """Write records as JSON lines."""
    return "".join(json.dumps(record) + "\n" for record in records)


def test_lines_are_values(run, topic, read):
    """Each line is a value, with its spaces and without its end; an empty one counts."""
    result = run("produce", topic, input=b"one \r\n\nl\xc3\xa4st")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"3 records sent to {topic}\n"
    assert sorted(r["value"] for r in read()) == ["", "läst", "one "]
    assert {r["key"] for r in read()} == {None}


def test_nothing_is_fine(run, topic, read):
    """No line is no record and no failure."""
    assert run("produce", topic, input=b"").exit_code == 0
    assert read() == []


@pytest.mark.parametrize(("separator", "line"), [(":", "k:v:w"), ("\\t", "k\tv:w")])
def test_keys_stand_before_the_separator(run, topic, read, separator, line):
    r"""The first separator ends the key; \t is a tab."""
    assert run("produce", topic, "--key-separator", separator, input=line).exit_code == 0
    assert [(r["key"], r["value"]) for r in read()] == [("k", "v:w")]


def test_json_gives_every_field(run, topic, read):
    """A JSON line says key, value, headers, partition and timestamp."""
    record = {
        "key": "k", "value": "v", "headers": {"a": "1", "b": "2"}, "partition": 2,
        "timestamp_ms": int(time.time() * 1000) - 5000,
    }  # fmt: skip
    result = run("produce", topic, "--json", input=send(record))
    assert json.loads(result.stdout) == {"topic": topic, "records": 1}
    assert read() == [{**record, "topic": topic, "offset": 0}]


def test_json_has_tombstones_and_bytes(run, topic, read):
    """No value is a tombstone, base64 is bytes, repeated headers are pairs."""
    record = {
        "key": {"base64": "/wA="}, "value": None, "partition": 0,
        "headers": [["a", "1"], ["a", {"base64": "/w=="}]],
    }  # fmt: skip
    run("produce", topic, "--json", input=send(record))
    assert [{name: r[name] for name in record} for r in read()] == [record]


def test_json_values_that_are_no_text(run, topic, read):
    """A value that is a number or an object is sent as its JSON."""
    lines = send({"value": {"ä": [1, None]}, "partition": 0}, {"value": 7, "partition": 0})
    run("produce", topic, "--json", input=lines)
    assert [r["value"] for r in read()] == ['{"ä":[1,null]}', "7"]


def test_what_consume_prints_can_be_produced(run, topic, read):
    """Records of one topic go to another and stay what they are."""
    run("produce", topic, "--json", input=send({"key": "k", "value": "v", "headers": {"h": "x"}}))
    copy = f"{topic}-copy"
    run("topics", "create", copy, "--partitions", "3")
    lines = run("consume", topic, "--json").stdout
    assert run("produce", copy, "--json", input=lines).exit_code == 0
    copied = json.loads(run("consume", copy, "--json").stdout)
    assert copied == {**read()[0], "topic": copy}


def test_blank_lines_between_json_are_skipped(run, topic, read):
    """A blank line is no record where lines are JSON."""
    assert run("produce", topic, "--json", input='\n{"value": "v"}\n  \n').exit_code == 0
    assert len(read()) == 1


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "Expecting"),
        ("[1]", "not a JSON object"),
        ('{"vlaue": "v"}', "unknown vlaue"),
        ("{}", "needs a key or a value"),
        ('{"value": "v", "partition": 3}', "no partition 3"),
        ('{"value": "v", "partition": "0"}', "partition must be an int"),
        ('{"value": "v", "timestamp_ms": "now"}', "timestamp"),
        ('{"value": "v", "headers": 3}', "headers are"),
        ('{"value": "v", "headers": ["a"]}', "headers are"),
        ('{"value": {"base64": "?"}}', "not base64"),
    ],
)
def test_a_bad_line_is_named(run, topic, read, line, why):
    """A line that is no record stops with its number; those before it are sent."""
    result = run("produce", topic, "--json", input=f'{{"value": "good"}}\n{line}\n')
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: line 2: ")
    assert why in result.stderr
    assert result.stderr.count("\n") == 1
    assert [r["value"] for r in read()] == ["good"]


def test_a_line_without_separator_is_named(run, topic, read):
    """A key that is promised must be there."""
    result = run("produce", topic, "--key-separator", ":", input="k:v\nkv\n")
    assert (result.exit_code, result.stderr) == (
        1,
        "Error: line 2: no separator ':' in it; the lines before it are sent\n",
    )
    assert len(read()) == 1


def test_a_line_that_is_too_long_is_named(run, topic):
    """A record above the producer's limit stops with its line's number."""
    result = run("produce", topic, input="v\n" + "x" * 2_000_000)
    assert (result.exit_code, result.stderr[:14]) == (1, "Error: line 2:")


def test_records_that_are_not_stored_are_counted(run):
    """What the server refuses is counted, and is a failure."""
    # One record: on Kafka a batch is refused whole.
    name = f"t-{uuid4().hex}"
    run("topics", "create", name, "--partitions", "1", "--config", "max.message.bytes=1000")
    result = run("produce", name, input="x" * 2000)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "1 of 1 records were not stored" in result.stderr


@pytest.mark.parametrize("options", [["--key-separator", ":", "--json"], ["--key-separator", ""]])
def test_separators_that_cannot_work(run, topic, options):
    """With JSON, or empty, a separator is wrong usage."""
    assert run("produce", topic, *options, input="v").exit_code == 2


def test_an_illegal_topic_is_not_the_lines_fault(run):
    """A topic's name is checked before the first line."""
    result = run("produce", "no/slash", input="v")
    assert (result.exit_code, "illegal topic name" in result.stderr) == (1, True)
    assert "line" not in result.stderr


def test_ctrl_c_sends_what_was_read(run, topic, read, monkeypatch):
    """Ctrl-C ends with 130, and what was read before is sent."""
    from_plain = _records.from_plain

    def interrupted(line, between):
        if line == b"^C\n":
            raise KeyboardInterrupt
        return from_plain(line, between)

    monkeypatch.setattr(_records, "from_plain", interrupted)
    result = run("produce", topic, input="v\n^C\n")
    assert (result.exit_code, result.stderr) == (130, "")
    assert [r["value"] for r in read()] == ["v"]
