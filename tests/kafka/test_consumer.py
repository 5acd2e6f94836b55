"""What only this consumer has: librdkafka's assignment, its callbacks, its missing time limits."""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress

import pytest

from streamfacade.errors import (
    CommitFailedError,
    KafkaTimeoutError,
    OffsetOutOfRangeError,
)
from streamfacade.structs import MemberState, OffsetAndMetadata, TopicPartition

from .conftest import PATIENCE, Kafka, Sink, fetch, fetching


def at(offset: int) -> OffsetAndMetadata:
    """Return an offset to commit."""
    return OffsetAndMetadata(offset, "", -1)


def reader(kafka, topic, *partitions, **given):
    """Return a consumer with partitions assigned by hand, parked."""
    consumer, _ = kafka.consumer(**given)
    places = [TopicPartition(topic, number) for number in partitions or (0,)]
    consumer.assign(places)
    return consumer, places


def test_a_partition_is_parked_until_it_is_sought(kafka):
    """Assigned alone, nothing is fetched from it."""
    consumer, (first, second) = reader(kafka, kafka.filled(20, 2), 0, 1)
    consumer.seek(second, 7)
    assert {(r.partition, r.offset) for r in fetch(consumer, 3)} == {(1, 7), (1, 8), (1, 9)}
    assert consumer.fetch(0.3, 500) == {}
    consumer.seek(first, 9)
    assert [(r.partition, r.offset) for r in fetch(consumer, 1)] == [(0, 9)]


def test_records_are_complete(kafka):
    """All thirteen fields are Kafka's, also of a batch that mixes partitions and headers."""
    topic = kafka.topic(2)
    producer, _ = kafka.producer()
    records = [
        (b"k", b"v", [("a", b"1"), ("a", b"")], 5000, None),
        (None, None, None, 5001, None),
        (b"", b"", [], 5002, None),
    ]
    for number, record in enumerate(records):
        producer.send(topic, number % 2, record, 10, PATIENCE)
    assert producer.flush(PATIENCE) == 0
    consumer, places = reader(kafka, topic, 0, 1)
    for place in places:
        consumer.seek(place, 0)
    first, third, second = sorted(fetch(consumer, 3), key=lambda r: (r.partition, r.offset))
    assert first == (
        topic, 0, 0, 0, 5000, 0, b"k", b"v", [("a", b"1"), ("a", b"")], None, 1, 1, 3,
    )  # fmt: skip
    assert second == (topic, 1, 0, 0, 5001, 0, None, None, [], None, -1, -1, -1)
    assert third == (topic, 0, 0, 1, 5002, 0, b"", b"", [], None, 0, 0, -1)


def test_the_servers_timestamp_is_marked(kafka):
    """LogAppendTime is type 1."""
    topic = kafka.topic(message_timestamp_type="LogAppendTime")
    producer, _ = kafka.producer()
    producer.send(topic, 0, (None, b"v", None, 5000, None), 10, PATIENCE)
    producer.flush(PATIENCE)
    consumer, (place,) = reader(kafka, topic)
    consumer.seek(place, 0)
    (record,) = fetch(consumer, 1)
    assert record.timestamp_type == 1
    assert record.timestamp > 5000


def test_a_position_out_of_range_waits_for_good_records(kafka):
    """The good partition's records come all the same; the other is parked, until it is sought."""
    consumer, (good, bad) = reader(kafka, kafka.filled(20, 2), 0, 1)
    consumer.seek(bad, 1000)
    consumer.seek(good, 0)
    assert len(_whatever_else_is_out_of_range(consumer, 10)) == 10
    for _ in range(2):
        with pytest.raises(OffsetOutOfRangeError) as raised:
            fetching(lambda: False, consumer)
        assert raised.value.args[0] == {bad: 1000}
    consumer.seek(bad, 8)
    assert [record.offset for record in fetch(consumer, 2)] == [8, 9]


def _whatever_else_is_out_of_range(consumer, count):
    """Fetch so many records; librdkafka may know of the bad position first."""
    records = []
    while len(records) < count:
        with suppress(OffsetOutOfRangeError):
            for listed in consumer.fetch(PATIENCE, count).values():
                records += listed
    return records


def test_nothing_fetched_before_a_seek_comes_out(kafka):
    """What librdkafka has fetched ahead is dropped."""
    consumer, (place,) = reader(kafka, kafka.filled(1000))
    for start in (0, 500, 3, 990, 1):
        consumer.seek(place, start)
        (records,) = consumer.fetch(PATIENCE, 5).values()
        assert records[0].offset == start


