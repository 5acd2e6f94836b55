"""Topics: creating, deleting, describing; and what their end does to clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from streamfacade import TopicPartition
from streamfacade.admin import NewTopic
from streamfacade.driver import Capability
from streamfacade.errors import (
    IllegalStateError,
    InvalidConfigurationError,
    InvalidPartitionsError,
    InvalidReplicationFactorError,
    KafkaError,
    KafkaTimeoutError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
)
from streamfacade.testing.harness import PATIENCE, label, lacking, read, until, values
from streamfacade.testing.suite_consuming import numbered, numbers
from streamfacade.testing.suite_refusals import NOT_TOPICS

if TYPE_CHECKING:
    from streamfacade import Producer
    from streamfacade.testing.harness import Harness


class TestCreateTopics:
    """`create_topics`."""

    def test_a_topic_has_the_partitions_asked_for(self, harness: Harness) -> None:
        """A created topic can be used at once, and has its partitions."""
        admin, topic = harness.admin(), harness.name()
        (row,) = admin.create_topics({topic: {"num_partitions": 3}})["topics"]
        assert (row["name"], row["error_code"], row["error_message"]) == (topic, 0, None)
        assert (row["num_partitions"], row["replication_factor"]) == (3, 1)
        assert row["topic_id"]
        assert harness.producer().partitions_for(topic) == {0, 1, 2}

    def test_topics_may_be_described_in_three_ways(self, harness: Harness) -> None:
        """A dict, a list of names, and a list of NewTopic create topics."""
        admin, names = harness.admin(), [harness.name() for _ in range(5)]
        admin.create_topics({names[0]: {"num_partitions": 2}, names[1]: {}})
        admin.create_topics([names[2]])
        admin.create_topics([NewTopic(names[3], 2, 1), NewTopic(names[4])])
        counts = [len(harness.producer().partitions_for(name)) for name in names]
        assert counts == [2, 1, 1, 2, 1]

    def test_configs_hold(self, harness: Harness) -> None:
        """A topic's configs, as numbers or text, are honoured."""
        admin, topics = harness.admin(), [harness.name(), harness.name()]
        admin.create_topics({topics[0]: {"configs": {"max.message.bytes": 2000}}})
        admin.create_topics([NewTopic(topics[1], topic_configs={"max.message.bytes": "2000"})])
        for topic in topics:
            future = harness.producer().send(topic, b"x" * 3000)
            until(lambda: future.is_done, "the record is settled")  # noqa: B023 - called at once
            assert future.failed()

    def test_a_topic_is_created_once(self, harness: Harness) -> None:
        """A topic that exists is a TopicAlreadyExistsError, and stays as it is."""
        topic = numbered(harness, 3, partitions=2)
        with pytest.raises(TopicAlreadyExistsError):
            harness.admin().create_topics({topic: {"num_partitions": 5}})
        assert harness.producer().partitions_for(topic) == {0, 1}
        assert harness.end(topic) == 2

    @pytest.mark.parametrize(
        ("wanted", "error"),
        [
            ({"num_partitions": 0}, InvalidPartitionsError),
            ({"num_partitions": -2}, InvalidPartitionsError),
            ({"replication_factor": 0}, InvalidReplicationFactorError),
            ({"configs": {"no.such.config": "1"}}, InvalidConfigurationError),
            ({"configs": {"retention.ms": "soon"}}, InvalidConfigurationError),
        ],
        ids=label,
    )
    def test_a_topic_must_be_possible(
        self, harness: Harness, wanted: dict[str, Any], error: type[Exception]
    ) -> None:
        """What no topic can be is refused with Kafka's error, and nothing is created."""
        admin, topic = harness.admin(), harness.name()
        with pytest.raises(error):
            admin.create_topics({topic: wanted})
        assert topic not in admin.list_topics()

    @lacking(Capability.REPLICATION_FACTOR)
    def test_one_copy_is_all_there_is(self, harness: Harness) -> None:
        """Where topics have one copy, asking for more is an error, never ignored."""
        with pytest.raises(InvalidReplicationFactorError):
            harness.admin().create_topics({harness.name(): {"replication_factor": 3}})

    def test_errors_may_be_returned(self, harness: Harness) -> None:
        """With `raise_errors=False` each topic has its own answer; the good ones exist."""
        admin, old, new = harness.admin(), harness.topic(), harness.name()
        rows = admin.create_topics([old, new], raise_errors=False)["topics"]
        codes = {row["name"]: row["error_code"] for row in rows}
        assert codes == {old: TopicAlreadyExistsError.errno, new: 0}
        assert new in admin.list_topics()

    def test_checking_creates_nothing(self, harness: Harness) -> None:
        """`validate_only` says what would happen, errors included, and creates nothing."""
        admin, topic = harness.admin(), harness.name()
        admin.create_topics([topic], validate_only=True)
        assert topic not in admin.list_topics()
        with pytest.raises(TopicAlreadyExistsError):
            admin.create_topics([harness.topic()], validate_only=True)
        with pytest.raises(InvalidPartitionsError):
            admin.create_topics({topic: {"num_partitions": 0}}, validate_only=True)

    @pytest.mark.parametrize("wrong", [[], {}, "topic", {"t": {"partitions": 1}}], ids=label)
    def test_a_wrong_description_is_refused(self, harness: Harness, wrong: Any) -> None:
        """Nothing, a str and unknown keys are ValueErrors."""
        with pytest.raises(ValueError, match=r".+"):
            harness.admin().create_topics(wrong)

    @pytest.mark.parametrize("name", NOT_TOPICS, ids=label)
    def test_topics_have_legal_names(self, harness: Harness, name: str) -> None:
        """A name that Kafka forbids is an error; KafkaError and ValueError both catch it."""
        with pytest.raises((ValueError, KafkaError)):
            harness.admin().create_topics([name])


