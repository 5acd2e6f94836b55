"""Groups: several members share a topic's partitions, hand them over, and outlive each other."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from streamfacade import ConsumerRebalanceListener, OffsetAndMetadata, TopicPartition
from streamfacade.driver import Capability
from streamfacade.errors import (
    CommitFailedError,
    InconsistentGroupProtocolError,
    KafkaConfigurationError,
    KafkaError,
    RebalanceInProgressError,
    UnsupportedCapabilityError,
)
from streamfacade.testing.harness import PATIENCE, lacking, polling, requires, until, values

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from streamfacade import Consumer
    from streamfacade.testing.harness import Harness, Record

    Member = Consumer[Any, Any]

REFUSALS = (CommitFailedError, RebalanceInProgressError)


class Diary(ConsumerRebalanceListener):
    """Writes down what it is told, and does what a test wants done then."""

    def __init__(self, **do: Callable[[set[TopicPartition]], object]) -> None:
        """Do `revoked`, `assigned`, `lost` with the partitions."""
        self.entries: list[tuple[str, set[TopicPartition]]] = []
        self._do = do

    def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Note it."""
        self._note("revoked", revoked)

    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Note it."""
        self._note("assigned", assigned)

    def on_partitions_lost(self, lost: set[TopicPartition]) -> None:
        """Note it."""
        self._note("lost", lost)

    def _note(self, event: str, partitions: set[TopicPartition]) -> None:
        self.entries.append((event, set(partitions)))
        if event in self._do:
            self._do[event](partitions)

    def told(self, event: str) -> set[TopicPartition]:
        """Return all partitions that came with an event."""
        return {p for name, partitions in self.entries if name == event for p in partitions}


def places(topic: str, count: int) -> set[TopicPartition]:
    """Return the partitions of a topic."""
    return {TopicPartition(topic, p) for p in range(count)}


def shared(partitions: set[TopicPartition], *members: Member) -> bool:
    """Return whether each partition has exactly one owner, and every member about its share."""
    owned = [member.assignment() for member in members]
    fair = max(map(len, owned)) - min(map(len, owned)) <= 1
    return fair and sum(map(len, owned)) == len(partitions) and set().union(*owned) == partitions


def together(
    members: list[Member],
    condition: Callable[[], object],
    what: str,
    got: list[Record] | None = None,
) -> None:
    """Poll the members in turn until something holds; records that come are added to `got`."""

    def turn() -> object:
        for member in members:
            for records in member.poll(timeout_ms=20).values():
                if got is not None:
                    got.extend(records)
        return condition()

    until(turn, what)


def team(harness: Harness, topic: str, group: str, size: int, **options: Any) -> list[Member]:
    """Return members of a group that have settled who reads what of a topic of six partitions."""
    members = [harness.consumer(topic, group_id=group, **options) for _ in range(size)]
    together(members, lambda: shared(places(topic, 6), *members), "the partitions are shared")
    return members


class TestSharing:
    """Who owns what while members come and go."""

    @requires(Capability.SHARED_GROUPS)
    def test_members_share_the_partitions(self, harness: Harness) -> None:
        """Three members own six partitions, two each, none twice; each record comes once."""
        topic = harness.topic(6)
        members = team(harness, topic, harness.name(), 3)
        got: list[Record] = []
        sent = [b"%d" % n for n in range(300)]
        for n, value in enumerate(sent):
            harness.sender.send(topic, value, partition=n % 6)
        harness.sender.flush(PATIENCE)
        together(members, lambda: len(got) >= len(sent), "all records came", got)
        assert sorted(values(got)) == sorted(sent)

    @requires(Capability.SHARED_GROUPS)
    def test_a_newcomer_gets_its_share(self, harness: Harness) -> None:
        """Who joins gets partitions; those that stay with the others are not taken from them."""
        topic, group, diary = harness.topic(6), harness.name(), Diary()
        first = harness.consumer(group_id=group)
        first.subscribe([topic], listener=diary)
        together([first], lambda: shared(places(topic, 6), first), "the first has all")
        second = harness.consumer(topic, group_id=group)
        together([first, second], lambda: shared(places(topic, 6), first, second), "shared")
        assert len(diary.told("revoked")) == 3
        assert diary.told("revoked") == second.assignment()
        assert not diary.told("lost")

    @requires(Capability.SHARED_GROUPS)
    def test_who_stays_has_all_in_the_end(self, harness: Harness) -> None:
        """When members close, those that stay take over, from what was committed."""
        topic, group = harness.topic(6), harness.name()
        leaver, stayer = team(harness, topic, group, 2)
        for n in range(6):
            harness.send(topic, b"%d" % n, partition=n)
        got: list[Record] = []
        together([leaver, stayer], lambda: len(got) == 6, "all records came", got)
        leaver.commit()
        leaver.close()
        together([stayer], lambda: shared(places(topic, 6), stayer), "the other has all", got)
        assert len(got) == 6, "nothing that was committed comes again"

    @requires(Capability.SHARED_GROUPS)
    def test_a_killed_member_is_replaced(self, harness: Harness) -> None:
        """A dead member's partitions move when its session is over, uncommitted records again."""
        topic, group, timeout = harness.topic(6), harness.name(), harness.session_timeout_ms
        session = {"session_timeout_ms": timeout, "heartbeat_interval_ms": timeout // 3}
        victim = harness.worker(topic, group_id=group, **session)
        heir = harness.consumer(topic, group_id=group, **session)
        both = [victim, heir]
        together(both, lambda: shared(places(topic, 6), *both), "shared")
        mine = sorted(p.partition for p in victim.assignment())
        for n in mine:
            harness.send(topic, b"%d" % n, partition=n)
        read_by_victim: list[Record] = []
        together([victim], lambda: len(read_by_victim) == 3, "the victim read", read_by_victim)
        harness.kill(victim)
        got: list[Record] = []
        together([heir], lambda: len(got) >= 3, "the heir reads what the victim had", got)
        assert sorted(record.partition for record in got) == mine
        assert heir.assignment() == places(topic, 6)

    @requires(Capability.SHARED_GROUPS)
    def test_more_members_than_partitions(self, harness: Harness) -> None:
        """Who finds no partition left waits, and takes over when another leaves."""
        topic, group = harness.topic(1), harness.name()
        first = harness.consumer(topic, group_id=group)
        together([first], lambda: shared(places(topic, 1), first), "the first has it")
        second = harness.consumer(topic, group_id=group)
        together([first, second], lambda: second.group_metadata().member_id, "the second joined")
        assert not second.assignment()
        first.close()
        together([second], lambda: second.assignment() == places(topic, 1), "the second has it")

    @requires(Capability.SHARED_GROUPS)
    def test_members_with_different_topics(self, harness: Harness) -> None:
        """A topic goes to those who want it."""
        one, two, group = harness.topic(2), harness.topic(2), harness.name()
        both = harness.consumer(one, two, group_id=group)
        single = harness.consumer(two, group_id=group)
        everything = places(one, 2) | places(two, 2)
        together([both, single], lambda: shared(everything, both, single), "shared")
        assert single.assignment() == places(two, 2)
        assert both.assignment() == places(one, 2)

    @requires(Capability.SHARED_GROUPS)
    def test_a_new_subscription_changes_the_shares(self, harness: Harness) -> None:
        """`subscribe` again replaces what a member wants; what it no longer wants goes."""
        one, two, group = harness.topic(2), harness.topic(2), harness.name()
        member = harness.consumer(one, group_id=group)
        polling(member, lambda: member.assignment() == places(one, 2), "has the first topic")
        member.subscribe([two])
        polling(member, lambda: member.assignment() == places(two, 2), "has the second topic")

    @requires(Capability.SHARED_GROUPS)
    def test_topics_that_come_later(self, harness: Harness) -> None:
        """A pattern takes in topics that are made while members live."""
        group, stem = harness.name(), harness.name()
        member = harness.consumer(group_id=group, metadata_max_age_ms=200)
        harness.admin().create_topics([f"{stem}-one"])
        member.subscribe(pattern=f"{stem}-.*")
        polling(member, lambda: len(member.assignment()) == 1, "has the first topic")
        harness.admin().create_topics([f"{stem}-two"])
        polling(member, lambda: len(member.assignment()) == 2, "has the second topic")


class TestStrategies:
    """`partition_assignment_strategy`."""

    @requires(Capability.SHARED_GROUPS)
    @pytest.mark.parametrize("strategy", ["range", "roundrobin", "sticky"])
    def test_every_strategy_shares(self, harness: Harness, strategy: str) -> None:
        """Under each, two members own six partitions, three each."""
        options = {"partition_assignment_strategy": [strategy]}
        members = team(harness, harness.topic(6), harness.name(), 2, **options)
        assert sorted(len(member.assignment()) for member in members) == [3, 3]

    @requires(Capability.CUSTOM_ASSIGNOR)
    def test_your_own_assignor(self, harness: Harness) -> None:
        """An object with `name` and `assign(wanted, counts, current)` decides."""
        topic, group = harness.topic(6), harness.name()
        options = {"group_id": group, "partition_assignment_strategy": [Greedy()]}
        members = [harness.consumer(topic, **options) for _ in range(2)]
        together(
            members,
            lambda: (
                sorted(len(m.assignment()) for m in members) == [0, 6]
                and all(m.group_metadata().member_id for m in members)
            ),
            "one has everything",
        )

    @lacking(Capability.CUSTOM_ASSIGNOR)
    def test_your_own_assignor_is_refused(self, harness: Harness) -> None:
        """Where only the server's assignors are known, another is refused at construction."""
        with pytest.raises(UnsupportedCapabilityError, match="custom_assignor"):
            harness.consumer(group_id="g", partition_assignment_strategy=[Greedy()])

    @requires(Capability.SHARED_GROUPS)
    def test_strategies_must_meet(self, harness: Harness) -> None:
        """A member that has no strategy in common with the others does not get in."""
        topic, group = harness.topic(1), harness.name()
        first = harness.consumer(
            topic, group_id=group, partition_assignment_strategy=["roundrobin"]
        )
        together([first], first.assignment, "the first has the partition")
        second = harness.consumer(topic, group_id=group, partition_assignment_strategy=["range"])
        with pytest.raises(InconsistentGroupProtocolError):
            polling(second, lambda: False, "the refusal comes")

    def test_an_unknown_strategy_is_refused(self, harness: Harness) -> None:
        """A name that nobody knows is a configuration error at construction."""
        with pytest.raises(KafkaConfigurationError):
            harness.consumer(group_id="g", partition_assignment_strategy=["alphabetical"])


class Greedy:
    """Gives everything to the first member."""

    name = "greedy"

    def assign(
        self,
        wanted: Mapping[str, Collection[str]],
        counts: Mapping[str, int],
        current: Mapping[str, Collection[TopicPartition]],
    ) -> dict[str, set[TopicPartition]]:
        """Return all partitions for the member whose name sorts first."""
        topics = {topic for names in wanted.values() for topic in names}
        return {min(wanted): {p for topic in topics for p in places(topic, counts.get(topic, 0))}}


class TestZombies:
    """Members that were away and come back."""

    @requires(Capability.SHARED_GROUPS)
    def test_a_frozen_member_loses_its_rights(self, harness: Harness) -> None:
        """Frozen past its session, a member commits nothing, and goes on from what is committed."""
        topic, group, timeout = harness.topic(1), harness.name(), harness.session_timeout_ms
        session = {"session_timeout_ms": timeout, "heartbeat_interval_ms": timeout // 3}
        place = TopicPartition(topic, 0)
        zombie = harness.worker(topic, group_id=group, max_poll_records=5, **session)
        harness.send(topic, *(b"%d" % n for n in range(20)))
        got: list[Record] = []
        together([zombie], lambda: len(got) >= 5, "the zombie-to-be reads", got)
        harness.freeze(zombie)
        heir = harness.consumer(topic, group_id=group, **session)
        read: list[Record] = []
        together([heir], lambda: len(read) == 20, "the heir reads everything", read)
        heir.commit()
        assert heir.committed(place) == 20
        harness.thaw(zombie)
        with pytest.raises(REFUSALS):
            zombie.commit({place: OffsetAndMetadata(5, "")})
        assert heir.committed(place) == 20
        assert not zombie.poll(timeout_ms=300), "what it had fetched is not its own any more"
        heir.close()
        late: list[Record] = []
        together([zombie], lambda: zombie.assignment(), "it owns the partition again", late)
        harness.send(topic, b"new")
        together([zombie], lambda: late, "it reads what is new", late)
        assert values(late) == [b"new"]

    @requires(Capability.SHARED_GROUPS)
    def test_who_polls_too_rarely_is_out(self, harness: Harness) -> None:
        """Past `max_poll_interval_ms` others get a member's partitions; to it they are lost."""
        topic, group, timeout = harness.topic(1), harness.name(), harness.session_timeout_ms
        options = {
            "session_timeout_ms": timeout,
            "heartbeat_interval_ms": timeout // 3,
            "max_poll_interval_ms": timeout,
        }
        diary = Diary()
        sleeper = harness.consumer(group_id=group, **options)
        sleeper.subscribe([topic], listener=diary)
        polling(sleeper, lambda: sleeper.assignment(), "the sleeper has the partition")
        heir = harness.consumer(topic, group_id=group, **options)
        polling(heir, lambda: heir.assignment(), "the heir has it")
        until(
            lambda: (
                sleeper.poll(timeout_ms=20) is None or diary.told("lost") | diary.told("revoked")
            ),
            "the sleeper was told",
        )
        assert diary.told("lost") == places(topic, 1)

    @requires(Capability.SHARED_GROUPS)
    def test_an_outsider_does_not_commit_into_a_live_group(self, harness: Harness) -> None:
        """`assign` and commit are refused while the group has members, allowed afterwards."""
        topic, group = harness.topic(1), harness.name()
        place = TopicPartition(topic, 0)
        member = harness.consumer(topic, group_id=group)
        polling(member, lambda: member.assignment(), "the member has the partition")
        outsider = harness.reader(topic, group_id=group)
        with pytest.raises(KafkaError) as refusal:
            outsider.commit({place: OffsetAndMetadata(1, "")})
        assert isinstance(refusal.value, CommitFailedError)
        assert member.committed(place) is None
        member.close()
        outsider.commit({place: OffsetAndMetadata(1, "")})
        assert outsider.committed(place) == 1


class TestListeners:
    """What listeners may do."""

    @requires(Capability.SHARED_GROUPS)
    def test_the_last_commit_is_the_listeners(self, harness: Harness) -> None:
        """A commit in `on_partitions_revoked` counts: the next owner starts there."""
        topic, group = harness.topic(6), harness.name()
        first = harness.consumer(group_id=group)
        diary = Diary(revoked=lambda _: first.commit())
        first.subscribe([topic], listener=diary)
        for n in range(6):
            harness.send(topic, b"%d" % n, partition=n)
        got: list[Record] = []
        together([first], lambda: len(got) == 6, "the first reads everything", got)
        second = harness.consumer(topic, group_id=group)
        members = [first, second]
        together(members, lambda: shared(places(topic, 6), *members), "shared", got)
        for member in members:
            member.poll(timeout_ms=200)
        assert len(got) == 6
        assert all(second.committed(p) == 1 for p in second.assignment())

    @requires(Capability.SHARED_GROUPS)
    def test_a_listener_that_raises_stops_nothing(self, harness: Harness) -> None:
        """Its error comes out of `poll` as a KafkaError; the partitions are assigned anyway."""
        topic = harness.topic(2)
        member = harness.consumer(group_id=harness.name())

        def fail(_: object) -> None:
            msg = "boom"
            raise ZeroDivisionError(msg)

        member.subscribe([topic], listener=Diary(assigned=fail))
        with pytest.raises(KafkaError) as caught:
            polling(member, lambda: False, "the error comes")
        assert isinstance(caught.value.__cause__, ZeroDivisionError)
        polling(member, lambda: member.assignment() == places(topic, 2), "it has its partitions")

    @requires(Capability.SHARED_GROUPS)
    def test_a_listener_that_closes_the_consumer(self, harness: Harness) -> None:
        """Closing from a listener ends the poll with {}, and the member has left."""
        topic, group = harness.topic(2), harness.name()
        member = harness.consumer(group_id=group)
        member.subscribe([topic], listener=Diary(assigned=lambda _: member.close()))
        deadline = time.monotonic() + PATIENCE
        while not member._unusable and time.monotonic() < deadline:  # noqa: SLF001 - its state
            assert member.poll(timeout_ms=100) == {}
        other = harness.consumer(topic, group_id=group)
        polling(other, lambda: other.assignment() == places(topic, 2), "the other has all")


class TestStaticMembers:
    """Members with a `group_instance_id` (KIP-345)."""

    @requires(Capability.SHARED_GROUPS)
    def test_a_restart_keeps_the_partitions(self, harness: Harness) -> None:
        """Back within its session, a static member has what it had; the others notice nothing."""
        topic, group, diary = harness.topic(6), harness.name(), Diary()
        first = harness.consumer(topic, group_id=group, group_instance_id="one")
        other = harness.consumer(group_id=group, group_instance_id="two")
        other.subscribe([topic], listener=diary)
        members = [first, other]
        together(members, lambda: shared(places(topic, 6), *members), "shared")
        had, entries = first.assignment(), len(diary.entries)
        first.close()
        again = harness.consumer(topic, group_id=group, group_instance_id="one")
        members = [again, other]
        together(members, lambda: again.assignment(), "it has partitions again")
        assert again.assignment() == had
        assert len(diary.entries) == entries


class TestOutsiders:
    """Consumers with partitions assigned by hand, next to a group's members."""

    @requires(Capability.SHARED_GROUPS)
    def test_the_dead_do_not_keep_outsiders_from_committing(self, harness: Harness) -> None:
        """When a group's last member has died, its session over, an outsider commits."""
        topic, group, timeout = harness.topic(1), harness.name(), harness.session_timeout_ms
        session = {"session_timeout_ms": timeout, "heartbeat_interval_ms": timeout // 3}
        place = TopicPartition(topic, 0)
        victim = harness.worker(topic, group_id=group, **session)
        together([victim], victim.assignment, "the victim has the partition")
        harness.kill(victim)
        outsider = harness.reader(topic, group_id=group)

        def commits() -> bool:
            try:
                outsider.commit({place: OffsetAndMetadata(1, "")})
            except CommitFailedError:
                return False
            return True

        until(commits, "the outsider commits")
        assert outsider.committed(place) == 1
