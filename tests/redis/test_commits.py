"""Commits over connections that break, and by consumers that may not commit."""

from __future__ import annotations

import pytest

from streamfacade.errors import CommitFailedError, KafkaError
from streamfacade.structs import OffsetAndMetadata, TopicPartition
from streamfacade.testing.harness import polling, read, until
from tests.redis.tools import Partition

QUICK = {"reconnect_backoff_max_ms": 200}


def commit_async(consumer, answers):
    """Commit without waiting; the answer is added to a list."""
    consumer.commit_async(callback=lambda _offsets, error: answers.append(error))


def answered(consumer, answers, count):
    """Poll until so many commits are answered."""
    polling(consumer, lambda: len(answers) >= count, "the commit is answered", 10)


def test_a_commit_without_waiting_that_found_no_scripts(own):
    """SCRIPT FLUSH fails one such commit at most: the next brings the scripts back."""
    _, house, raw = own(options=QUICK)
    topic, answers = house.topic(), []
    house.send(topic, *[b"v"] * 3)
    consumer = house.reader(topic, group_id="g")
    read(consumer, 3)
    raw.script_flush()
    for n in range(3):
        commit_async(consumer, answers)
        answered(consumer, answers, n + 1)
    assert answers[1:] == [None, None]
    assert consumer.committed(TopicPartition(topic, 0)) == 3


def test_a_commit_without_waiting_while_nobody_is_there(own):
    """The callback gets the error; nothing is raised; when the server is back it works again."""
    server, house, _ = own(aof=True, options=QUICK)
    topic, answers = house.topic(partitions=2), []
    house.send(topic, *[b"v"] * 3, partition=0)
    consumer = house.reader(topic, 0, 1, group_id="g")
    read(consumer, 3)
    server.kill()
    for n in range(3):
        commit_async(consumer, answers)
        answered(consumer, answers, n + 1)
    assert all(isinstance(error, KafkaError) for error in answers)
    server.start()
    until(lambda: house.send(topic, b"w"), "the server is back")
    commit_async(consumer, answers)
    answered(consumer, answers, 4)
    assert answers[3] is None


@pytest.mark.parametrize("lost", ["scripts", "connections", "server"])
def test_a_commit_outlives_the_connection(own, lost):
    """A commit that finds its connection, or the scripts, gone is made on a new one."""
    server, house, raw = own(aof=True, options=QUICK)
    topic = house.topic()
    house.send(topic, *[b"v"] * 3)
    consumer = house.reader(topic, group_id="g")
    place = TopicPartition(topic, 0)
    for offset in (1, 2):
        if lost == "scripts":
            raw.script_flush()
        elif lost == "connections":
            raw.client_kill_filter(_type="normal", skipme=True)
        else:
            server.kill()
            server.start()
        consumer.commit({place: OffsetAndMetadata(offset)}, timeout_ms=5000)
        assert consumer.committed(place) == offset


def test_an_automatic_commit_outlives_the_server(own):
    """Automatic commits go on after a restart."""
    server, house, raw = own(aof=True, options=QUICK)
    part = Partition.of(raw, house.topic())
    consumer = house.consumer(
        part.topic, group_id="g", enable_auto_commit=True, auto_commit_interval_ms=100
    )
    house.send(part.topic, b"0")
    read(consumer, 1)
    polling(consumer, lambda: raw.xinfo_groups(part.keys.log), "it is committed", 10)
    server.kill()
    server.start()
    house.producer().send(part.topic, b"1").get(10)
    read(consumer, 1)
    polling(consumer, lambda: part.group("g")["entries-read"] == 2, "it is committed", 10)


def test_who_has_assigned_by_hand_may_not_commit_beside_members(house):
    """A commit of a partition that a live member owns is refused."""
    topic, group = house.topic(), house.name()
    house.send(topic, b"v")
    member = house.consumer(topic, group_id=group)
    read(member, 1)
    alone = house.reader(topic, group_id=group)
    read(alone, 1)
    with pytest.raises(CommitFailedError):
        alone.commit()
    member.close()
    alone.commit()


def test_a_member_starts_while_connections_break(own):
    """Joining, claiming and reading get through although connections are killed again and again."""
    _, house, raw = own(options=QUICK)
    topic = house.topic(partitions=4)
    for partition in range(4):
        house.send(topic, b"v", partition=partition)
    consumer = house.consumer(
        topic, group_id="g", heartbeat_interval_ms=300, session_timeout_ms=3000
    )
    got = []

    def reads():
        raw.client_kill_filter(_type="normal", skipme=True)
        got.extend(r for rs in consumer.poll(150).values() for r in rs)
        return len(got) >= 1

    until(reads, "a record comes", 20)
    polling(consumer, lambda: len(consumer.assignment()) == 4, "all partitions come", 20)
    consumer.commit(timeout_ms=5000)
