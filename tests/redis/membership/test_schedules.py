"""The schedules that simpler designs break on, one by one, on the scripts that ship."""

from __future__ import annotations

import pytest

from streamfacade.errors import FencedInstanceIdError, InconsistentGroupProtocolError
from streamfacade_redis.membership import target
from streamfacade_redis.membership.solo import number_for_outsider, remove_member
from streamfacade_redis.membership.state import State
from streamfacade_redis.membership.wire import Answer, Beat, Identity, Owned, lines
from tests.redis.membership.world import SESSION, World, ids

GROUP = "g"


class Person:
    """A member whose requests are executed at once, at the time a test says."""

    def __init__(self, world: World, instance: str = "", strategies: tuple[str, ...] = ()) -> None:
        stem = f"p{next(ids)}"
        self.world, self.who = world, Identity(GROUP, instance, "{}", SESSION)
        self.state = State(lambda: f"{stem}-{next(ids)}", session=SESSION, interval=3.0)
        self.state.want(world.subscription(*strategies), 0.0)

    def beat(self, now: float) -> Answer:
        """Beat, assign if asked to, and hear."""
        beat = self.state.beat(now)
        answer = self.world.heartbeat(beat, self.who, now)
        self.state.answered(beat, answer, now)
        if answer.snapshot:
            common = ",".join(target.common(lines(answer.snapshot)))
            targets = self.world.targets(answer.snapshot)
            self.world.install(GROUP, answer.epoch, targets, common)
        return answer

    def settle(self, now: float) -> set[Owned]:
        """Beat some times, giving back what is asked for; return what is granted."""
        granted: set[Owned] = set()
        for _ in range(4):
            self.beat(now)
            turn = self.state.turn(now)
            self.state.released(turn.revoked, now)
            granted |= turn.granted
        return granted


@pytest.fixture
def world(link, namespace):
    """Give a Redis with a topic of two partitions."""
    return World(link, namespace, 2, {})


def test_a_zombie_is_fenced(world):
    """A owner that stalled, was expelled and wakes up can neither claim nor commit."""
    a, b = Person(world), Person(world)
    old = next(o for o in a.settle(0) if o.partition == 0)
    world.fence(GROUP, "claim", old, a.state.member_id)
    for now in range(1, 121, 3):
        b.beat(now)
    new = next(o for o in b.state.turn(121).granted if o.partition == 0)
    assert world.fence(GROUP, "claim", new, b.state.member_id)[0] == "OK"
    assert world.fence(GROUP, "commit", new, b.state.member_id, 200, 1) == ("OK", 200)
    for op in ("claim", "commit"):
        answer = world.fence(GROUP, op, old, a.state.member_id, 150, 9)
        assert answer == ("FENCED", new.fence)


def test_the_claim_reads_the_last_commit(world):
    """What the old owner commits up to the claim is where the new owner starts."""
    old, new = Owned("t", "1abc", 0, 10), Owned("t", "1abc", 0, 11)
    world.fence(GROUP, "claim", old, "a")
    world.fence(GROUP, "commit", old, "a", 150, 1)
    assert world.fence(GROUP, "claim", new, "b") == ("OK", 150)
    assert world.fence(GROUP, "commit", old, "a", 160, 2) == ("FENCED", 11)


def test_a_stuck_commit_changes_nothing(world):
    """A commit that overtook nobody, as it was stuck, is ignored by its counter."""
    owned = Owned("t", "1abc", 0, 10)
    world.fence(GROUP, "commit", owned, "a", 100, 2)
    assert world.fence(GROUP, "commit", owned, "a", 50, 1) == ("OK", 100)


def test_a_lost_group_goes_on_above_its_fences(world):
    """After the group's keys are lost, the next fences are above the former ones."""
    a = Person(world)
    before = a.settle(0)
    world.forget(GROUP)
    assert a.beat(3).word == "UNKNOWN"
    assert min(a.settle(4)).fence > max(before).fence


def test_a_fence_that_is_too_low_heals_at_once(world):
    """A member that was refused gets, by the next heartbeat, a fence above the one it met."""
    a = Person(world)
    owned = min(a.settle(0))
    a.state.refused(owned, owned.fence + 10**9, 1.0)
    again = a.settle(1)
    assert [o.place for o in again] == [owned.place]
    assert min(again).fence > owned.fence + 10**9


