"""Members with their threads, on a real Redis, with a session of a second."""

from __future__ import annotations

import os
import time

import pytest

from streamfacade._settings import settle
from streamfacade.errors import (
    ClusterAuthorizationFailedError,
    FencedInstanceIdError,
    IllegalStateError,
    InconsistentGroupProtocolError,
    KafkaTimeoutError,
    UnknownError,
)
from streamfacade.structs import MemberState
from streamfacade_redis.membership import Member
from streamfacade_redis.membership.wire import heartbeat_keys
from tests.redis.membership.conftest import links

SESSION = 1.0
QUICK = {
    "group_id": "g",
    "client_id": "test",
    "session_timeout_ms": int(SESSION * 1000),
    "heartbeat_interval_ms": 300,
}


class Person:
    """A member, and what it owns as its polling thread knows it."""

    def __init__(self, new_link, namespace, topics, options):
        settled = settle("C", {**QUICK, **options})
        self.member = Member(new_link, namespace, settled, self.registry)
        self.topics, self.owned, self.history = topics, set(), []
        self.error = None

    def registry(self, names):
        """Tell what the topics are."""
        return {name: self.topics[name] for name in names if name in self.topics}

    def poll(self):
        """Take a turn, and give back what is asked for."""
        turn = self.member.turn()
        self.owned -= turn.lost | turn.revoked
        if turn.revoked:
            self.member.released(turn.revoked)
        self.owned |= turn.granted
        self.history += [(name, o) for name in turn._fields for o in getattr(turn, name)]

    @property
    def partitions(self):
        """The numbers of the partitions owned."""
        return {owned.partition for owned in self.owned}

    def crash(self):
        """Stop without a word."""
        heart = self.member._heart
        heart.stop(leave=False)
        heart.join(5)


@pytest.fixture
def topics():
    """Give the registry: one topic of four partitions."""
    return {"t": ("1abc", 4)}


@pytest.fixture
def person(new_link, namespace, topics):
    """Give what makes members, subscribed; they leave with the test."""
    made = []

    def make(link=new_link, **options):
        one = Person(link, namespace, topics, options)
        made.append(one)
        one.member.subscribe(["t"])
        return one

    yield make
    for one in made:
        one.member.leave(2)


def until(condition, *people, within=1.0):
    """Let people poll until something is so, and return how long it took."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < within, [p.partitions for p in people]
        for one in people:
            one.poll()
            one.member.wait(0.005)
    return time.monotonic() - start


def shared(people, total=4):
    """Return whether all partitions are owned, each once, and by everybody about as many."""
    owned = [p for one in people for p in one.partitions]
    sizes = [len(one.partitions) for one in people]
    return sorted(owned) == list(range(total)) and max(sizes) - min(sizes) <= 1


def test_the_first_gets_all(person):
    """A member alone owns everything, and is stable."""
    a = person()
    until(lambda: shared([a]), a)
    until(lambda: a.member.metadata().state is MemberState.STABLE, a)
    metadata = a.member.metadata()
    assert (metadata.group_id, metadata.member_id) == ("g", a.member.member_id)
    assert metadata.generation_id > 0


def test_a_joiner_gets_its_share(person):
    """Two, then three members share the partitions within a second; what stays is not touched."""
    a, b = person(), None
    until(lambda: shared([a]), a)
    b = person()
    until(lambda: shared([a, b]), a, b)
    c = person()
    until(lambda: shared([a, b, c]), a, b, c)
    assert len([what for what, _ in a.history if what != "granted"]) == 4 - len(a.partitions)
    assert {what for one in (a, b, c) for what, _ in one.history} == {"granted", "revoked"}


def test_those_who_start_together_share(person):
    """Six members joining at once end up with the partitions shared."""
    people = [person() for _ in range(6)]
    until(lambda: shared(people), *people, within=3.0)


def test_who_leaves_is_replaced_at_once(person):
    """The others take over within a second; leaving is prompt and may be repeated."""
    a, b = person(), person()
    until(lambda: shared([a, b]), a, b)
    start, heart = time.monotonic(), b.member._heart
    b.member.leave(5)
    b.member.leave(5)
    assert time.monotonic() - start < 1
    assert not heart.is_alive()
    until(lambda: shared([a]), a)


def test_the_dead_are_replaced_in_time(person):
    """A crashed member's partitions move within the session and a second."""
    a, b = person(), person()
    until(lambda: shared([a, b]), a, b)
    b.crash()
    until(lambda: shared([a]), a, within=SESSION + 1)


