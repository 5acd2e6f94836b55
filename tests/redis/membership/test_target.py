"""Who shall get what."""

from __future__ import annotations

import pytest

from streamfacade.assignors import range_, roundrobin
from streamfacade.errors import KafkaConfigurationError
from streamfacade.structs import TopicPartition
from streamfacade_redis.membership import target, wire
from streamfacade_redis.membership.wire import Line, Owned

REGISTRY = {"a": ("1a", 3), "b": ("1b", 3)}


def _line(*topics: str, current: frozenset[Owned] = frozenset()) -> Line:
    return Line(("sticky",), frozenset(topics), current)


def _partitions(assignment: dict[str, set[TopicPartition]]) -> dict[str, str]:
    return {m: " ".join(f"{t}{p}" for t, p in sorted(tps)) for m, tps in assignment.items()}


def test_range_gives_neighbours():
    """Each topic is cut into runs, the first members get one more."""
    got = range_({"x": ["a", "b"], "y": ["a", "b"]}, {"a": 3, "b": 3}, {})
    assert _partitions(got) == {"x": "a0 a1 b0 b1", "y": "a2 b2"}


def test_roundrobin_deals_out():
    """Partitions of all topics go around, past members that do not want the topic."""
    got = roundrobin({"x": ["a", "b"], "y": ["a", "b"]}, {"a": 3, "b": 3}, {})
    assert _partitions(got) == {"x": "a0 a2 b1", "y": "a1 b0 b2"}
    got = roundrobin({"x": ["a"], "y": ["a", "b"]}, {"a": 2, "b": 2}, {})
    assert _partitions(got) == {"x": "a0", "y": "a1 b0 b1"}


def test_targets_name_the_present_topic():
    """A partition of a former incarnation does not count as owned; the new one is assigned."""
    old = frozenset(Owned("a", "0old", p, 1) for p in range(3))
    members = {"x": _line("a", current=old), "y": _line("a")}
    got = target.compute(members, REGISTRY, target.strategies(())["sticky"])
    assert sorted(" ".join(got.values()).split()) == ["a/1a/0", "a/1a/1", "a/1a/2"]


def test_owners_keep_what_they_have():
    """Sticky moves only what evenness needs."""
    current = frozenset(Owned("a", "1a", p, 1) for p in range(3))
    members = {"y": _line("a", current=current), "x": _line("a")}
    got = target.compute(members, REGISTRY, target.strategies("sticky")["sticky"])
    assert sorted(len(t.split()) for t in got.values()) == [1, 2]
    assert len(got["y"].split()) == 2


def test_a_topic_that_is_not_there_is_nobodys():
    """Members may want what does not exist yet."""
    got = target.compute({"x": _line("gone")}, {}, target.strategies(())["sticky"])
    assert got == {"x": ""}


@pytest.mark.parametrize(
    "result",
    [
        {"x": [TopicPartition("a", 0)], "y": [TopicPartition("a", 0)]},
        {"x": [TopicPartition("a", 9)]},
        {"stranger": []},
    ],
)
def test_wrong_assignments_are_refused(result):
    """An assignor that gives twice, gives what is not there or to strangers is caught."""
    members = {"x": _line("a"), "y": _line("a")}
    with pytest.raises(ValueError, match="assignor"):
        target.compute(members, REGISTRY, lambda *_: result)


class Mine:
    """A user's assignor."""

    name = "mine"

    def assign(self, wanted, counts, current):
        """Give everything to one."""
        first = min(wanted)
        return {first: [TopicPartition(t, p) for t, n in counts.items() for p in range(n)]}


class RangePartitionAssignor:
    """As kafka-python's."""

    name = "range"


def test_strategies_by_name_class_and_object():
    """Names, classes and objects; a class that is named as one of ours means ours."""
    got = target.strategies(["sticky", RangePartitionAssignor, Mine, Mine()])
    assert list(got) == ["sticky", "range", "mine"]
    assert got["range"] is range_
    assert list(target.strategies("roundrobin")) == ["roundrobin"]
    assert list(target.strategies(())) == ["sticky"]
    assert list(target.strategies(Mine)) == ["mine"]


@pytest.mark.parametrize("wrong", ["nonsense", object(), 3, ["sticky", "x"]])
def test_unknown_strategies_are_refused(wrong):
    """The message lists the known ones."""
    with pytest.raises(KafkaConfigurationError, match="roundrobin"):
        target.strategies(wrong)


def test_the_common_strategy_is_the_most_wanted():
    """What not all have is out; among the rest the preferences count."""
    lists = [("mine", "range", "sticky"), ("range", "sticky"), ("range", "sticky", "mine")]
    members = {str(i): Line(names, frozenset()) for i, names in enumerate(lists)}
    assert target.common(members) == ["range", "sticky"]


def test_the_digest_tells_topics_apart():
    """Another id or count of a topic is another subscription."""
    lines = {
        wire.subscription(["a"], ["sticky"], {"a": fact})
        for fact in (("1a", 3), ("1a", 4), ("1b", 3))
    }
    assert len(lines) == 3
