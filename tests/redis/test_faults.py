"""Producers while the server, or the way to it, fails: nothing lost, nothing twice, in order."""

from __future__ import annotations

import logging
import time

import pytest

from streamfacade import Producer
from streamfacade.errors import (
    ClusterAuthorizationFailedError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
)
from streamfacade.testing.harness import Harness, until
from streamfacade_redis.scripts import SCRIPTS
from tests.brokers.server import HOST, free_port
from tests.redis.proxy import Proxy
from tests.redis.tools import Partition, in_thread

QUICK = {"reconnect_backoff_max_ms": 200}
SOON = {**QUICK, "request_timeout_ms": 500}


class Sending:
    """Sends numbers from a thread until told to stop, and keeps what became of them."""

    def __init__(self, producer, topic, pace=0.0005):
        """Start."""
        self._producer, self._topic, self._pace = producer, topic, pace
        self._stop = False
        self.count = 0
        self.acknowledged, self.failed = {}, {}
        self._thread = in_thread(self._run)

    def _run(self):
        while not self._stop:
            number = self.count
            self._producer.produce(
                self._topic, b"%d" % number, b"key",
                on_delivery=lambda error, meta, n=number: self._settled(n, error, meta),
            )  # fmt: skip
            self.count += 1
            time.sleep(self._pace)

    def _settled(self, number, error, meta):
        (self.acknowledged if error is None else self.failed)[number] = error or meta.offset

    def more(self, count=200, patience=20):
        """Wait until so many more are acknowledged."""
        goal = len(self.acknowledged) + count
        until(lambda: len(self.acknowledged) >= goal, "sending goes on", patience)

    def stop(self, patience=20):
        """Stop, flush, and return all numbers that were sent."""
        self._stop = True
        self._thread.join()
        self._producer.flush(patience)
        return list(range(self.count))


def numbers(part):
    """Return the numbers in a log."""
    return list(map(int, part.values()))


@pytest.fixture
def proxied(own):
    """Give a server's raw connection, clients through a proxy, and the proxy."""
    server, direct, raw = own()
    proxy = Proxy(server.port)
    with Harness(proxy.url, **QUICK) as through, through.test():
        yield raw, direct, through, proxy
    proxy.close()


def test_a_lost_reply_stores_nothing_twice(proxied):
    """Appends whose replies are lost are sent again and recognised."""
    raw, direct, through, proxy = proxied
    part = Partition.of(raw, direct.topic())
    sending = Sending(through.producer(), part.topic)
    for round_ in range(1, 6):
        sending.more(100)
        proxy.swallow(SCRIPTS["append"].digest)
        until(lambda n=round_: proxy.swallowed == n, "a reply is lost")
    sending.more(100)
    assert sending.stop() == numbers(part)
    assert (sending.failed, len(sending.acknowledged)) == ({}, sending.count)
    assert all(offset == number for number, offset in sending.acknowledged.items())


def test_a_server_that_dies_loses_nothing_it_acknowledged(own):
    """With an AOF synced on each write: SIGKILL, restart; nothing lost, nothing twice, in order."""
    server, house, raw = own(aof=True, options=QUICK)
    part = Partition.of(raw, house.topic())
    sending = Sending(house.producer(), part.topic)
    for _ in range(3):
        sending.more(100)
        server.kill()
        server.start()
    sending.more(100)
    assert sending.stop() == numbers(part)
    assert sending.failed == {}


def test_a_frozen_server_goes_on_without_duplicates(own):
    """Frozen for longer than request_timeout_ms and thawed: all is stored once, in order."""
    server, house, raw = own(options={**QUICK, "request_timeout_ms": 300})
    part = Partition.of(raw, house.topic())
    sending = Sending(house.producer(), part.topic)
    sending.more(100)
    server.freeze()
    time.sleep(1.2)  # nothing to wait for: the point is that nothing happens
    server.thaw()
    sending.more(100)
    assert sending.stop() == numbers(part)
    assert sending.failed == {}


def test_what_expired_on_a_frozen_server_brings_no_duplicates(own):
    """Records may fail while the server is frozen; none of the others is stored twice after it."""
    server, house, raw = own(options={**QUICK, "request_timeout_ms": 400})
    part = Partition.of(raw, house.topic())
    sending = Sending(house.producer(delivery_timeout_ms=700), part.topic)
    for pause in (0.75, 1.0):
        sending.more(100)
        server.freeze()
        time.sleep(pause)
        server.thaw()
    sending.more(100)
    sent, stored = sending.stop(), numbers(part)
    assert len(stored) == len(set(stored))
    assert stored == sorted(stored)
    assert set(sent) - set(stored) <= set(sending.failed)