def test_pause_keeps_the_place(kafka):
    """Also of a partition that is sought, or whose record was met while tending."""
    consumer, (place,) = reader(kafka, kafka.filled(100))
    consumer.seek(place, 0)
    (records,) = consumer.fetch(PATIENCE, 10).values()
    for _ in range(20):
        consumer.tend()
    consumer.pause([place])
    assert consumer.fetch(0.5, 10) == {}
    consumer.resume([place])
    (more,) = consumer.fetch(PATIENCE, 5).values()
    assert more[0].offset == records[-1].offset + 1
    consumer.pause([place])
    consumer.seek(place, 50)
    assert consumer.fetch(0.5, 10) == {}
    consumer.resume([place])
    (more,) = consumer.fetch(PATIENCE, 5).values()
    assert more[0].offset == 50


def test_tending_loses_nothing(kafka):
    """What comes while nothing was to be read is returned by the next fetch, in order."""
    consumer, (place,) = reader(kafka, kafka.filled(100))
    consumer.seek(place, 0)
    offsets = []
    while len(offsets) < 100:
        consumer.tend()
        for records in consumer.fetch(0.2, 7).values():
            offsets += [record.offset for record in records]
    assert offsets == list(range(100))


def test_assign_keeps_the_place_of_those_that_stay(kafka):
    """Only new partitions are parked."""
    topic = kafka.filled(20, 2)
    consumer, (first, second) = reader(kafka, topic, 0, 1)
    consumer.seek(first, 0)
    (records,) = consumer.fetch(PATIENCE, 4).values()
    consumer.assign([first])
    consumer.assign([first, second])
    rest = fetch(consumer, 10 - len(records))
    assert [record.offset for record in rest] == list(range(len(records), 10))


def join(kafka, topic, sink=None, **given):
    """Return a consumer that wants the topic for the group of its name."""
    consumer, sink = kafka.consumer(
        sink, group_id=topic, session_timeout_ms=2000, heartbeat_interval_ms=200, **given
    )
    consumer.subscribe([topic])
    return consumer, sink


class Committing(Sink):
    """Commits what it gives up."""

    def revoked(self, partitions):
        """Commit 7."""
        super().revoked(partitions)
        self.consumer.commit({partition: at(7) for partition in partitions}, PATIENCE)


@pytest.mark.parametrize("strategy", ["sticky", "range", "roundrobin"])
def test_a_group_shares(kafka, strategy):
    """A commit inside `revoked` is where the next owner starts; what is left stays disjoint."""
    topic = kafka.filled(40, 4)
    given = {"partition_assignment_strategy": strategy}
    first, sink = join(kafka, topic, Committing(), **given)
    fetching(lambda: sink.has("assigned"), first)
    second, other = join(kafka, topic, Committing(), **given)
    fetching(lambda: other.has("assigned"), first, second)
    fetching(lambda: len(first._assignment.owned) == 2, first, second)
    assert first._assignment.owned.isdisjoint(second._assignment.owned)
    revoked = next(partitions for name, partitions in sink.calls if name == "revoked")
    assert len(revoked) == (2 if strategy == "sticky" else 4)
    assert {other.committed[partition].offset for partition in second._assignment.owned} == {7}
    second.close(5)
    second.close = lambda _timeout: None
    fetching(lambda: len(first._assignment.owned) == 4, first)


def test_an_eager_group_seeks_and_pauses_too(kafka):
    """Though librdkafka then takes whole assignments only."""
    topic = kafka.filled(40, 2)
    consumer, sink = join(kafka, topic, partition_assignment_strategy="range")
    fetching(lambda: sink.has("assigned"), consumer)
    place = TopicPartition(topic, 0)
    consumer.pause([TopicPartition(topic, 1)])
    consumer.seek(place, 17)
    assert [record.offset for record in consumer.fetch(PATIENCE, 5)[place]] == [17, 18, 19]
    consumer.seek(place, 999)
    with pytest.raises(OffsetOutOfRangeError):
        fetching(lambda: False, consumer)
    consumer.seek(place, 18)
    assert [record.offset for record in consumer.fetch(PATIENCE, 5)[place]] == [18, 19]


def test_errors_of_the_facade_come_out_of_fetch_and_close(kafka):
    """Nothing is raised through librdkafka, and nothing is swallowed."""

    class Failing(Sink):
        def assigned(self, partitions):
            super().assigned(partitions)
            raise LookupError("assigned")

        def revoked(self, _partitions):
            raise LookupError("revoked")

    topic = kafka.topic()
    consumer, _ = join(kafka, topic, Failing())
    with pytest.raises(LookupError, match="assigned"):
        fetching(lambda: False, consumer)
    with pytest.raises(LookupError, match="revoked"):
        consumer.close(5)
    consumer.close = lambda _timeout: None


def test_a_member_that_polls_too_late_has_lost(kafka):
    """Its commit fails, `lost` is called, and it starts again from what is committed."""
    topic = kafka.filled(10)
    consumer, sink = join(kafka, topic, max_poll_interval_ms=2000)
    fetching(lambda: sink.has("assigned"), consumer)
    place = TopicPartition(topic, 0)
    consumer.commit({place: at(3)}, PATIENCE)
    time.sleep(3)
    with pytest.raises(CommitFailedError):
        consumer.commit({place: at(9)}, PATIENCE)
    fetching(lambda: sink.calls[-2:] == [("lost", {place}), ("assigned", {place})], consumer)
    assert sink.committed[place].offset == 3


