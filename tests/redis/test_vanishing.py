"""Topics that vanish under live clients, keys that become something else, deletions half done."""

from __future__ import annotations

import logging
import time

import pytest

from streamfacade.errors import (
    KafkaError,
    KafkaTimeoutError,
    OffsetOutOfRangeError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
)
from streamfacade.structs import TopicPartition
from streamfacade.testing.harness import PATIENCE, polling, read, until, values
from tests.redis.tools import Partition, in_thread

QUICK = {"heartbeat_interval_ms": 200, "session_timeout_ms": 2000}
STRICT = {"allow_auto_create_topics": False}


def complaints(caplog):
    """Return the errors that say that nothing comes any more."""
    return [r for r in caplog.records if r.levelno == logging.ERROR and "nothing comes" in r.msg]


def vanish(how, house, raw, topic):
    """Let a topic vanish."""
    if how == "flushall":
        raw.flushall()
    elif how == "keys":
        raw.delete(*raw.keys(f"sf:t:{{{topic}:0}}:*"))
        raw.hdel("sf:topics", topic)
    else:
        house.admin().delete_topics([topic])


@pytest.mark.parametrize("how", ["delete", "keys", "flushall"])
def test_a_topic_that_vanishes_under_a_reader(own, caplog, how):
    """Polls return nothing and one error is logged; offset calls raise."""
    _, house, raw = own()
    topic = house.topic()
    house.send(topic, b"0", b"1")
    consumer = house.reader(topic, **QUICK, **STRICT, default_api_timeout_ms=1000)
    read(consumer, 2)
    vanish(how, house, raw, topic)
    polling(consumer, lambda: complaints(caplog), "the loss is noticed", 5)
    for _ in range(5):
        assert consumer.poll(100) == {}
    assert len(complaints(caplog)) == 1
    with pytest.raises(KafkaTimeoutError):
        consumer.end_offsets([TopicPartition(topic, 0)])


@pytest.mark.parametrize("how", ["delete", "flushall"])
def test_a_topic_that_vanishes_under_a_producer(own, how):
    """Sends fail with the topic's absence, at once; where creation is allowed they go on at 0."""
    _, house, raw = own()
    topic = house.topic()
    strict, lenient = house.producer(**STRICT), house.producer()
    for producer in (strict, lenient):
        producer.send(topic, b"before").get(5)
    vanish(how, house, raw, topic)
    for _ in range(2):
        with pytest.raises(UnknownTopicOrPartitionError):
            strict.send(topic, b"after").get(5)
    assert lenient.send(topic, b"after").get(5).offset == 0
    assert strict.send(topic, b"again").get(5).offset == 1


def test_order_holds_over_a_recreation(own):
    """Records sent while a topic is deleted and created anew keep their order there."""
    _, house, raw = own()
    topic = house.topic()
    producer = house.producer()
    futures = []
    for n in range(3000):
        futures.append(producer.send(topic, b"%d" % n))
        if n == 1500:
            house.admin().delete_topics([topic])
            producer.flush(PATIENCE)
            house.admin().create_topics(
                [topic]
            ) if topic not in house.admin().list_topics() else None
    producer.flush(PATIENCE)
    numbers = list(map(int, Partition.of(raw, topic).values()))
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == 2999


@pytest.mark.parametrize("count", [1, 10])
@pytest.mark.parametrize("policy", ["earliest", "none"])
def test_a_recreated_topic_is_another(own, count, policy):
    """Positions in the old incarnation mean nothing: the reset policy decides."""
    _, house, _ = own()
    topic = house.topic()
    house.send(topic, *[b"old"] * 5)
    consumer = house.reader(topic, auto_offset_reset="earliest", **QUICK)
    strict = house.reader(topic, auto_offset_reset="none", **QUICK)
    strict.seek(TopicPartition(topic, 0), 0)
    chosen = consumer if policy == "earliest" else strict
    read(chosen, 5)
    house.admin().delete_topics([topic])
    house.admin().create_topics([topic])
    house.send(topic, *[b"new"] * count)
    if policy == "earliest":
        assert values(read(consumer, count, 5)) == [b"new"] * count
    else:
        with pytest.raises(OffsetOutOfRangeError):
            polling(strict, lambda: False, "the position is refused", 5)


def test_a_topic_that_comes_back_later_is_another(own, caplog):
    """Also when its absence was noticed in between."""
    _, house, _ = own()
    topic = house.topic()
    house.send(topic, *[b"old"] * 3)
    consumer = house.reader(topic, **QUICK, **STRICT)
    read(consumer, 3)
    house.admin().delete_topics([topic])
    polling(consumer, lambda: complaints(caplog), "the loss is noticed", 5)
    house.admin().create_topics([topic])
    house.send(topic, *[b"new"] * 7)
    assert values(read(consumer, 7, 5)) == [b"new"] * 7


def test_a_member_of_a_group_survives_flushall(own):
    """FLUSHALL takes group, topic and offsets along; the member goes on with what is sent then."""
    _, house, raw = own()
    topic = house.topic()
    consumer = house.consumer(topic, group_id="g", **QUICK, metadata_max_age_ms=500)
    house.send(topic, b"0", b"1")
    read(consumer, 2)
    consumer.commit()
    raw.flushall()
    producer = house.producer()
    got = []

    def goes_on():
        producer.send(topic, b"after").get(PATIENCE)
        got.extend(r.value for rs in consumer.poll(300).values() for r in rs)
        return b"after" in got

    until(goes_on, "records come again", 15)
    consumer.commit(timeout_ms=5000)