def test_an_outage_expels_nobody(world):
    """Redis is away for 60 s, longer than the session: all ten are members as before."""
    people = [Person(world) for _ in range(10)]
    for _ in range(3):
        for person in people:
            person.settle(0)
    words = {person.beat(60 + i / 10).word for i, person in enumerate(people)}
    assert "UNKNOWN" not in words


def test_a_clock_that_steps_back_keeps_no_dead(world):
    """Ten minutes back at a failover: the dead member still expires, about a session later."""
    a, b = Person(world), Person(world)
    for person in (a, b, a, b):
        person.settle(0)
    world.skew = -600
    expired = next(now for now in range(3, 600, 3) if b.beat(now).word == "OK")
    assert expired <= SESSION + 6


def test_a_member_that_is_alone_and_dies_is_replaced(world):
    """Who joins 60 s after the only member died gets its partitions; the clamp costs some time."""
    Person(world).settle(0)
    b = Person(world)
    granted = {}
    for now in range(60, 150, 3):
        b.beat(now)
        granted |= dict.fromkeys(b.state.turn(now).granted, now)
    assert len(granted) == 2
    assert max(granted.values()) <= 81


def test_a_late_heartbeat_releases_nothing(world):
    """A heartbeat that was sent before a grant and is executed after it leaves the grant alone."""
    a, b = Person(world), Person(world)
    a.beat(0)
    late = Beat(0.5, "hb", a.state.member_id)
    a.settle(1)
    world.heartbeat(late, a.who, 2)
    b.beat(3)
    b.beat(4)
    assert b.state.turn(5).granted == frozenset()


def test_a_partition_waits_for_its_owner(world):
    """It is granted to the next only after the last owner gave it back."""
    a, b = Person(world), Person(world)
    a.settle(0)
    b.beat(1)
    assert b.beat(2).waiting == 1
    a.beat(3)
    revoked = a.state.turn(3).revoked
    assert b.beat(4).waiting == 1
    a.state.released(revoked, 5)
    a.beat(5)
    assert [o.place for o in b.settle(6)] == [o.place for o in revoked]


def test_the_shortcut_ends_with_the_connection(world):
    """After a failover that forgot a release, the next heartbeats bring everybody in line."""
    a, b = Person(world), Person(world)
    a.settle(0)
    b.beat(1)
    kept = world.keep(GROUP)
    a.settle(2)
    b.settle(3)
    world.fail_over(kept)
    for person in (a, b):
        person.state.failed(person.state.beat(4), 4, (0.05, 1))
    for person in (a, b, a, b):
        person.settle(5)
    held = [o.partition for person in (a, b) for o in person.state._held]
    assert sorted(held) == [0, 1]


def test_one_member_at_a_time_assigns(world):
    """The snapshot goes to one member; to another one when that one has been silent for 2 s."""
    people = [Person(world) for _ in range(3)]
    answers = [
        world.heartbeat(person.state.beat(now), person.who, now)
        for now, person in enumerate(people, start=0)
    ]
    assert [answer.snapshot is not None for answer in answers] == [True, False, True]


def test_who_assigns_may_ask_again(world):
    """An assignor whose target came too late gets the next snapshot without delay."""
    a, b = Person(world), Person(world)
    first = world.heartbeat(a.state.beat(0), a.who, 0)
    b.beat(0.1)
    assert world.install(GROUP, first.epoch, {a.state.member_id: ""}) == "STALE"
    again = world.heartbeat(a.state.beat(0.2), a.who, 0.2)
    assert world.install(GROUP, again.epoch, world.targets(again.snapshot)) == "INSTALLED"
    assert world.install(GROUP, again.epoch, world.targets(again.snapshot)) == "STALE"


def test_the_bell_rings_for_epochs_targets_and_releases(world):
    """Whoever waits for the bell hears of every step of a hand-over."""
    a, b = Person(world), Person(world)
    a.settle(0)
    heard = [world.rings(GROUP)]
    for step in (
        lambda: world.heartbeat(b.state.beat(1), b.who, 1),
        lambda: a.beat(4),
        lambda: a.settle(5),
    ):
        step()
        heard.append(world.rings(GROUP))
    assert len({ring[0] for ring in heard}) == 4
    assert heard[-1][1][0] == heard[-1][1][1]


