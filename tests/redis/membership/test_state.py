"""What a member does, without a server: answers are made up, time is a number."""

from __future__ import annotations

from itertools import count
from math import inf

import pytest

from streamfacade.errors import FencedInstanceIdError, UnknownError
from streamfacade_redis.membership.state import State
from streamfacade_redis.membership.wire import Answer, Owned

A, B = Owned("t", "1x", 0, 7), Owned("t", "1x", 1, 8)
BACKOFF = (0.05, 1.0)


def _ok(*assigned: Owned, back: tuple[Owned, ...] = (), waiting: int = 0, epoch: int = 5) -> Answer:
    held, giving = frozenset(assigned), frozenset(back)
    return Answer(
        "OK", epoch=epoch, stable=True, assigned=held, giving_back=giving, waiting=waiting,
        earliest=45.0,
    )  # fmt: skip


@pytest.fixture
def state():
    """Give a member that wants something and has not joined."""
    numbers = count(1)
    state = State(lambda: f"m-{next(numbers)}", session=45.0, interval=3.0, max_poll_interval=300.0)
    state.want("digest sticky t", 0.0)
    return state


@pytest.fixture
def owner(state):
    """Give a member that was told to work on A and B."""
    state.answered(state.beat(0), _ok(A, B), 0)
    assert state.turn(0).granted == {A, B}
    return state


def test_nothing_is_wanted_yet():
    """Without a subscription a member is not due."""
    assert State(lambda: "m", session=45.0, interval=3.0).next_beat() == inf


def test_the_first_heartbeat_joins(state):
    """It brings the subscription; the next ones do not repeat it."""
    first = state.beat(0)
    assert (first.op, first.subscription) == ("join", "1 digest sticky t")
    state.answered(first, _ok(), 0)
    assert (state.beat(3).op, state.beat(3).subscription) == ("hb", "")


def test_news_are_told_once(owner):
    """A second turn says nothing."""
    assert not any(owner.turn(1))
    assert not owner.has_news(1)


def test_the_lease_counts_from_sending(owner):
    """An answer that took long prolongs the lease only from when its heartbeat was sent."""
    owner.answered(owner.beat(3), Answer("SAME", earliest=45), 40)
    assert owner.holds_lease(47.9)
    assert not owner.holds_lease(48)


def test_a_lapsed_lease_loses_and_releases_all(owner):
    """What was held is lost, and the next heartbeat gives it all back."""
    assert owner.turn(45).lost == {A, B}
    assert owner.beat(45).releases == {A, B}


def test_a_lapsed_fence_does_not_come_back(owner):
    """An answer that still grants it is not listened to until the release is acknowledged."""
    beat = owner.beat(3)
    owner.turn(46)
    owner.answered(beat, _ok(A, B), 46)
    assert not owner.turn(46).granted


def test_a_renewed_lease_is_not_the_old_one(owner):
    """A thawed process beats before it polls: the polling thread may hand nothing out."""
    owner.answered(owner.beat(60), _ok(), 60)
    assert not owner.holds_lease(60)
    assert owner.turn(60).lost == {A, B}
    assert owner.holds_lease(60)


def test_releases_are_repeated_until_acknowledged(owner):
    """A heartbeat without an answer may not have been executed."""
    owner.released([A], 1)
    lost = owner.beat(1)
    owner.failed(lost, 2, BACKOFF)
    again = owner.beat(2)
    assert again.releases == lost.releases == {A}
    owner.answered(again, _ok(B), 2)
    assert owner.beat(3).releases == frozenset()


def test_an_abandoned_answer_is_ignored(owner):
    """Only the last heartbeat counts."""
    abandoned = owner.beat(3)
    owner.beat(8)
    owner.answered(abandoned, _ok(), 9)
    assert not owner.turn(9).lost


def test_a_revocation_waits_for_the_polling_thread(owner):
    """It is acknowledged only after `released`, and then at once."""
    owner.answered(owner.beat(3), _ok(A, back=(B,)), 3)
    assert owner.beat(6).releases == frozenset()
    assert owner.turn(6).revoked == {B}
    owner.released([B], 7)
    assert owner.next_beat() == 7
    assert owner.beat(7).releases == {B}


