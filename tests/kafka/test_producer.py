"""What only this producer has: librdkafka's buffer, its reports, transactions."""

from __future__ import annotations

import threading
import time

import pytest
from confluent_kafka import KafkaError as Cause

from streamfacade.errors import (
    CommitFailedError,
    DuplicateSequenceNumberError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    ProducerFencedError,
    TransactionAbortedError,
    UnknownTopicOrPartitionError,
)
from streamfacade.structs import OffsetAndMetadata, TopicPartition
from streamfacade_kafka.reports import Collector, Ledger

from .conftest import PATIENCE, Kafka, fetch, fetching, send


def test_reports_keep_the_order(kafka):
    """Records of a partition are reported in the order they were sent, each once."""
    topic = kafka.topic()
    producer, reports = kafka.producer()
    for number in range(3000):
        send(producer, topic, b"%d" % number)
    assert producer.flush(PATIENCE) == 0
    assert reports.values == [b"%d" % number for number in range(3000)]
    assert reports.offsets == list(range(3000))


def test_without_acknowledgement_the_offset_is_unknown(kafka):
    """acks=0 succeeds with offset -1."""
    topic = kafka.topic()
    producer, reports = kafka.producer(acks=0, enable_idempotence=False)
    send(producer, topic, b"v")
    assert producer.flush(PATIENCE) == 0
    assert reports.offsets == [-1]
    assert reports.errors == [None]


def test_lingering_records_are_flushed_at_once(kafka):
    """A flush does not wait for linger_ms."""
    topic = kafka.topic()
    producer, reports = kafka.producer(linger_ms=20000)
    send(producer, topic, b"v")
    began = time.monotonic()
    assert producer.flush(PATIENCE) == 0
    assert time.monotonic() - began < 5
    assert reports.values == [b"v"]


def test_a_flush_waits_for_earlier_records_only(kafka):
    """While another thread keeps sending, a flush still ends."""
    topic = kafka.topic()
    producer, _ = kafka.producer()
    stop = threading.Event()

    def keep_sending():
        while not stop.is_set():
            send(producer, topic, b"other")

    thread = threading.Thread(target=keep_sending)
    thread.start()
    try:
        send(producer, topic, b"mine")
        assert producer.flush(PATIENCE) == 0
    finally:
        stop.set()
        thread.join()


def test_a_callback_may_send_while_the_buffer_is_full(kafka):
    """The thread that reports makes room by itself."""
    topic = kafka.topic()
    producer, reports = kafka.producer(buffer_memory=2048)
    again = iter(range(50))
    report = producer._report

    def report_and_send(*outcome):
        report(*outcome)
        if next(again, None) is not None:
            for _ in range(10):
                send(producer, topic, b"again")

    producer._report = report_and_send
    send(producer, topic, b"first")
    deadline = time.monotonic() + PATIENCE
    while len(reports.rows) < 501:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert not any(reports.errors)


def test_a_record_larger_than_the_buffer(kafka):
    """It is refused at once, when it meets a full buffer, and not after max_block_ms."""
    topic = kafka.topic()
    producer, reports = kafka.producer(buffer_memory=1024, linger_ms=500)
    with pytest.raises(MessageSizeTooLargeError):
        producer.send(topic, 0, (None, b"x" * 5000, None, None, None), 5000, PATIENCE)
    assert producer.flush(PATIENCE) == 0
    assert reports.rows == []


def test_a_frozen_broker(private_kafka):
    """The buffer fills, sends time out, close gives up in time and reports every record."""
    server = private_kafka()
    from contextlib import ExitStack

    with ExitStack() as stack:
        kafka = Kafka(server.url, stack)
        topic = kafka.topic()
        producer, reports = kafka.producer(buffer_memory=20000)
        send(producer, topic, b"stored")
        assert producer.flush(PATIENCE) == 0
        server.freeze()
        accepted = 0
        while accepted < 1000:
            try:
                producer.send(topic, 0, (None, b"x" * 100, None, None, None), 150, 0.5)
            except KafkaTimeoutError as error:
                assert "buffer stayed full" in str(error)  # noqa: PT017 - counted up to here
                break
            accepted += 1
        assert producer.flush(0.2) == accepted
        began = time.monotonic()
        producer.close(0.5)
        assert time.monotonic() - began < 4
        stack.pop_all()
        server.thaw()
    assert [type(error) for error in reports.errors] == [
        type(None), *[KafkaTimeoutError] * accepted,
    ]  # fmt: skip


def test_an_unknown_topic_that_must_not_be_created(kafka):
    """partitions() says so at once."""
    producer, _ = kafka.producer(allow_auto_create_topics=False)
    with pytest.raises(UnknownTopicOrPartitionError):
        producer.partitions("kafka-no-such-topic", PATIENCE)