def test_a_static_member_starts_again_unnoticed(world):
    """A new process with the same instance gets what the old one had; the epoch stays."""
    a, b = Person(world, "one"), Person(world)
    for person in (a, b, a, b):
        person.settle(0)
    epoch, had = a.state.epoch, {o.place for o in a.state._held}
    again = Person(world, "one")
    assert {o.place for o in again.settle(1)} == had
    assert (again.state.epoch, b.beat(2).word) == (epoch, "SAME")


def test_two_processes_with_one_instance(world):
    """The older one is fenced, and hears nothing else from then on."""
    a = Person(world, "one")
    a.settle(0)
    Person(world, "one").settle(1)
    a.beat(2)
    assert len(a.state.turn(2).lost) == 2
    for _ in range(2):
        with pytest.raises(FencedInstanceIdError):
            a.state.turn(3)


def test_a_stuck_join_does_not_replace_its_successor(world):
    """A consumer's own join, executed after it joined anew, leaves the new incarnation alone."""
    a = Person(world, "one")
    stuck = a.state.beat(0)
    a.state.answered(stuck, Answer("UNKNOWN"), 0)
    a.settle(1)
    assert world.heartbeat(stuck, a.who, 2).word == "UNKNOWN"
    assert a.beat(3).word == "SAME"


def test_a_stuck_subscription_is_ignored(world):
    """A heartbeat with an older subscription, executed late, changes nothing."""
    a = Person(world)
    stuck = a.state.beat(0)
    a.settle(1)
    a.state.want(world.subscription("range", "sticky"), 2)
    a.settle(2)
    world.heartbeat(stuck, a.who, 3)
    assert a.beat(4).word == "SAME"


def test_a_changed_topic_makes_an_epoch(world):
    """A new digest (more partitions, another topic id) has the group assigned anew."""
    a = Person(world)
    a.settle(0)
    epoch, world.partitions = a.state.epoch, 3
    a.state.want(world.subscription(), 1)
    assert [o.partition for o in a.settle(1)] == [2]
    assert a.state.epoch > epoch


def test_members_need_a_strategy_in_common(world):
    """One without any is refused; one with some narrows what the next may bring."""
    a, b, c = (Person(world, "", s) for s in (("sticky", "range"), ("range",), ("sticky",)))
    assert [a.beat(0).word, b.beat(0).word] == ["OK", "OK"]
    assert c.beat(0).word == "PROTOCOL"
    with pytest.raises(InconsistentGroupProtocolError):
        c.state.turn(0)


def test_a_strategy_can_be_rolled_out(world):
    """When the last member with the old strategy is gone, the new one alone will do."""
    a, b = Person(world, "", ("range",)), Person(world, "", ("sticky", "range"))
    a.settle(0)
    b.beat(0)
    world.heartbeat(a.state.leave(1), a.who, 1)
    b.settle(1)
    assert Person(world, "", ("sticky",)).beat(2).word == "OK"


def test_a_share_group_is_not_joined(world):
    """A group of another type refuses consumers."""
    share = Identity(GROUP, "", "{}", SESSION, "share")
    world.heartbeat(Beat(0, "join", "s-1", "1 0 - t"), share, 0)
    a = Person(world)
    a.beat(0)
    with pytest.raises(InconsistentGroupProtocolError):
        a.state.turn(0)


def test_an_outsider_commits_only_beside_nobody(world, link, namespace):
    """While members live there is no number for others; then there is one above all fences."""
    a = Person(world)
    fence = max(o.fence for o in a.settle(0))
    assert number_for_outsider(link, namespace, GROUP) is None
    world.heartbeat(a.state.leave(1), a.who, 1)
    assert number_for_outsider(link, namespace, GROUP) > fence


def test_an_outsider_may_come_first(link, namespace):
    """A group that never had a member has a number."""
    assert number_for_outsider(link, namespace, "new") > 0


def test_a_member_is_removed_by_name_or_instance(world, link, namespace):
    """An admin expels a member; it joins again if it lives."""
    a, b = Person(world), Person(world, "one")
    a.settle(0)
    b.beat(0)
    expelled = b.state.member_id
    assert remove_member(link, namespace, GROUP, instance="one") == expelled
    assert remove_member(link, namespace, GROUP, member=a.state.member_id) == a.state.member_id
    assert remove_member(link, namespace, GROUP, member="nobody") is None
    assert a.beat(1).word == "UNKNOWN"
