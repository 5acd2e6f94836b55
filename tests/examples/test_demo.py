"""The tour."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from examples.demo import __main__ as demo
from examples.demo.flights import load, summary
from examples.demo.handover import without_duplicates
from examples.demo.screen import BEGIN, END
from examples.demo.victim import Report
from streamfacade.structs import ConsumerRecord
from streamfacade.testing.memory import reset

ROOT = Path(__file__).parents[2]
SECOND_ACT = ["Shared", "Killed half-way", "Handed over", "Twice", "Checked", "Computed again"]


def tour(*arguments):
    """Take the tour in a process of its own."""
    command = [sys.executable, "-m", "examples.demo", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@cache
def expected():
    """Return the table that memory shows."""
    return table(tour().stdout)


def table(output):
    """Return what stands between the marks."""
    return output.partition(BEGIN)[2].partition(END)[0]


def check_second_act(output, death):
    """See that a member died half-way, and that the other one finished its part."""
    act = output.partition(END)[2]
    steps = [line.split("  ")[0] for line in act.splitlines() if line[:1].isalpha()]
    assert steps == SECOND_ACT
    assert f"Killed half-way  by {death}," in act
    assert "Twice  50 records" in act
    owners = [line.split()[1:] for line in act.splitlines() if line.endswith(" survivor ")]
    assert sorted(owners) == [["survivor"] * 2] * 3 + [["victim", "survivor"]] * 3


def record(offset, flight, partition=0):
    """Return a flight as a record."""
    return ConsumerRecord(
        "t", partition, -1, offset, 0, 0, flight["carrier"], flight, [], None, 2, 1, -1
    )


def test_memory_is_the_default():
    """Without a URL the tour runs in memory, in plain text where there is no terminal."""
    done = tour()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("streamfacade on memory://\n")
    assert "\x1b" not in done.stdout
    for step in ("Produced", "Lag before", "Stopped half-way", "Resumed", "Lag after", "Replayed"):
        assert f"\n{step}  " in done.stdout
    check_second_act(done.stdout, "silence")


def test_the_table_is_right():
    """The table counts all 2,699 flights of 15 carriers, 22 of them cancelled."""
    lines = [line.split() for line in expected().strip().splitlines()[2:]]
    assert len(lines) == 15
    assert sum(int(departures) for _, departures, _, _ in lines) == 2699 - 22
    assert sum(int(cancelled) for *_, cancelled in lines) == 22
    assert ["HA", "3", "6.7", "0"] in lines


@pytest.mark.parametrize("backend", ["redis", "kafka"])
def test_the_tour_is_the_same_everywhere(request, backend):
    """Every backend shows the same table byte for byte, also in a second run, and a real death."""
    url = request.getfixturevalue(f"{backend}_url")
    for _ in range(2):
        done = tour(url)
        assert (done.returncode, done.stderr) == (0, "")
        assert table(done.stdout) == expected()
        check_second_act(done.stdout, "SIGKILL")


def test_it_cleans_up():
    """The tour leaves no topic behind, also when it fails."""
    from streamfacade import Admin

    demo.tour("memory://cleanup")
    with Admin(bootstrap_servers="memory://cleanup") as admin:
        assert admin.list_topics() == []
    reset()


def test_no_server_is_a_failure():
    """A URL that leads nowhere ends with 1 and one sentence."""
    done = tour("nothing://me:s3cret@host")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "s3cret" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("harm", "finding"),
    [
        (lambda records: records[:-1], "2 came"),
        (lambda records: [*records, records[0]], "came twice"),
        (lambda records: [records[1], records[0], records[2]], "not in their order"),
        (lambda records: [*records[:2], record(2, records[0].value)], "not those that were sent"),
    ],
)
def test_what_is_lost_or_twice_is_found(harm, finding):
    """A record that is lost, comes twice, is another or out of order fails the tour."""
    flights = [f for f in load() if f["carrier"] == "UA"][:3]
    records = [record(offset, flight) for offset, flight in enumerate(flights)]
    demo.check(flights, records)
    with pytest.raises(demo.Wrong, match=finding):
        demo.check(flights, harm(records))


def test_a_false_start_is_found():
    """A partition that does not go on at the commit fails the tour."""
    partition = demo.TopicPartition("t", 0)
    records = [record(5, load()[0])]
    demo.check_starts(records, {partition: 5})
    with pytest.raises(demo.Wrong, match="went on at"):
        demo.check_starts(records, {partition: 4})


def test_what_comes_twice_must_be_uncommitted():
    """A committed record that comes again, or one after the last commit that does not, is found."""
    theirs = Report([0], [record(offset, {"carrier": "UA"}) for offset in range(60)])
    again = theirs.records[-50:]
    assert without_duplicates(theirs, again) == theirs.records
    for harm in (again[1:], theirs.records[-51:]):
        with pytest.raises(demo.Wrong, match="came twice"):
            without_duplicates(theirs, harm)


def test_a_failure_ends_with_1(monkeypatch, capsys):
    """When something is wrong the tour says what, and its exit code is 1."""

    def wrong(_flights, _records):
        raise demo.Wrong("a record is lost")

    monkeypatch.setattr(sys, "argv", ["demo", "memory://wrong"])
    monkeypatch.setattr(demo, "check", wrong)
    assert demo.main() == 1
    assert "failed: a record is lost" in capsys.readouterr().err


def test_order_does_not_change_the_summary():
    """The dashboard depends on the flights, not on the order they come in."""
    assert summary(load()) == summary(reversed(load()))