def test_nobody_there_for_good_fails_everything_in_time(own):
    """All futures and callbacks fail within delivery_timeout_ms; flush returns."""
    server, house, _ = own(options=SOON)
    producer, topic = house.producer(delivery_timeout_ms=1500), house.topic(partitions=3)
    producer.send(topic, b"before").get(5)
    server.kill()
    told = []
    futures = [producer.send(topic, b"v", partition=n % 3) for n in range(300)]
    producer.produce(topic, b"v", on_delivery=lambda error, _meta: told.append(error))
    began = time.monotonic()
    producer.flush(10)
    assert time.monotonic() - began < 2.2
    assert all(isinstance(future.exception, KafkaTimeoutError) for future in futures)
    assert "refused" in str(told[0])


def test_a_frozen_server_fails_everything_in_time(own):
    """Where connections are accepted and nothing answers, records fail in time all the same."""
    server, house, _ = own(options=SOON)
    producer, topic = house.producer(delivery_timeout_ms=1500), house.topic()
    producer.send(topic, b"before").get(5)
    server.freeze()
    began = time.monotonic()
    future = producer.send(topic, b"v")
    with pytest.raises(KafkaTimeoutError):
        future.get(10)
    assert time.monotonic() - began < 2.5
    producer.send(topic, b"w")
    producer.close(0.5)
    assert time.monotonic() - began < 5


def test_a_silent_outage_is_not_chattered_about(own, caplog):
    """An outage under load fills no log: a few lines a second at most."""
    server, house, _ = own(options=SOON)
    sending = Sending(house.producer(delivery_timeout_ms=1500), house.topic())
    sending.more(50)
    caplog.set_level(logging.INFO)
    server.kill()
    until(lambda: len(sending.failed) > 50, "records expire")
    assert len([r for r in caplog.records if r.name.startswith("streamfacade")]) < 40
    server.start()
    sending.stop()


def test_lost_scripts_come_back(own):
    """SCRIPT FLUSH while sending and reading disturbs neither."""
    _, house, raw = own(options=QUICK)
    part = Partition.of(raw, house.topic())
    consumer = house.consumer(group_id="g")
    sending = Sending(house.producer(), part.topic)
    consumer.subscribe([part.topic])
    seen = []
    for _ in range(5):
        sending.more(60)
        raw.script_flush()
        seen += [int(r.value) for rs in consumer.poll(5000).values() for r in rs]
        consumer.commit()
        raw.script_flush()
        consumer.commit_async()
    sent = sending.stop()
    assert numbers(part) == sent
    until(lambda: seen.extend(int(r.value) for rs in consumer.poll(100).values() for r in rs)
          or len(seen) >= len(sent), "all is read")  # fmt: skip
    assert seen == sent


def test_killed_connections_come_back(own):
    """CLIENT KILL of every connection while sending, reading and committing disturbs nobody."""
    _, house, raw = own(options=QUICK)
    part = Partition.of(raw, house.topic())
    consumer = house.consumer(part.topic, group_id="g")
    sending = Sending(house.producer(), part.topic)
    seen = []
    for _ in range(5):
        sending.more(60)
        raw.client_kill_filter(_type="normal", skipme=True)
        seen += [int(r.value) for rs in consumer.poll(5000).values() for r in rs]
        raw.client_kill_filter(_type="normal", skipme=True)
        consumer.commit()
        raw.client_kill_filter(_type="normal", skipme=True)
        consumer.commit_async()
    sent = sending.stop()
    assert numbers(part) == sent
    until(lambda: seen.extend(int(r.value) for rs in consumer.poll(100).values() for r in rs)
          or len(seen) >= len(sent), "all is read")  # fmt: skip
    assert seen == sent
    assert sending.failed == {}


def test_full_memory_passes(own):
    """OOM: records wait, consumers commit; after memory is raised, all is stored in order."""
    _, house, raw = own(args=["--maxmemory-policy", "noeviction"])
    part = Partition.of(raw, house.topic())
    sending = Sending(house.producer(), part.topic, pace=0.005)
    sending.more(50)
    consumer = house.consumer(part.topic, group_id="g")
    assert consumer.poll(5000)
    raw.config_set("maxmemory", "1")
    until(lambda: sending.count - len(sending.acknowledged) > 50, "records wait")
    consumer.commit()
    consumer.poll(200)
    consumer.commit()
    assert sending.failed == {}
    raw.config_set("maxmemory", "0")
    sending.more(100)
    assert sending.stop() == numbers(part)


def test_full_memory_fails_in_time(own):
    """OOM that lasts: records fail within delivery_timeout_ms, saying why."""
    _, house, raw = own(args=["--maxmemory-policy", "noeviction"], options=SOON)
    topic, producer = house.topic(), house.producer(delivery_timeout_ms=800)
    producer.send(topic, b"v").get(5)
    raw.config_set("maxmemory", "1")
    began = time.monotonic()
    with pytest.raises(KafkaTimeoutError, match="memory"):
        producer.send(topic, b"v").get(5)
    assert time.monotonic() - began < 1.5
    raw.config_set("maxmemory", "0")
    producer.send(topic, b"v").get(5)