def test_leaving_lets_others_in_at_once(kafka):
    """`unsubscribe` leaves the group without another poll of ours; then anything goes."""
    topic = kafka.filled(10)
    first, sink = join(kafka, topic)
    fetching(lambda: sink.has("assigned"), first)
    assert first.group_metadata().state is MemberState.STABLE
    first.unsubscribe()
    assert sink.has("revoked")
    assert first.group_metadata().state is MemberState.UNJOINED
    began = time.monotonic()
    second, other = join(kafka, topic)
    fetching(lambda: other.has("assigned"), second)
    assert time.monotonic() - began < 1.9
    place = TopicPartition(topic, 0)
    first.assign([place])
    first.seek(place, 4)
    assert len(fetch(first, 6)) == 6


def test_a_topic_that_comes_later_is_joined(kafka):
    """Librdkafka alone would look again after metadata_max_age_ms."""
    topic = kafka.topic() + "-later"
    consumer, sink = join(kafka, topic, allow_auto_create_topics=False)
    for _ in range(5):
        assert consumer.fetch(0.1, 1) == {}
    producer, _ = kafka.producer()
    producer.partitions(topic, PATIENCE)
    fetching(lambda: sink.has("assigned"), consumer)


def test_a_missing_topic_is_created(kafka):
    """Subscribing and looking up offsets create, as Kafka's own consumer does."""
    topic = kafka.topic()
    consumer, sink = join(kafka, topic + "-new")
    fetching(lambda: sink.has("assigned"), consumer)
    place = TopicPartition(topic + "-newer", 0)
    assert consumer.list_offsets({place: -1}, PATIENCE)[place].offset == 0


def test_offsets_by_time_come_with_the_time(kafka):
    """The timestamp of the hit is the record's; beyond the end there is none."""
    topic = kafka.topic()
    producer, _ = kafka.producer()
    for number in range(5):
        producer.send(topic, 0, (None, b"v", None, 1000 + number, None), 10, PATIENCE)
    producer.flush(PATIENCE)
    consumer, _ = kafka.consumer()
    place = TopicPartition(topic, 0)
    assert consumer.list_offsets({place: 1002}, PATIENCE)[place][:2] == (2, 1002)
    assert consumer.list_offsets({place: 2000}, PATIENCE)[place] is None
    assert consumer.list_offsets({place: -2}, PATIENCE)[place][:2] == (0, -1)


def test_no_such_partition(kafka):
    """Offsets and commits of one are tried until the time is over."""
    topic = kafka.topic()
    consumer, _ = kafka.consumer(group_id=topic)
    place = TopicPartition(topic, 7)
    with pytest.raises(KafkaTimeoutError):
        consumer.list_offsets({place: -1}, 0.5)
    with pytest.raises(KafkaTimeoutError):
        consumer.commit({place: at(1)}, 0.5)


def test_answers_to_commits_come_in_order_on_our_thread(kafka):
    """Each `on_done` is called once, in a later call."""
    topic = kafka.filled(1)
    consumer, _ = kafka.consumer(group_id=topic)
    place = TopicPartition(topic, 0)
    answers = []
    for number in range(5):
        consumer.commit_async({place: at(number)}, lambda e, n=number: answers.append((n, e)))
    consumer.commit({place: at(9)}, PATIENCE)
    assert answers == [(number, None) for number in range(5)]
    assert consumer.committed([place], PATIENCE)[place].offset == 9


def test_a_frozen_broker(private_kafka):
    """Every call ends in time, and close too."""
    server = private_kafka()
    with ExitStack() as stack:
        kafka = Kafka(server.url, stack)
        topic = kafka.filled(5)
        place = TopicPartition(topic, 0)
        consumer, sink = kafka.consumer(group_id=topic)
        consumer.subscribe([topic])
        fetching(lambda: sink.has("assigned"), consumer)
        server.freeze()
        answers = []
        consumer.commit_async({place: at(1)}, answers.append)
        for call in (
            lambda: consumer.commit({place: at(1)}, 0.5),
            lambda: consumer.committed([place], 0.5),
            lambda: consumer.list_offsets({place: -1}, 0.5),
            lambda: consumer.topics(0.5),
        ):
            began = time.monotonic()
            with pytest.raises(KafkaTimeoutError):
                call()
            assert time.monotonic() - began < 2
        began = time.monotonic()
        consumer.fetch(0.5, 10)
        assert time.monotonic() - began < 1
        began = time.monotonic()
        consumer.close(1)
        assert time.monotonic() - began < 3
        assert [type(answer) for answer in answers] == [KafkaTimeoutError]
        assert sink.has("revoked")
        stack.pop_all()
        server.thaw()