def test_new_partitions_are_noticed(kafka):
    """The number of partitions is renewed in the background, for topics that exist."""
    from confluent_kafka.cimpl import NewPartitions

    topic = kafka.topic()
    producer, _ = kafka.producer(metadata_max_age_ms=200)
    assert producer.partitions(topic, PATIENCE) == 1
    admin = kafka.admin()
    for done in admin._client.create_partitions([NewPartitions(topic, 3)]).values():
        done.result()
    deadline = time.monotonic() + PATIENCE
    while producer.partitions(topic, PATIENCE) == 1:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert producer.partitions(topic, PATIENCE) == 3


def test_a_record_without_an_offset_was_not_delivered():
    """What librdkafka takes for success, "duplicate", may never have been stored."""
    from confluent_kafka import Message

    collector = Collector(acknowledged=True)
    for number in range(3):
        slot = collector.new_slot()
        slot.record, slot.number = (None, b"%d" % number, None, None, None), number
        known = {"offset": number} if number else {}
        slot.callback(None, Message(topic="t", partition=0, timestamp=(1, 5), **known))
    first, rest = collector.take()
    assert first.cause is not None
    assert first.cause.code() == Cause.DUPLICATE_SEQUENCE_NUMBER
    assert first.offsets == [-1]
    assert rest.cause is None
    assert rest.offsets == [1, 2]


def test_new_topics_lose_nothing(kafka):
    """A producer that is quicker than a new topic's leaders stores all it calls stored."""
    producer, reports = kafka.producer()
    for _ in range(20):
        topic = kafka.topic(3)
        for number in range(30):
            send(producer, topic, b"v", number % 3)
        assert producer.flush(PATIENCE) == 0
    assert DuplicateSequenceNumberError not in map(type, reports.errors)
    assert -1 not in reports.offsets


def test_the_ledger_counts_only_what_came_before():
    """A flush is over when the numbers below its own are settled, in whatever order."""
    ledger = Ledger()
    numbers = [ledger.next_number() for _ in range(3)]
    assert ledger.wait(0) == 3
    ledger.settle([numbers[2], ledger.next_number()])
    assert ledger.wait(0) == 2
    ledger.settle(numbers[:2])
    assert ledger.wait(0) == 0
    assert ledger.unsettled == 0


def test_transactions(kafka):
    """Committed records and offsets are there, aborted ones are not."""
    topic = kafka.topic()
    place = TopicPartition(topic, 0)
    producer, reports = kafka.producer(transactional_id=topic)
    consumer, sink = kafka.consumer(group_id=topic)
    consumer.subscribe([topic])
    fetching(lambda: sink.has("assigned"), consumer)
    producer.init_transactions(PATIENCE)
    producer.begin_transaction()
    send(producer, topic, b"kept")
    offsets = {place: OffsetAndMetadata(5, "m", -1)}
    producer.send_offsets_to_transaction(offsets, consumer.group_metadata(), PATIENCE)
    producer.commit_transaction(PATIENCE)
    producer.begin_transaction()
    send(producer, topic, b"dropped")
    producer.abort_transaction(PATIENCE)
    assert reports.values == [b"kept", b"dropped"]
    assert type(reports.errors[1]) in (type(None), TransactionAbortedError)
    reader, _ = kafka.consumer(isolation_level="read_committed")
    reader.assign([place])
    reader.seek(place, 0)
    assert [record.value for record in fetch(reader, 1)] == [b"kept"]
    assert consumer.committed([place], PATIENCE)[place].offset == 5


def test_a_strangers_offsets_are_refused(kafka):
    """A member that the group does not know cannot commit with a transaction."""
    topic = kafka.topic()
    producer, _ = kafka.producer(transactional_id=topic)
    consumer, sink = kafka.consumer(group_id=topic)
    consumer.subscribe([topic])
    fetching(lambda: sink.has("assigned"), consumer)
    producer.init_transactions(PATIENCE)
    producer.begin_transaction()
    stranger = consumer.group_metadata()._replace(member_id="nobody", generation_id=99)
    with pytest.raises(CommitFailedError):
        producer.send_offsets_to_transaction(
            {TopicPartition(topic, 0): OffsetAndMetadata(5, "", -1)}, stranger, PATIENCE
        )
    producer.abort_transaction(PATIENCE)


def test_an_older_producer_is_fenced(kafka):
    """After another took its id, it can commit nothing."""
    topic = kafka.topic()
    older, _ = kafka.producer(transactional_id=topic)
    older.init_transactions(PATIENCE)
    newer, _ = kafka.producer(transactional_id=topic)
    newer.init_transactions(PATIENCE)
    older.begin_transaction()
    send(older, topic, b"v")
    with pytest.raises(ProducerFencedError):
        older.commit_transaction(PATIENCE)