class TestDescribeTopics:
    """`list_topics`, `describe_topics`, `wait_for_topics`, `describe_cluster`."""

    def test_topics_are_listed(self, harness: Harness) -> None:
        """`list_topics` returns the names of all topics."""
        admin, topic = harness.admin(), harness.topic()
        assert topic in admin.list_topics()
        assert harness.name() not in admin.list_topics()

    def test_a_topic_is_described(self, harness: Harness) -> None:
        """`describe_topics` returns name, id and partitions with their leaders."""
        topic = harness.topic(partitions=2)
        (found,) = harness.admin().describe_topics([topic])
        assert (found["name"], found["error_code"], found["is_internal"]) == (topic, 0, False)
        assert found["topic_id"]
        assert [p["partition_index"] for p in found["partitions"]] == [0, 1]
        for partition in found["partitions"]:
            assert partition["error_code"] == 0
            assert partition["leader_id"] in partition["replica_nodes"] == partition["isr_nodes"]

    def test_an_unknown_topic_is_described_as_such(self, harness: Harness) -> None:
        """An unknown topic is an entry with error 3 beside the others, and is not created."""
        admin, topic, unknown = harness.admin(), harness.topic(), harness.name()
        found = {t["name"]: t["error_code"] for t in admin.describe_topics([topic, unknown])}
        assert found == {topic: 0, unknown: UnknownTopicOrPartitionError.errno}
        assert unknown not in admin.list_topics()

    def test_all_topics_are_described(self, harness: Harness) -> None:
        """Without names `describe_topics` describes every topic."""
        topics = {harness.topic(), harness.topic()}
        assert topics <= {t["name"] for t in harness.admin().describe_topics()}

    def test_waiting_for_topics(self, harness: Harness) -> None:
        """`wait_for_topics` returns once they exist, or raises KafkaTimeoutError."""
        admin = harness.admin()
        admin.wait_for_topics([harness.topic()])
        with pytest.raises(KafkaTimeoutError):
            admin.wait_for_topics([harness.name()], timeout_ms=100)

    def test_the_cluster_has_a_broker(self, harness: Harness) -> None:
        """`describe_cluster` names the cluster and who answers."""
        cluster = harness.admin().describe_cluster()
        assert cluster["cluster_id"]
        assert cluster["controller_id"] in [b["broker_id"] for b in cluster["brokers"]]
        assert {"broker_id", "host", "port", "rack"} == cluster["brokers"][0].keys()


class TestDeleteTopics:
    """`delete_topics`."""

    def test_a_deleted_topic_is_gone(self, harness: Harness) -> None:
        """A deleted topic is listed no more."""
        admin, topic = harness.admin(), numbered(harness, 3)
        (row,) = admin.delete_topics([topic])["topics"]
        assert (row["name"], row["error_code"]) == (topic, 0)
        until(lambda: topic not in admin.list_topics(), "the topic is gone")

    def test_an_unknown_topic_cannot_be_deleted(self, harness: Harness) -> None:
        """Deleting what is not there is an UnknownTopicOrPartitionError."""
        admin, unknown, topic = harness.admin(), harness.name(), harness.topic()
        with pytest.raises(UnknownTopicOrPartitionError):
            admin.delete_topics([unknown])
        rows = admin.delete_topics([unknown, topic], raise_errors=False)["topics"]
        codes = {row["name"]: row["error_code"] for row in rows}
        assert codes == {unknown: UnknownTopicOrPartitionError.errno, topic: 0}

    def test_a_topic_created_again_is_new(self, harness: Harness) -> None:
        """It starts at offset 0 with the partitions of now, without the old group's offsets."""
        admin, topic, group = harness.admin(), numbered(harness, 5), harness.name()
        place = TopicPartition(topic, 0)
        with harness.reader(topic, group_id=group, allow_auto_create_topics=False) as consumer:
            read(consumer, 5)
            consumer.commit()
        (before,) = admin.describe_topics([topic])
        _recreate(harness, topic, num_partitions=2)
        (after,) = admin.describe_topics([topic])
        assert before["topic_id"] != after["topic_id"]
        assert len(after["partitions"]) == 2
        assert harness.reader(topic, group_id=group).committed(place) is None
        assert harness.producer().send(topic, b"new", partition=0).get(PATIENCE).offset == 0
        assert values(read(harness.reader(topic, group_id=group), 1)) == [b"new"]


