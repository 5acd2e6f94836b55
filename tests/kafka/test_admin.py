"""Topics through confluent-kafka's admin client."""

from __future__ import annotations

import pytest

from streamfacade.driver import TopicSpec
from streamfacade.errors import (
    InvalidPartitionsError,
    InvalidReplicationFactorError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
)

from .conftest import PATIENCE, send


def test_a_topics_life(kafka):
    """Created, it can be used at once; deleted, it is gone at once."""
    admin = kafka.admin()
    name = kafka.topic() + "-2"
    spec = TopicSpec(name, 2, 1, {"retention.ms": "1000000"})
    (info,) = admin.create_topics([spec], PATIENCE, validate_only=False)
    assert (info.name, info.error, len(info.partitions)) == (name, None, 2)
    assert info.topic_id
    producer, reports = kafka.producer()
    send(producer, name, b"v", 1)
    assert producer.flush(PATIENCE) == 0
    assert reports.offsets == [0]
    (again,) = admin.create_topics([spec], PATIENCE, validate_only=False)
    assert isinstance(again.error, TopicAlreadyExistsError)
    (deleted,) = admin.delete_topics([name], PATIENCE)
    assert deleted.error is None
    assert name not in {info.name for info in admin.describe_topics(None, PATIENCE)}
    (gone,) = admin.describe_topics([name], PATIENCE)
    assert isinstance(gone.error, UnknownTopicOrPartitionError)
    (never,) = admin.delete_topics([name], PATIENCE)
    assert isinstance(never.error, UnknownTopicOrPartitionError)


def test_validating_creates_nothing(kafka):
    """Only the errors are found out."""
    admin = kafka.admin()
    name = kafka.topic() + "-not"
    (info,) = admin.create_topics([TopicSpec(name, 1, 1)], PATIENCE, validate_only=True)
    assert info.error is None
    (gone,) = admin.describe_topics([name], PATIENCE)
    assert isinstance(gone.error, UnknownTopicOrPartitionError)


@pytest.mark.parametrize(
    ("spec", "error"),
    [
        (TopicSpec("t", 0), InvalidPartitionsError),
        (TopicSpec("t", -2), InvalidPartitionsError),
        (TopicSpec("t", 1, 0), InvalidReplicationFactorError),
        (TopicSpec("t", 1, 99), InvalidReplicationFactorError),
    ],
    ids=repr,
)
def test_impossible_topics(kafka, spec, error):
    """What confluent-kafka does not even send gets the server's error."""
    (info,) = kafka.admin().create_topics([spec], PATIENCE, validate_only=False)
    assert isinstance(info.error, error)


def test_the_cluster(kafka):
    """It names itself and its brokers."""
    cluster = kafka.admin().describe_cluster(PATIENCE)
    assert cluster.cluster_id
    ((number, host, port, _rack),) = cluster.brokers
    assert number == cluster.controller_id
    assert f"{host}:{port}" == kafka.driver.address