def test_retention_makes_room(own):
    """When memory is full, what retention no longer keeps is dropped, and sending goes on."""
    _, house, raw = own(args=["--maxmemory-policy", "noeviction"])
    part = Partition.of(raw, house.topic(retention_ms=3_600_000))
    producer = house.producer()
    futures = [
        producer.send(part.topic, b"x" * 100_000, timestamp_ms=int(time.time() * 1000))
        for _ in range(200)
    ]
    producer.flush()
    assert not any(future.failed() for future in futures)
    raw.hset(part.keys.state, "c", "1 -1 -1 1048588 0 3600000")
    raw.config_set("maxmemory", raw.info("memory")["used_memory"] - 1_000_000)
    producer.send(part.topic, b"after").get(10)


def test_a_demoted_server_is_waited_for(own):
    """READONLY: records wait while the server is a replica, and go on when it is none."""
    _, house, raw = own(options=QUICK)
    part = Partition.of(raw, house.topic())
    consumer = house.consumer(part.topic, group_id="g")
    sending = Sending(house.producer(), part.topic, pace=0.005)
    sending.more(50)
    consumer.poll(5000)
    raw.replicaof(HOST, free_port())
    until(lambda: sending.count - len(sending.acknowledged) > 50, "records wait")
    consumer.poll(500)
    raw.replicaof("no", "one")
    sending.more(50)
    assert sending.stop() == numbers(part)
    assert sending.failed == {}
    consumer.commit(timeout_ms=5000)


def test_too_few_replicas_fail_in_time(own):
    """min.insync.replicas=2 without a replica: the record is stored and its future fails."""
    _, house, raw = own(options=SOON)
    part = Partition.of(raw, house.topic(min_insync_replicas=2))
    with pytest.raises(KafkaError, match="replicas"):
        house.producer(delivery_timeout_ms=800).send(part.topic, b"v").get(5)
    assert house.producer(acks=1).send(part.topic, b"w").get(5)


def test_a_replica_confirms(own):
    """min.insync.replicas=2 with a replica: the future is settled when the replica has it."""
    server, house, raw = own(options={**QUICK, "request_timeout_ms": 5000})
    part = Partition.of(raw, house.topic(min_insync_replicas=2))
    producer = house.producer()
    future = producer.send(part.topic, b"v")
    replica, _, copy = own(
        args=["--replicaof", HOST, str(server.port), "--repl-diskless-sync-delay", "0"]
    )
    assert future.get(20).offset == 0
    assert part.values() == copy_of(copy, part) == [b"v"]
    replica.freeze()
    waiting = [producer.send(part.topic, b"w%d" % n) for n in range(3)]
    time.sleep(0.3)
    assert not any(future.is_done for future in waiting)
    replica.thaw()
    producer.flush(20)
    assert [f.get(0).offset for f in waiting] == [1, 2, 3]
    assert part.values() == [b"v", b"w0", b"w1", b"w2"]


def copy_of(raw, part):
    """Return the values of a partition as another server has them."""
    return Partition(raw, part.topic, part.topic_id, part.keys).values()


def test_a_refusal_beside_unconfirmed_records_stores_nothing_twice(own):
    """A record too large, while those before it await a replica: they are stored once."""
    _, house, raw = own(options=SOON)
    part = Partition.of(raw, house.topic(min_insync_replicas=2, max_message_bytes=1000))
    producer = house.producer(delivery_timeout_ms=1500)
    for n in range(6):
        producer.send(part.topic, b"%d" % n)
        time.sleep(0.02)
        producer.send(part.topic, b"x" * 2000)
    producer.flush(10)
    assert numbers(part) == sorted(set(numbers(part)))


@pytest.mark.parametrize("denied", ["xadd", "hset"])
def test_a_denied_command_is_one_clear_error(own, denied):
    """An ACL without a command that appending needs: an error that says so, no hang."""
    server, house, raw = own()
    topic = house.topic()
    raw.acl_setuser("app", enabled=True, passwords=["+pw"], keys=["*"],
                    commands=["+@all", f"-{denied}"])  # fmt: skip
    url = server.url.replace("//", "//app:pw@")
    with Producer(bootstrap_servers=url) as producer:
        for _ in range(3):
            began = time.monotonic()
            with pytest.raises(ClusterAuthorizationFailedError, match="ACL"):
                producer.send(topic, b"v").get(4)
            assert time.monotonic() - began < 1


def test_one_record_too_large_fails_alone(own):
    """A record above max.message.bytes amid many: it alone fails, the others keep their order."""
    _, house, raw = own()
    part = Partition.of(raw, house.topic(max_message_bytes=1000))
    producer = house.producer()
    futures = [
        producer.send(part.topic, b"x" * 2000 if n % 1000 == 777 else b"%d" % n)
        for n in range(5000)
    ]
    producer.flush(20)
    large = [n for n in range(5000) if n % 1000 == 777]
    assert [n for n, future in enumerate(futures) if future.failed()] == large
    assert all(isinstance(futures[n].exception, MessageSizeTooLargeError) for n in large)
    assert numbers(part) == [n for n in range(5000) if n not in large]