class TestVanishedTopics:
    """A topic that is deleted under its clients."""

    def test_polling_goes_on_with_nothing(self, harness: Harness) -> None:
        """A consumer of a deleted topic polls {}; its other topics go on."""
        topic, other = numbered(harness, 3), harness.topic()
        consumer = harness.consumer(allow_auto_create_topics=False)
        consumer.assign([TopicPartition(topic, 0), TopicPartition(other, 0)])
        read(consumer, 3)
        harness.admin().delete_topics([topic])
        for _ in range(3):
            assert consumer.poll(timeout_ms=100) == {}
        harness.send(other, b"other")
        assert values(read(consumer, 1)) == [b"other"]

    def test_asking_for_offsets_raises(self, harness: Harness) -> None:
        """Offsets of a deleted topic cannot be asked for, where it is not created again."""
        topic = numbered(harness, 3)
        consumer = harness.reader(topic, allow_auto_create_topics=False)
        read(consumer, 3)
        harness.admin().delete_topics([topic])
        with pytest.raises(KafkaTimeoutError):
            consumer.end_offsets([TopicPartition(topic, 0)], timeout_ms=500)

    def test_sending_raises(self, harness: Harness) -> None:
        """A producer that may not create topics gets an error for a deleted one.

        It comes from `send` or from the future, whichever finds out, and the topic stays away.
        """
        topic, admin = harness.topic(), harness.admin()
        producer = harness.producer(
            allow_auto_create_topics=False, max_block_ms=1000, metadata_max_age_ms=300,
            request_timeout_ms=1000, delivery_timeout_ms=2000,
        )  # fmt: skip
        producer.send(topic, b"v").get(PATIENCE)
        admin.delete_topics([topic])
        with pytest.raises(KafkaError):
            producer.send(topic, b"v").get(PATIENCE)
        assert topic not in admin.list_topics()

    def test_sending_creates_it_again(self, harness: Harness) -> None:
        """A producer that may create topics writes to a new one, from offset 0."""
        topic, producer = harness.topic(), harness.producer(metadata_max_age_ms=300)
        for _ in range(3):
            producer.send(topic, b"old").get(PATIENCE)
        harness.admin().delete_topics([topic])
        assert producer.send(topic, b"new").get(PATIENCE).offset == 0
        assert values(read(harness.reader(topic), 1)) == [b"new"]

    def test_a_stale_producer_finds_the_new_topic(self, harness: Harness) -> None:
        """A producer that knew the old topic writes to the new one, from offset 0, in order."""
        topic, producer = (
            harness.topic(),
            harness.producer(metadata_max_age_ms=300, allow_auto_create_topics=False),
        )
        _send(producer, topic, 5)
        _recreate(harness, topic)
        _send(producer, topic, 5)
        records = read(harness.reader(topic), 5)
        assert [(r.offset, r.value) for r in records] == list(enumerate(numbers(5)))

    def test_a_stale_consumer_reads_the_new_topic(self, harness: Harness) -> None:
        """A consumer that stood beyond the new topic's end starts it by its reset policy."""
        topic = numbered(harness, 10)
        consumer = harness.reader(topic, metadata_max_age_ms=300, allow_auto_create_topics=False)
        read(consumer, 10)
        _recreate(harness, topic)
        harness.send(topic, b"new 0", b"new 1")
        assert values(read(consumer, 2)) == [b"new 0", b"new 1"]


def _send(producer: Producer[Any, Any], topic: str, count: int) -> None:
    futures = [producer.send(topic, b"%d" % n) for n in range(count)]
    for future in futures:
        future.get(PATIENCE)


def _recreate(harness: Harness, topic: str, **wanted: Any) -> None:
    admin = harness.admin()
    admin.delete_topics([topic])
    until(lambda: topic not in admin.list_topics(), "the topic is gone")
    admin.create_topics({topic: wanted})


class TestClosedAdmin:
    """An admin client after `close`."""

    def test_a_closed_admin_answers_nothing(self, harness: Harness) -> None:
        """After `close`, which may come again, every call is an IllegalStateError."""
        with harness.admin() as admin:
            admin.list_topics()
        admin.close()
        for call in (admin.list_topics, admin.describe_cluster, lambda: admin.create_topics(["t"])):
            with pytest.raises(IllegalStateError):
                call()
