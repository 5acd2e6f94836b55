"""What groups have committed: seen, moved, reset and forgotten from outside."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from streamfacade import OffsetAndMetadata, OffsetSpec, TopicPartition
from streamfacade.admin import OffsetTimestamp
from streamfacade.driver import Capability
from streamfacade.errors import (
    GroupIdNotFoundError,
    NoError,
    OffsetMetadataTooLargeError,
    UnknownTopicOrPartitionError,
    UnsupportedCapabilityError,
)
from streamfacade.testing.harness import lacking, read, requires, until, values
from streamfacade.testing.suite_group_admin import committed, member, state

if TYPE_CHECKING:
    from streamfacade.testing.harness import Harness


class TestGroupAdminOffsets:
    """What groups have committed, seen and moved from outside."""

    def test_offsets_are_listed(self, harness: Harness) -> None:
        """All that a group committed is listed, notes too; of others asked for, -1."""
        topic, group, admin = harness.topic(3), harness.name(), harness.admin()
        one, two = TopicPartition(topic, 1), TopicPartition(topic, 2)
        reader = harness.reader(topic, 1, group_id=group)
        reader.commit({one: OffsetAndMetadata(7, "seven")})
        assert admin.list_group_offsets(group) == {group: {one: OffsetAndMetadata(7, "seven")}}
        asked = admin.list_group_offsets({group: [one, two]})[group]
        assert {p: kept.offset for p, kept in asked.items()} == {one: 7, two: -1}

    def test_offsets_of_several_groups(self, harness: Harness) -> None:
        """Several groups are asked about at once; an unknown one has none."""
        topic, admin, unknown = harness.topic(), harness.admin(), harness.name()
        known = committed(harness, topic)
        found = admin.list_group_offsets([known, unknown])
        assert found[known][TopicPartition(topic, 0)].offset == 2
        assert found[unknown] == {}
        with pytest.raises(ValueError, match="one group"):
            admin.list_group_offsets([])

    def test_who_starts_after_a_change_begins_there(self, harness: Harness) -> None:
        """A group that was moved goes on from there; the note is kept as given."""
        topic, admin = harness.topic(), harness.admin()
        harness.send(topic, *(b"%d" % n for n in range(5)))
        group, place = committed(harness, topic, 3, "moved"), TopicPartition(topic, 0)
        assert admin.list_group_offsets(group)[group][place][:2] == (3, "moved")
        consumer = harness.consumer(topic, group_id=group)
        assert values(read(consumer, 2)) == [b"3", b"4"]
        kept = consumer.committed(place, metadata=True)
        assert kept is not None
        assert kept[:2] == (3, "moved")

    def test_a_group_that_had_members_is_moved(self, harness: Harness) -> None:
        """Back and forth: what is altered wins over what members had committed before."""
        topic, group, admin = harness.topic(), harness.name(), harness.admin()
        harness.send(topic, *(b"%d" % n for n in range(5)))
        first, place = member(harness, topic, group), TopicPartition(topic, 0)
        first.commit({place: OffsetAndMetadata(5)})
        first.close()
        until(lambda: state(admin, group) == "Empty", "it is empty")
        done = admin.alter_group_offsets(group, {place: OffsetAndMetadata(1, None)})
        assert done == {place: NoError}
        second = harness.consumer(topic, group_id=group)
        assert values(read(second, 4)) == [b"1", b"2", b"3", b"4"]
        second.commit()
        second.close()
        until(lambda: state(admin, group) == "Empty", "it is empty again")
        assert admin.list_group_offsets(group)[group][place].offset == 5

    def test_each_partition_has_its_own_answer(self, harness: Harness) -> None:
        """A partition that does not exist and a note that is too long keep no other."""
        topic, group, admin = harness.topic(2), harness.name(), harness.admin()
        good, long, missing = (TopicPartition(topic, p) for p in (0, 1, 9))
        done = admin.alter_group_offsets(
            group,
            {
                good: OffsetAndMetadata(1),
                long: OffsetAndMetadata(1, "x" * 5000),
                missing: OffsetAndMetadata(1),
            },
        )
        assert done == {
            good: NoError,
            long: OffsetMetadataTooLargeError,
            missing: UnknownTopicOrPartitionError,
        }
        assert set(admin.list_group_offsets(group)[group]) == {good}

    def test_a_negative_offset_is_refused(self, harness: Harness) -> None:
        """An offset is a number from 0 on."""
        place = TopicPartition(harness.topic(), 0)
        with pytest.raises(ValueError, match="-1"):
            harness.admin().alter_group_offsets("g", {place: OffsetAndMetadata(-1)})

    @pytest.mark.parametrize(
        ("target", "offset"),
        [
            (OffsetSpec.EARLIEST, 0),
            (OffsetSpec.LATEST, 5),
            (3, 3),
            (99, 5),
            (-1, 5),
        ],
        ids=str,
    )
    def test_a_group_is_reset(self, harness: Harness, target: Any, offset: int) -> None:
        """To the ends or to an offset, which is brought inside the log; the note stays."""
        topic, admin = harness.topic(), harness.admin()
        harness.send(topic, *(b"%d" % n for n in range(5)))
        group, place = committed(harness, topic, 2, "note"), TopicPartition(topic, 0)
        done = admin.reset_group_offsets(group, {place: target})
        assert done == {place: {"error": NoError, "offset": offset}}
        assert admin.list_group_offsets(group)[group][place][:2] == (offset, "note")

    def test_a_group_is_reset_to_a_time(self, harness: Harness) -> None:
        """To the first record since then; past the last one it is the end."""
        topic, admin = harness.topic(), harness.admin()
        start = int(time.time() * 1000) - 10_000
        for n in range(5):
            harness.send(topic, b"%d" % n, timestamp_ms=start + 1000 * n)
        group, place = committed(harness, topic), TopicPartition(topic, 0)
        for wanted, offset in ((start + 2500, 3), (start, 0), (start + 9000, 5)):
            done = admin.reset_group_offsets(group, {place: OffsetTimestamp(wanted)})
            assert done[place] == {"error": NoError, "offset": offset}

    def test_a_reset_needs_a_place(self, harness: Harness) -> None:
        """What is no target is refused, and so is a partition that does not exist."""
        topic, admin = harness.topic(), harness.admin()
        group, place = committed(harness, topic), TopicPartition(topic, 0)
        with pytest.raises(TypeError, match="OffsetSpec"):
            admin.reset_group_offsets(group, {place: "earliest"})  # type: ignore[dict-item]
        with pytest.raises(ValueError, match="MAX_TIMESTAMP"):
            admin.reset_group_offsets(group, {place: OffsetSpec.MAX_TIMESTAMP})
        with pytest.raises(UnknownTopicOrPartitionError):
            admin.reset_group_offsets(group, {TopicPartition(topic, 9): OffsetSpec.LATEST})

    def test_lag_is_what_is_left_to_read(self, harness: Harness) -> None:
        """The lag is the end minus what is committed; nothing committed has none."""
        topic, group, admin = harness.topic(2), harness.name(), harness.admin()
        harness.send(topic, *(b"%d" % n for n in range(5)), partition=0)
        consumer = member(harness, topic, group)
        consumer.commit({TopicPartition(topic, 0): OffsetAndMetadata(2)})
        until(lambda: state(admin, group) == "Stable", "it is stable")
        assert admin.list_group_lag(group) == {
            TopicPartition(topic, 0): {"committed": 2, "end": 5, "lag": 3},
            TopicPartition(topic, 1): {"committed": None, "end": 0, "lag": None},
        }

    @requires(Capability.DELETE_OFFSETS)
    def test_offsets_are_forgotten(self, harness: Harness) -> None:
        """A forgotten offset is not listed, and who starts next goes by its reset policy."""
        topic, admin = harness.topic(), harness.admin()
        harness.send(topic, b"0", b"1", b"2")
        group, place = committed(harness, topic), TopicPartition(topic, 0)
        assert admin.delete_group_offsets(group, [place]) == {place: NoError}
        assert admin.list_group_offsets(group) == {group: {}}
        consumer = harness.consumer(topic, group_id=group)
        assert values(read(consumer, 3)) == [b"0", b"1", b"2"]

    @requires(Capability.DELETE_OFFSETS)
    def test_offsets_of_an_unknown_group(self, harness: Harness) -> None:
        """Forgetting offsets of a group that does not exist is an error for the whole call."""
        place = TopicPartition(harness.topic(), 0)
        with pytest.raises(GroupIdNotFoundError):
            harness.admin().delete_group_offsets(harness.name(), [place])

    @lacking(Capability.DELETE_OFFSETS)
    def test_forgetting_is_refused(self, harness: Harness) -> None:
        """Without the capability the call says so."""
        with pytest.raises(UnsupportedCapabilityError, match="delete_offsets"):
            harness.admin().delete_group_offsets("g", [TopicPartition("t", 0)])
