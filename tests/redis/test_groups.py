"""Managing groups on Redis: what stays and goes in its keys, and what expires."""

from __future__ import annotations

import time

import pytest

from streamfacade import OffsetAndMetadata, TopicPartition
from streamfacade.testing.harness import polling, until
from streamfacade_redis.desk import Desk
from streamfacade_redis.group_expiry import RETENTION_MS, GroupExpiry
from streamfacade_redis.groups import GroupDesk
from tests.redis.tools import Partition

LONG_AGO = int(time.time() * 1000) - RETENTION_MS - 1000


@pytest.fixture
def steps(house):
    """Give the driver's steps on groups, over a connection of their own."""
    groups = house.admin()._driver.groups
    desk = Desk(groups._steps.desk)
    yield GroupDesk(desk, groups._steps._address)
    desk.close()


@pytest.fixture
def idle(house, raw):
    """Make a group without members: `idle(since, committed_at)`; return it and its partition."""

    def make(since, committed_at):
        part = Partition.of(raw, house.topic())
        group, place = house.name(), TopicPartition(part.topic, 0)
        house.admin().alter_group_offsets(group, {place: OffsetAndMetadata(0, "a note")})
        line = raw.hget(part.keys.groups, f"o:{group}").split(b" ", 6)
        line[5] = b"%d" % committed_at
        raw.hset(part.keys.groups, f"o:{group}", b" ".join(line))
        raw.hset("sf:groups", group, f"consumer {since}")
        return group, part

    return make


def look(steps, raw, group):
    """Have an expiry look at a group; return the group's line afterwards."""
    GroupExpiry(steps).look(group, raw.hget("sf:groups", group))
    return raw.hget("sf:groups", group)


def test_a_group_empty_for_long_expires(steps, raw, idle):
    """After seven days nothing of a group is left: no offset, no mirror, no key."""
    group, part = idle(LONG_AGO, LONG_AGO)
    assert raw.xinfo_groups(part.keys.log)
    assert look(steps, raw, group) is None
    assert not raw.hexists(part.keys.groups, f"o:{group}")
    assert not raw.xinfo_groups(part.keys.log)
    assert not raw.keys(f"sf:g:{{{group}}}:*")


@pytest.mark.parametrize(("since", "committed"), [(0.5, 1.5), (1.5, 0.5)])
def test_a_group_used_not_long_ago_stays(steps, raw, idle, since, committed):
    """The seven days count from the last farewell or the last commit, what is later."""
    now = int(time.time() * 1000)
    group, part = idle(now - int(since * RETENTION_MS), now - int(committed * RETENTION_MS))
    assert look(steps, raw, group)
    assert raw.hexists(part.keys.groups, f"o:{group}")


def test_a_group_whose_members_died_is_noted(steps, raw, idle):
    """Nobody said when it became empty: from now on."""
    group, _ = idle(0, LONG_AGO)
    kind, since = look(steps, raw, group).split()
    assert kind == b"consumer"
    assert abs(int(since) - time.time() * 1000) < 60_000


def test_a_living_group_does_not_expire(steps, raw, house, idle):
    """However old its line is: the line is put right."""
    group, part = idle(LONG_AGO, LONG_AGO)
    member = house.consumer(part.topic, group_id=group)
    polling(member, member.assignment, "it has the partition")
    raw.hset("sf:groups", group, f"consumer {LONG_AGO}")
    assert look(steps, raw, group) == b"consumer 0"
    assert raw.hexists(part.keys.groups, f"o:{group}")


def test_any_consumer_looks(raw, own):
    """A consumer that polls looks at groups from time to time."""
    _, house, raw = own()
    topic, group = house.topic(), house.name()
    house.admin().alter_group_offsets(group, {TopicPartition(topic, 0): OffsetAndMetadata(0)})
    raw.hset("sf:groups", group, "consumer 0")
    reader = house.reader(topic)
    reader._driver._expiry._next = 0
    reader.poll(timeout_ms=10)
    assert raw.hget("sf:groups", group) != b"consumer 0"


