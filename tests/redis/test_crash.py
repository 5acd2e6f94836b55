"""Programs that die: what they acknowledged stays, what they did not commit comes again."""

from __future__ import annotations

import subprocess
import sys

import pytest

from streamfacade.structs import TopicPartition
from streamfacade.testing.harness import PATIENCE, read, until, values
from tests.redis.tools import Partition

PRODUCER = """
import sys
from streamfacade import Producer
url, topic, first = sys.argv[1], sys.argv[2], int(sys.argv[3])
producer = Producer(bootstrap_servers=url)
say = lambda error, meta, n: print(n, error or meta.offset, flush=True)
for n in range(first, first + 200_000):
    producer.produce(topic, b"%d" % n, b"key", on_delivery=lambda e, m, n=n: say(e, m, n))
producer.flush()
"""
CONSUMER = """
import sys
from streamfacade import Consumer
url, topic, group, commit = sys.argv[1:]
consumer = Consumer(topic, bootstrap_servers=url, group_id=group, auto_offset_reset="earliest",
                    enable_auto_commit=False, session_timeout_ms=1500, heartbeat_interval_ms=300)
seen = 0
while True:
    for records in consumer.poll(500, max_records=10).values():
        seen += len(records)
        if commit == "yes" and seen == 10:
            consumer.commit()
            print("committed", flush=True)
        if commit == "no" and seen == 10:
            print("read", flush=True)
"""


@pytest.fixture
def program():
    """Start a Python program, its output to be read line by line; it is killed at the end."""
    started = []

    def start(text, *arguments):
        command = [sys.executable, "-c", text, *map(str, arguments)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        kill(process)


def kill(process):
    """End a program as SIGKILL does, and return the rest of what it said; again is harmless."""
    process.kill()
    rest = "" if process.stdout.closed else process.stdout.read()
    process.stdout.close()
    process.wait()
    return rest


def test_a_producer_killed_while_it_flushes(house, raw, program, redis_url):
    """What was acknowledged is stored once and in order, and a new process goes on behind it."""
    part = Partition.of(raw, house.topic())
    for first in (0, 1_000_000):
        process = program(PRODUCER, redis_url, part.topic, first)
        lines = [process.stdout.readline() for _ in range(2000)]
        lines += kill(process).splitlines(keepends=True)
        said = [tuple(map(int, line.split())) for line in lines if line.endswith("\n")]
        log = {offset: int(fields[3]) for offset, _, fields in part.entries()}
        assert all(log[offset] == number for number, offset in said)
    numbers = list(log.values())
    assert numbers == sorted(set(numbers))
    assert len(numbers) < 400_000


def test_a_consumer_killed_before_its_commit(house, raw, program, redis_url):
    """What was read and not committed comes again, to another member, when the session ends."""
    topic, group = house.topic(), house.name()
    house.send(topic, *(b"%d" % n for n in range(25)))
    process = program(CONSUMER, redis_url, topic, group, "no")
    assert process.stdout.readline() == "read\n"
    kill(process)
    heir = house.consumer(topic, group_id=group, session_timeout_ms=1500, heartbeat_interval_ms=300)
    assert values(read(heir, 25)) == [b"%d" % n for n in range(25)]


def test_a_consumer_killed_after_its_commit(house, raw, program, redis_url):
    """What was committed does not come again; the rest does."""
    topic, group = house.topic(), house.name()
    house.send(topic, *(b"%d" % n for n in range(25)))
    process = program(CONSUMER, redis_url, topic, group, "yes")
    assert process.stdout.readline() == "committed\n"
    kill(process)
    assert Partition.of(raw, topic).group(group)["lag"] == 15
    heir = house.consumer(topic, group_id=group, session_timeout_ms=1500, heartbeat_interval_ms=300)
    assert values(read(heir, 15)) == [b"%d" % n for n in range(10, 25)]


def test_commits_survive_a_server_that_dies(own):
    """With an AOF synced on each write, a commit that was answered is there after SIGKILL."""
    server, house, _ = own(aof=True)
    topic = house.topic()
    house.send(topic, *[b"v"] * 10)
    consumer = house.consumer(topic, group_id="g")
    read(consumer, 10)
    consumer.commit()
    server.kill()
    server.start()
    assert consumer.committed(TopicPartition(topic, 0)) == 10


def test_a_blocked_reader_survives_a_restart(own):
    """A consumer that waits in XREAD goes on when the server is back, without an error."""
    server, house, _ = own(aof=True, options={"reconnect_backoff_max_ms": 200})
    topic = house.topic()
    alone, member = house.reader(topic), house.consumer(topic, group_id="g")
    house.send(topic, b"before")
    for consumer in (alone, member):
        read(consumer, 1)
        assert consumer.poll(100) == {}
    for _ in range(2):
        server.kill()
        assert alone.poll(200) == member.poll(200) == {}
        server.start()
        house.producer().send(topic, b"after").get(PATIENCE)
        assert values(read(alone, 1)) == values(read(member, 1)) == [b"after"]
        member.commit(timeout_ms=5000)


def test_a_frozen_server_under_a_reader(own):
    """Polls end in time while the server is frozen, and go on when it thaws."""
    server, house, _ = own(options={"request_timeout_ms": 600, "reconnect_backoff_max_ms": 200})
    topic = house.topic()
    consumer = house.reader(topic)
    assert consumer.poll(100) == {}
    server.freeze()
    assert consumer.poll(2500) == {}
    server.thaw()
    house.send(topic, b"v")
    assert values(read(consumer, 1)) == [b"v"]


def test_a_restart_without_data_is_a_new_beginning(own):
    """A server that comes back empty: positions fall back on the reset policy, sending goes on."""
    server, house, raw = own(options={"reconnect_backoff_max_ms": 200})
    topic = house.topic()
    house.send(topic, *[b"old"] * 5)
    consumer = house.reader(topic, heartbeat_interval_ms=200, session_timeout_ms=2000)
    read(consumer, 5)
    server.kill()
    server.start()
    producer = house.producer()
    until(lambda: not producer.send(topic, b"new").get(PATIENCE) or raw.exists("sf:topics"), "back")
    assert values(read(consumer, 1, 10)) == [b"new"]


def test_a_leader_epoch_starts_with_the_server(own):
    """Records tell the leader epoch; it grows when another server process appends."""
    server, house, raw = own(aof=True, options={"reconnect_backoff_max_ms": 200})
    part = Partition.of(raw, house.topic())
    house.send(part.topic, b"a", b"b")
    server.kill()
    server.start()
    house.send(part.topic, b"c")
    assert raw.hget(part.keys.state, "e").split() == [b"0:0", b"1:2"]
