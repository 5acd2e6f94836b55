"""Managing groups: who is in them, what they have committed, and moving and deleting them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from streamfacade import OffsetAndMetadata, OffsetSpec, TopicPartition
from streamfacade.admin import GroupState, MemberToRemove
from streamfacade.driver import Capability
from streamfacade.errors import (
    GroupSubscribedToTopicError,
    NoError,
    UnknownMemberIdError,
    UnsupportedCapabilityError,
)
from streamfacade.testing.harness import (
    lacking,
    polling,
    read,
    requires,
    until,
    values,
)

if TYPE_CHECKING:
    from streamfacade import Admin, Consumer
    from streamfacade.testing.harness import Harness


def member(harness: Harness, topic: str, group: str, **options: Any) -> Consumer[Any, Any]:
    """Return the only member of a group, which has all of a topic's partitions."""
    consumer = harness.consumer(topic, group_id=group, **options)
    everything = {TopicPartition(topic, p) for p in consumer.partitions_for_topic(topic) or ()}
    polling(consumer, lambda: consumer.assignment() == everything, "it has all partitions")
    return consumer


def committed(harness: Harness, topic: str, offset: int = 2, note: str = "") -> str:
    """Return a group without members that has committed an offset of partition 0."""
    group, place = harness.name(), TopicPartition(topic, 0)
    kept = OffsetAndMetadata(offset, note)
    assert harness.admin().alter_group_offsets(group, {place: kept}) == {place: NoError}
    return group


def described(admin: Admin, group: str) -> dict[str, Any]:
    """Return what there is to know of one group."""
    return admin.describe_groups([group])[group]


def state(admin: Admin, group: str) -> str:
    """Return the state of a group."""
    return str(described(admin, group)["group_state"])