def test_a_revocation_may_be_withdrawn(owner):
    """As long as the polling thread has not heard of it."""
    owner.answered(owner.beat(3), _ok(A, back=(B,)), 3)
    owner.answered(owner.beat(4), _ok(A, B), 4)
    assert not any(owner.turn(4))


def test_what_nobody_was_told_of_is_given_back_silently(state):
    """A partition granted and revoked between two turns never shows."""
    state.answered(state.beat(0), _ok(A), 0)
    state.answered(state.beat(1), _ok(back=(A,)), 1)
    assert not any(state.turn(1))
    assert state.beat(1).releases == {A}


def test_what_is_neither_assigned_nor_to_be_given_back_is_lost(owner):
    """The group gave it to somebody else."""
    owner.answered(owner.beat(3), _ok(A), 3)
    assert not owner.holds_lease(3)
    assert owner.turn(3) == (frozenset({B}), frozenset(), frozenset())


def test_an_expelled_member_joins_under_another_name(owner):
    """All is lost, at once."""
    before = owner.member_id
    owner.answered(owner.beat(3), Answer("UNKNOWN"), 3)
    assert owner.next_beat() == 3
    beat = owner.beat(3)
    assert (beat.op, beat.releases) == ("join", frozenset())
    assert beat.member == owner.member_id != before
    assert owner.turn(3).lost == {A, B}


def test_a_refused_claim_is_healed(owner):
    """The next heartbeat, due at once, gives the partition back and tells the higher fence."""
    owner.refused(A, 99, 1)
    beat = owner.beat(owner.next_beat())
    assert (beat.sent, beat.releases, beat.seen) == (1, {A}, 99)


def test_a_member_that_does_not_poll_leaves(owner):
    """After max_poll_interval_ms it leaves, and joins again with the next poll."""
    for now in range(3, 300, 3):
        owner.answered(owner.beat(now), Answer("SAME", earliest=45), now)
    beat = owner.beat(301)
    assert beat.op == "leave"
    owner.answered(beat, Answer("LEFT", "0"), 301)
    assert owner.next_beat() == inf
    assert owner.turn(400).lost == {A, B}
    assert owner.beat(owner.next_beat()).op == "join"


def test_heartbeats_follow_the_situation(owner):
    """3 s in peace, 300 ms while waiting, sooner when somebody is about to expire."""
    owner.answered(owner.beat(3), _ok(A, B), 3)
    assert owner.next_beat() == 6
    owner.answered(owner.beat(6), _ok(A, B, waiting=1), 6)
    assert owner.next_beat() == pytest.approx(6.3)
    owner.answered(owner.beat(7), Answer("SAME", earliest=0.5), 7)
    assert owner.next_beat() == 7.5


def test_the_bell_is_for_those_it_concerns(owner):
    """A member that has reached the target of the epoch that is rung sleeps on."""
    due = owner.next_beat()
    owner.rung(5, 5, 1)
    assert owner.next_beat() == due
    owner.rung(6, 5, 1)
    assert owner.next_beat() == 1


def test_the_shortcut_needs_an_unbroken_connection(owner):
    """A heartbeat after a failure asks for everything: the server may be another one."""
    beat = owner.beat(3)
    assert beat.settled == 5
    owner.failed(beat, 3, BACKOFF)
    assert owner.beat(4).settled == 0


def test_failures_are_retried_slower_and_slower(owner):
    """The pause doubles, up to the largest; an answer resets it."""
    pauses = []
    for _ in range(6):
        owner.failed(owner.beat(3), 3, BACKOFF)
        pauses.append(owner.next_beat() - 3)
    assert pauses == pytest.approx([0.05, 0.1, 0.2, 0.4, 0.8, 1.0])


def test_the_last_news_come_before_the_error(owner):
    """A fenced instance first loses its partitions, then raises, for good."""
    owner.answered(owner.beat(3), Answer("FENCED_INSTANCE"), 3)
    assert owner.turn(3).lost == {A, B}
    for _ in range(2):
        with pytest.raises(FencedInstanceIdError):
            owner.turn(4)
    assert owner.next_beat() == inf


def test_other_errors_are_raised_once(owner):
    """Membership goes on."""
    owner.fail(UnknownError("x"))
    with pytest.raises(UnknownError):
        owner.turn(1)
    assert not any(owner.turn(1))