def test_who_may_not_expires_nothing(own, caplog):
    """Without the right to destroy mirrors a user expires nothing, and says so once."""
    running, house, raw = own()
    topic, group = house.topic(), house.name()
    house.admin().alter_group_offsets(group, {TopicPartition(topic, 0): OffsetAndMetadata(0)})
    part = Partition.of(raw, topic)
    raw.hset("sf:groups", group, f"consumer {LONG_AGO}")
    line = raw.hget(part.keys.groups, f"o:{group}").split(b" ", 6)
    line[5] = b"1"
    raw.hset(part.keys.groups, f"o:{group}", b" ".join(line))
    raw.acl_setuser(
        "app", enabled=True, passwords=["+pw"], keys=["*"], channels=["*"],
        commands=["+@all", "-xgroup|destroy"],
    )  # fmt: skip
    options = {"bootstrap_servers": f"redis://app:pw@127.0.0.1:{running.port}"}
    from streamfacade import Consumer

    with Consumer(**options) as consumer:
        consumer.assign([TopicPartition(topic, 0)])
        for _ in range(2):
            consumer._driver._expiry._next = 0
            consumer.poll(timeout_ms=10)
    assert raw.hget("sf:groups", group)
    assert raw.hexists(part.keys.groups, f"o:{group}")
    assert caplog.text.count("may not expire groups") == 1


def test_a_forgotten_offset_keeps_its_fence(raw, part):
    """A commit that was under way when its offset was forgotten is still refused."""
    p = part()
    p.fence("claim", "g", "A", 5)
    p.fence("commit", "g", "A", 5, 1, offset=2)
    delete = ("offset_delete", (p.keys.state, p.keys.log, p.keys.groups), p.topic_id, "g")
    assert p.script(*delete, "", 0) == [b"OWNED"]
    assert p.script(*delete, 4, 0) == [b"OWNED"]
    assert p.script(*delete, 6, 0) == [b"OK"]
    assert p.fence("commit", "g", "A", 4, 9, offset=3)[0] == b"FENCED"
    assert p.fence("claim", "g", "B", 7)[1] == b"-1"
    assert not raw.xinfo_groups(p.keys.log)


def test_an_offset_of_another_topic_stays(part):
    """A topic that was made anew has nothing to forget."""
    p = part()
    keys = (p.keys.state, p.keys.log, p.keys.groups)
    assert p.script("offset_delete", keys, "other", "g", "", 0) == [b"UNKNOWN_TOPIC"]


def test_dead_owners_do_not_keep_a_group(house):
    """Groups whose members were killed are deleted when their sessions are over."""
    topic, group, admin = house.topic(), house.name(), house.admin()
    session = {"session_timeout_ms": 600, "heartbeat_interval_ms": 200}
    victim = house.worker(topic, group_id=group, **session)
    polling(victim, victim.assignment, "it has the partition")
    victim.commit({TopicPartition(topic, 0): OffsetAndMetadata(0)})
    house.kill(victim)
    assert admin.delete_groups([group]) == {group: "NonEmptyGroupError"}
    until(lambda: admin.delete_groups([group]) == {group: "OK"}, "it is deleted")
    assert admin.list_group_offsets(group) == {group: {}}


def test_a_connection_that_breaks(own):
    """Questions about groups are asked again when the server comes back."""
    _running, house, raw = own(aof=True)
    topic, group, admin = house.topic(), house.name(), house.admin()
    admin.alter_group_offsets(group, {TopicPartition(topic, 0): OffsetAndMetadata(0)})
    raw.client_kill_filter(_type="normal", skipme=True)
    assert admin.describe_groups([group])[group]["group_state"] == "Empty"
    raw.script_flush()
    assert admin.delete_groups([group]) == {group: "OK"}