def test_a_lost_log_is_a_trim(raw, house):
    """DEL of the log alone: reading and writing go on with the next offset."""
    part = Partition.of(raw, house.topic())
    house.send(part.topic, b"0", b"1")
    consumer = house.reader(part.topic)
    read(consumer, 2)
    raw.delete(part.keys.log)
    assert house.send(part.topic, b"2")[0].offset == 2
    assert values(read(consumer, 1)) == [b"2"]


@pytest.mark.parametrize("key", ["state", "log", "producers", "segments", "groups"])
def test_a_key_of_another_type_is_one_clear_error(own, key):
    """Where a key of ours has become a string, what needs it fails soon and says so."""
    _, house, raw = own()
    part = Partition.of(raw, house.topic())
    other = house.topic()
    consumer = house.reader(part.topic, group_id="g", **QUICK)
    producer = house.producer()
    producer.send(part.topic, b"0").get(5)
    read(consumer, 1)
    raw.set(getattr(part.keys, key), "by hand")
    began = time.monotonic()
    if key == "groups":
        with pytest.raises(KafkaError, match="another type"):
            consumer.commit(timeout_ms=3000)
    else:
        beside = [producer.send(other, b"%d" % n) for n in range(50)]
        with pytest.raises(KafkaError, match="another type"):
            producer.send(part.topic, b"1").get(5)
        assert [f.get(5).offset for f in beside] == list(range(50))
    if key in ("state", "log"):
        with pytest.raises(KafkaError, match="another type"):
            polling(consumer, lambda: False, "the poll fails", 5)
    assert time.monotonic() - began < 5


def test_a_registry_of_another_type_is_one_clear_error(own):
    """Where the registry has become a string, every client says so."""
    _, house, raw = own()
    topic = house.topic()
    raw.set("sf:topics", "by hand")
    with pytest.raises(KafkaError, match="another type"):
        house.admin().list_topics()
    with pytest.raises(KafkaError, match="another type"):
        house.producer().send(topic, b"v")
    with pytest.raises(KafkaError, match="another type"):
        house.reader(topic).poll(1000)


def test_a_registry_line_that_cannot_be_read(own):
    """A line that is no JSON is one clear error."""
    _, house, raw = own()
    raw.hset("sf:topics", "broken", "{")
    with pytest.raises(KafkaError, match="broken"):
        house.producer().send("broken", b"v")
    with pytest.raises(KafkaError, match="broken"):
        house.admin().list_topics()


# Creating and deleting


def test_a_deletion_half_done_is_finished_by_the_next(own):
    """What a dead admin left marked is removed, with its keys, by any later admin call."""
    _, house, raw = own()
    part = Partition.of(raw, house.topic(partitions=2))
    line = raw.hget("sf:topics", part.topic)
    assert part.script("topic_delete", ["sf:topics"], part.topic, line, part.topic_id) == [b"OK"]
    assert raw.hkeys("sf:topics") == [f"!{part.topic} {part.topic_id}".encode()]
    assert house.admin().list_topics() == []
    other = house.topic()
    house.admin().delete_topics([other])
    assert raw.hkeys("sf:topics") == []
    assert raw.keys("sf:t:*") == []


def test_a_half_deleted_topic_can_be_created_anew(own):
    """The mark of the old incarnation is not in the way, nor is the new one deleted with it."""
    _, house, raw = own()
    part = Partition.of(raw, house.topic())
    line = raw.hget("sf:topics", part.topic)
    part.script("topic_delete", ["sf:topics"], part.topic, line, part.topic_id)
    house.admin().create_topics([part.topic])
    house.send(part.topic, b"new")
    house.admin().delete_topics([house.topic()])
    assert Partition.of(raw, part.topic).values() == [b"new"]
    assert raw.hlen("sf:topics") == 1


def test_deleting_by_an_outdated_line_changes_nothing(own):
    """A topic that was re-created meanwhile is not deleted in place of the old one."""
    _, house, raw = own()
    part = Partition.of(raw, house.topic())
    reply = part.script("topic_delete", ["sf:topics"], part.topic, "{}", part.topic_id)
    assert reply == [b"CHANGED"]
    assert raw.hexists("sf:topics", part.topic)


def test_of_two_creators_one_wins(own):
    """Two admins create the same topic at once: one is told that it exists; no key is left over."""
    _, house, raw = own()
    admins = [house.admin() for _ in range(4)]
    for n in range(10):
        outcomes = []

        def create(admin, name=f"t{n}", outcomes=outcomes):
            try:
                admin.create_topics({name: {"num_partitions": 3}})
            except TopicAlreadyExistsError:
                outcomes.append("exists")
            else:
                outcomes.append("created")

        threads = [in_thread(lambda a=admin: create(a)) for admin in admins]
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == ["created", "exists", "exists", "exists"]
    assert len(raw.keys("sf:t:*")) == 10 * 3 * 5


def test_producers_that_create_at_once_meet_in_one_topic(own):
    """Auto-creation by many producers makes one topic, and every record is in it."""
    _, house, raw = own()
    producers = [house.producer() for _ in range(4)]
    threads = [in_thread(lambda p=p: p.send("auto", b"v").get(PATIENCE)) for p in producers]
    for thread in threads:
        thread.join()
    assert Partition.of(raw, "auto").bounds() == (0, 4)
    assert len(raw.keys("sf:t:*")) == 5


def test_no_key_ever_expires(own):
    """No key of ours has a TTL, so `volatile-*` eviction never takes one."""
    _, house, raw = own()
    topic = house.topic()
    house.send(topic, b"v")
    consumer = house.consumer(topic, group_id="g")
    read(consumer, 1)
    consumer.commit()
    assert {raw.ttl(key) for key in raw.scan_iter()} == {-1}