class TestGroupAdminListing:
    """Which groups there are, and who is in them."""

    def test_a_group_is_listed(self, harness: Harness) -> None:
        """A group with members is listed as Stable, and can be picked by its state."""
        topic, group, admin = harness.topic(), harness.name(), harness.admin()
        member(harness, topic, group)
        until(lambda: state(admin, group) == "Stable", "it is stable")
        rows = {row["group_id"]: row for row in admin.list_groups()}
        assert rows[group]["protocol_type"] == "consumer"
        assert rows[group]["group_state"] == "Stable"
        assert rows[group]["group_type"] == "classic"
        assert group in {r["group_id"] for r in admin.list_groups(states_filter=["stable"])}
        assert group not in {
            r["group_id"] for r in admin.list_groups(states_filter=[GroupState.EMPTY])
        }
        assert group not in {r["group_id"] for r in admin.list_groups(types_filter=["share"])}
        assert (group, "consumer") in admin.list_consumer_groups()

    def test_an_unknown_filter_is_refused(self, harness: Harness) -> None:
        """States and types that do not exist are ValueErrors."""
        with pytest.raises(ValueError, match="sleepy"):
            harness.admin().list_groups(states_filter=["sleepy"])

    def test_members_are_described(self, harness: Harness) -> None:
        """A member shows its ids, its host, the topics it wants and the partitions it has."""
        topic, group, admin = harness.topic(2), harness.name(), harness.admin()
        consumer = member(harness, topic, group, client_id="teller")
        until(lambda: state(admin, group) == "Stable", "it is stable")
        found = described(admin, group)
        assert found["group_id"] == group
        assert found["protocol_type"] == "consumer"
        assert found["error"] is None
        (one,) = found["members"]
        assert one["member_id"] == consumer.group_metadata().member_id
        assert one["client_id"] == "teller"
        assert one["group_instance_id"] is None
        assert one["client_host"]
        assert one["member_metadata"]["topics"] == [topic]
        assert one["member_assignment"]["assigned_partitions"] == [
            {"topic": topic, "partitions": [0, 1]}
        ]

    def test_the_strategy_is_shown(self, harness: Harness) -> None:
        """`protocol_data` names the strategy that the members agreed on."""
        topic, group, admin = harness.topic(), harness.name(), harness.admin()
        member(harness, topic, group, partition_assignment_strategy=["range"])
        until(lambda: state(admin, group) == "Stable", "it is stable")
        assert described(admin, group)["protocol_data"] == "range"

    def test_a_static_member_is_named(self, harness: Harness) -> None:
        """A member's `group_instance_id` is shown."""
        topic, group, admin = harness.topic(), harness.name(), harness.admin()
        member(harness, topic, group, group_instance_id="till 1")
        (one,) = described(admin, group)["members"]
        assert one["group_instance_id"] == "till 1"

    @requires(Capability.SHARED_GROUPS)
    def test_who_has_nothing_is_described_too(self, harness: Harness) -> None:
        """A member without partitions shows what it wants."""
        topic, group, admin = harness.topic(), harness.name(), harness.admin()
        first = member(harness, topic, group)
        second = harness.consumer(topic, group_id=group)

        def both() -> bool:
            first.poll(timeout_ms=20)
            second.poll(timeout_ms=20)
            found = described(admin, group)
            return found["group_state"] == "Stable" and len(found["members"]) == 2

        until(both, "both are members")
        members = described(admin, group)["members"]
        assert [one["member_metadata"]["topics"] for one in members] == [[topic], [topic]]
        shares = [one["member_assignment"]["assigned_partitions"] for one in members]
        assert sorted(shares, key=len) == [[], [{"topic": topic, "partitions": [0]}]]

    def test_a_group_outlives_its_members(self, harness: Harness) -> None:
        """When the last member has left, the group is Empty, and still listed."""
        topic, group, admin = harness.topic(), harness.name(), harness.admin()
        member(harness, topic, group).close()
        until(lambda: state(admin, group) == "Empty", "it is empty")
        assert described(admin, group)["members"] == []
        assert described(admin, group)["error"] is None
        rows = {row["group_id"]: row for row in admin.list_groups()}
        assert rows[group]["group_state"] == "Empty"
        assert rows[group]["protocol_type"] == "consumer"

    def test_a_killed_member_goes_after_its_session(self, harness: Harness) -> None:
        """Who dies without a word is described until its session is over."""
        topic, group, admin = harness.topic(), harness.name(), harness.admin()
        timeout = harness.session_timeout_ms
        session = {"session_timeout_ms": timeout, "heartbeat_interval_ms": timeout // 3}
        victim = harness.worker(topic, group_id=group, **session)
        polling(victim, lambda: victim.assignment(), "it has the partition")
        harness.kill(victim)
        assert len(described(admin, group)["members"]) == 1
        until(lambda: state(admin, group) == "Empty", "it is empty")

    def test_an_unknown_group_is_dead(self, harness: Harness) -> None:
        """A group that nobody heard of is Dead, with an error, and describing makes none."""
        admin, group = harness.admin(), harness.name()
        found = described(admin, group)
        assert (found["group_state"], found["members"]) == ("Dead", [])
        assert "GroupIdNotFoundError" in found["error"]
        assert group not in {row["group_id"] for row in admin.list_groups()}

    def test_a_group_without_members_ever(self, harness: Harness) -> None:
        """Who commits with `assign` makes a group that is listed without a protocol."""
        topic, group, admin = harness.topic(), harness.name(), harness.admin()
        reader = harness.reader(topic, group_id=group)
        reader.commit({TopicPartition(topic, 0): OffsetAndMetadata(0)})
        rows = {row["group_id"]: row for row in admin.list_groups()}
        assert rows[group]["group_state"] == "Empty"
        assert rows[group]["protocol_type"] == ""
        assert state(admin, group) == "Empty"

    def test_the_old_names(self, harness: Harness) -> None:
        """kafka-python 2's names answer in its forms."""
        topic, group, admin = harness.topic(), harness.name(), harness.admin()
        consumer = member(harness, topic, group)
        consumer.commit({TopicPartition(topic, 0): OffsetAndMetadata(0, "here")})
        until(lambda: state(admin, group) == "Stable", "it is stable")
        (found,) = admin.describe_consumer_groups([group])
        assert (found.error_code, found.group, found.state) == (0, group, "Stable")
        (one,) = found.members
        assert one.member_metadata.subscription == [topic]
        assert one.member_assignment.assignment == [(topic, [0])]
        offsets = admin.list_consumer_group_offsets(group)
        assert offsets[TopicPartition(topic, 0)][:2] == (0, "here")
        consumer.close()
        assert admin.delete_consumer_groups([group]) == [(group, NoError)]


class TestGroupAdminRemoving:
    """Expelling members."""

    @requires(Capability.REMOVE_MEMBERS)
    def test_a_member_is_removed(self, harness: Harness) -> None:
        """A removed member loses its partitions at once; if it still runs, it joins again."""
        topic, group, admin = harness.topic(), harness.name(), harness.admin()
        worker = harness.worker(topic, group_id=group)
        polling(worker, lambda: worker.assignment(), "it has the partition")
        harness.freeze(worker)
        (one,) = described(admin, group)["members"]
        who = MemberToRemove(member_id=one["member_id"])
        assert admin.remove_group_members(group, [who]) == {one["member_id"]: NoError}
        assert state(admin, group) == "Empty"
        harness.thaw(worker)
        polling(worker, lambda: described(admin, group)["members"], "it is back")

    @requires(Capability.REMOVE_MEMBERS)
    def test_a_static_member_is_removed_by_its_name(self, harness: Harness) -> None:
        """A static member that is gone for good makes room at once."""
        topic, group, admin = harness.topic(), harness.name(), harness.admin()
        worker = harness.worker(topic, group_id=group, group_instance_id="till 2")
        polling(worker, lambda: worker.assignment(), "it has the partition")
        harness.kill(worker)
        who = MemberToRemove(group_instance_id="till 2")
        assert admin.remove_group_members(group, [who]) == {"till 2": NoError}
        assert state(admin, group) == "Empty"

    @requires(Capability.REMOVE_MEMBERS)
    def test_nobody_is_removed(self, harness: Harness) -> None:
        """A member that is not there is an UnknownMemberIdError."""
        who = MemberToRemove(member_id="nobody")
        done = harness.admin().remove_group_members(harness.name(), [who])
        assert done == {"nobody": UnknownMemberIdError}

    @lacking(Capability.REMOVE_MEMBERS)
    def test_removing_is_refused(self, harness: Harness) -> None:
        """Without the capability the call says so."""
        with pytest.raises(UnsupportedCapabilityError, match="remove_members"):
            harness.admin().remove_group_members("g", [MemberToRemove("m")])

    def test_a_member_has_a_name(self) -> None:
        """A member to remove is named by one of its ids."""
        with pytest.raises(ValueError, match="member_id"):
            MemberToRemove()


class TestGroupAdminRefusals:
    """What may not be done while members live."""

    def test_a_live_group_is_not_moved(self, harness: Harness) -> None:
        """Altering and resetting are UnknownMemberIdErrors, and nothing moves."""
        topic, group, admin = harness.topic(2), harness.name(), harness.admin()
        place, other = TopicPartition(topic, 0), TopicPartition(harness.topic(), 0)
        consumer = member(harness, topic, group)
        consumer.commit({place: OffsetAndMetadata(0)})
        done = admin.alter_group_offsets(
            group, {place: OffsetAndMetadata(3), other: OffsetAndMetadata(3)}
        )
        assert done == dict.fromkeys([place, other], UnknownMemberIdError)
        reset = admin.reset_group_offsets(group, {place: OffsetSpec.LATEST})
        assert reset[place]["error"] is UnknownMemberIdError
        assert admin.list_group_offsets(group)[group][place].offset == 0

    def test_a_live_group_is_not_deleted(self, harness: Harness) -> None:
        """Deleting is a NonEmptyGroupError, and the group goes on."""
        topic, group, admin = harness.topic(), harness.name(), harness.admin()
        consumer = member(harness, topic, group)
        assert admin.delete_groups([group]) == {group: "NonEmptyGroupError"}
        consumer.commit({TopicPartition(topic, 0): OffsetAndMetadata(1)})
        assert consumer.committed(TopicPartition(topic, 0)) == 1

    @requires(Capability.DELETE_OFFSETS)
    def test_wanted_offsets_are_not_forgotten(self, harness: Harness) -> None:
        """Of topics that live members want, offsets stay; of others they go."""
        topic, group, admin = harness.topic(), harness.name(), harness.admin()
        wanted, other = TopicPartition(topic, 0), TopicPartition(harness.topic(), 0)
        offsets = {wanted: OffsetAndMetadata(1), other: OffsetAndMetadata(1)}
        admin.alter_group_offsets(group, offsets)
        member(harness, topic, group)
        done = admin.delete_group_offsets(group, [wanted, other])
        assert done == {wanted: GroupSubscribedToTopicError, other: NoError}
        assert set(admin.list_group_offsets(group)[group]) == {wanted}


class TestGroupAdminDeleting:
    """Deleting groups."""

    def test_a_group_is_deleted(self, harness: Harness) -> None:
        """A deleted group is gone with its offsets; the name may be used again."""
        topic, group, admin = harness.topic(2), harness.name(), harness.admin()
        harness.send(topic, b"0", b"1", partition=0)
        consumer = member(harness, topic, group)
        consumer.commit({TopicPartition(topic, 0): OffsetAndMetadata(2)})
        consumer.close()
        until(lambda: state(admin, group) == "Empty", "it is empty")
        assert admin.delete_groups([group]) == {group: "OK"}
        assert state(admin, group) == "Dead"
        assert group not in {row["group_id"] for row in admin.list_groups()}
        assert admin.list_group_offsets(group) == {group: {}}
        again = harness.consumer(topic, group_id=group)
        assert values(read(again, 2)) == [b"0", b"1"]

    def test_each_group_has_its_own_answer(self, harness: Harness) -> None:
        """An unknown group is a GroupIdNotFoundError, and keeps no other."""
        known, unknown = committed(harness, harness.topic()), harness.name()
        done = harness.admin().delete_groups([unknown, known])
        assert done == {unknown: "GroupIdNotFoundError", known: "OK"}

    def test_a_group_that_is_gone_can_come_back(self, harness: Harness) -> None:
        """Who commits into a deleted group makes it anew."""
        topic, admin = harness.topic(), harness.admin()
        group, place = committed(harness, topic), TopicPartition(topic, 0)
        assert admin.delete_groups([group]) == {group: "OK"}
        admin.alter_group_offsets(group, {place: OffsetAndMetadata(1)})
        assert admin.list_group_offsets(group)[group][place].offset == 1
        assert state(admin, group) == "Empty"