def test_a_dead_assignor_is_replaced(person, link, namespace):
    """A group whose assignor died before it assigned is assigned by another one."""
    a, b = person(), person()
    until(lambda: shared([a, b]), a, b)
    b.crash()
    header = namespace.group("g", "h")
    clock = int(link.call("HGET", header, "L"))
    link.call("HSET", header, "as", b.member.member_id, "al", clock + 2000)
    until(lambda: shared([a]), a, within=2 + SESSION + 1)


def test_who_is_frozen_loses_its_lease(private_redis, namespace, topics):
    """While Redis does not answer the lease ends; afterwards all comes back under new fences."""
    server = private_redis()
    a = Person(links(server.url), namespace, topics, {})
    a.member.subscribe(["t"])
    until(lambda: shared([a]), a)
    before = set(a.owned)
    server.freeze()
    until(lambda: not a.owned, a, within=SESSION + 1)
    assert not a.member.holds_lease()
    server.thaw()
    until(lambda: shared([a]), a, within=2)
    assert min(o.fence for o in a.owned) > max(o.fence for o in before)
    a.member.leave(2)


def test_a_redis_that_forgot_everything(private_redis, namespace, topics):
    """After a restart without data the members join again; leaving without Redis is prompt."""
    server = private_redis()
    a = Person(links(server.url), namespace, topics, {})
    a.member.subscribe(["t"])
    until(lambda: shared([a]), a)
    old = set(a.owned)
    server.kill()
    server.start()
    until(lambda: shared([a]) and not a.owned & old, a, within=5)
    server.kill()
    start = time.monotonic()
    a.member.leave(5)
    assert time.monotonic() - start < 1


def test_an_expelled_member_joins_again(person, link, namespace):
    """Somebody deleted the group: all is lost, and granted anew."""
    a = person()
    until(lambda: shared([a]), a)
    before = a.member.member_id
    link.call("DEL", *heartbeat_keys(namespace, "g"))
    until(lambda: [what for what, _ in a.history].count("lost") == 4, a)
    until(lambda: shared([a]), a)
    assert a.member.member_id != before


def test_new_partitions_are_found(person, topics):
    """The registry is read again after metadata_max_age_ms."""
    a = person(metadata_max_age_ms=100)
    until(lambda: shared([a]), a)
    topics["t"] = ("1abc", 6)
    until(lambda: shared([a], 6), a)


def test_a_topic_made_again_is_noticed_when_asked(person, topics):
    """`refresh` reads the registry now: partitions of the old id go, those of the new one come."""
    a = person()
    until(lambda: shared([a]), a)
    topics["t"] = ("1new", 2)
    a.member.refresh()
    until(lambda: {(o.topic_id, o.partition) for o in a.owned} == {("1new", 0), ("1new", 1)}, a)


def test_other_topics_may_be_wanted(person, topics):
    """A new subscription takes the place of the old one."""
    topics["u"] = ("1u", 1)
    a = person()
    until(lambda: shared([a]), a)
    a.member.subscribe(["u"])
    until(lambda: {o.topic for o in a.owned} == {"u"}, a)


def test_who_does_not_poll_is_out(person):
    """After max_poll_interval_ms the others take over; with its next poll it is back."""
    a = person(max_poll_interval_ms=600)
    b = person()
    until(lambda: shared([a, b]), a, b)
    until(lambda: shared([b]), b, within=2)
    until(lambda: shared([a, b]), a, b)
    assert "lost" in {what for what, _ in a.history}


def test_a_static_member_starts_again(person):
    """Closing keeps its place; the next process with that instance gets the same partitions."""
    a, b = person(group_instance_id="one"), person()
    until(lambda: shared([a, b]), a, b)
    had, kept = a.partitions, set(b.owned)
    a.member.leave(2)
    again = person(group_instance_id="one")
    until(lambda: again.partitions == had, again, b)
    assert b.owned == kept


def test_a_second_process_with_the_instance(person):
    """The first one is fenced, for good."""
    a = person(group_instance_id="one")
    until(lambda: shared([a]), a)
    b = person(group_instance_id="one")
    until(lambda: shared([b]), b)
    with pytest.raises(FencedInstanceIdError):
        until(lambda: False, a)
    with pytest.raises(FencedInstanceIdError):
        a.member.turn()


def test_strategies_must_meet(person):
    """A member without a common strategy is told so."""
    a = person(partition_assignment_strategy=["range"])
    until(lambda: shared([a]), a)
    b = person(partition_assignment_strategy=["roundrobin"])
    with pytest.raises(InconsistentGroupProtocolError):
        until(lambda: False, b)


def test_broken_connections_cost_nothing(private_redis, namespace, topics):
    """A member whose connections are cut connects again and keeps what it has."""
    new_link = links(private_redis().url)
    a = Person(new_link, namespace, topics, {})
    a.member.subscribe(["t"])
    until(lambda: shared([a]), a)
    link = new_link()
    before = _connections(link)
    link.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    until(lambda: _connections(link) >= before + 2, a, within=2)
    until(lambda: a.member.metadata().state is MemberState.STABLE, a)
    assert {what for what, _ in a.history} == {"granted"}
    assert a.member.holds_lease()
    a.member.leave(2)


def test_a_registry_that_fails_is_asked_again(new_link, namespace, topics):
    """A passing error is waited out; another one is shown to the application."""
    a, errors = Person(new_link, namespace, topics, {}), [KafkaTimeoutError("x")]
    failing = a.member._plan.topics

    def topics_or_error(names):
        if errors:
            raise errors.pop()
        return failing(names)

    object.__setattr__(a.member._plan, "topics", topics_or_error)
    a.member.subscribe(["t"])
    until(lambda: shared([a]), a, within=3)
    errors.append(ClusterAuthorizationFailedError("x"))
    a.member.refresh()
    with pytest.raises(ClusterAuthorizationFailedError):
        until(lambda: False, a)
    a.member.leave(2)


class Broken:
    """An assignor that fails."""

    name = "broken"

    def assign(self, wanted, counts, current):
        """Fail."""
        raise ZeroDivisionError


def test_a_failing_assignor_is_shown(person):
    """The application sees its own error as the cause."""
    a = person(partition_assignment_strategy=[Broken])
    with pytest.raises(UnknownError) as caught:
        until(lambda: False, a)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_waiting_without_news(person):
    """`wait` ends by its timeout, and says that there is nothing."""
    a = person()
    until(lambda: shared([a]), a)
    assert not a.member.wait(0.05)


def test_after_leaving_it_may_subscribe_again(person):
    """A member that left knows nothing of what it had."""
    a = person()
    until(lambda: shared([a]), a)
    a.member.leave(2)
    assert not any(a.member.turn())
    assert a.member.metadata().state is MemberState.UNJOINED
    a.owned.clear()
    a.member.subscribe(["t"])
    until(lambda: shared([a]), a)


def test_the_group_is_listed(person, link, namespace):
    """While it has members it is not empty since any time; afterwards it is."""
    a = person()
    until(lambda: shared([a]), a)
    assert link.call("HGET", namespace.groups, "g") == b"consumer 0"
    a.member.leave(2)
    assert int(link.call("HGET", namespace.groups, "g").split()[1]) > 0


def test_a_child_leaves_its_parents_member_alone(person, monkeypatch):
    """After a fork nothing is sent over the parent's connections."""
    a = person()
    until(lambda: shared([a]), a)
    with monkeypatch.context() as child:
        child.setattr(os, "getpid", lambda: 1)
        a.member.leave(1)
        with pytest.raises(IllegalStateError):
            a.member.subscribe(["t"])
    until(lambda: shared([a]), a)
    assert a.member.holds_lease()


@pytest.mark.parametrize("members", [2, 40])
def test_a_steady_heartbeat_costs_the_same(members, private_redis, namespace):
    """When nothing changed, a heartbeat runs the same few commands in groups of any size."""
    new_link = links(private_redis().url)
    topics = {"t": ("1abc", members * 10)}
    slow = {"session_timeout_ms": 45000, "heartbeat_interval_ms": 15000}
    people = [Person(new_link, namespace, topics, slow) for _ in range(members)]
    for one in people:
        one.member.subscribe(["t"])
    at_rest = [one.member._state for one in people]
    until(lambda: all(state.at_rest for state in at_rest), *people, within=30)
    ran = _commands_of_a_heartbeat(new_link(), people[0].member)
    for one in people:
        one.member.leave(5)
    assert ran == dict.fromkeys(
        ["evalsha", "time", "hmget", "zrangebyscore", "zscore", "zadd", "zrange", "hset"], 1
    )


def _commands_of_a_heartbeat(link, member):
    link.call("CONFIG", "RESETSTAT")
    with member._news:
        member._state._next = 0.0
    member._heart.wake()
    until(lambda: "evalsha" in _commands(link))
    return {name: calls for name, calls in _commands(link).items() if name not in _OTHERS}


def _connections(link):
    return int(link.call("INFO", "stats").split(b"total_connections_received:")[1].split()[0])


_OTHERS = {"info", "config|resetstat", "xread"}


def _commands(link):
    lines = link.call("INFO", "commandstats").decode().split()
    facts = (line.removeprefix("cmdstat_").partition(":calls=") for line in lines)
    return {name: int(calls.partition(",")[0]) for name, found, calls in facts if found}
