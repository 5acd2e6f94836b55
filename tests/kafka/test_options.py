"""What librdkafka is told."""

from __future__ import annotations

import logging
import socket
import ssl
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient

from streamfacade.errors import KafkaConfigurationError
from streamfacade_kafka.options import admin_properties, consumer_properties, producer_properties

from .conftest import options

SERVER = "127.0.0.1:1"


def producer(**given: Any) -> dict[str, Any]:
    """Return what librdkafka's producer is told."""
    return producer_properties(SERVER, options("P", **given))


def consumer(**given: Any) -> dict[str, Any]:
    """Return what librdkafka's consumer is told."""
    return consumer_properties(SERVER, options("C", **given), "group")


def test_librdkafka_takes_all_defaults():
    """Every property that is always set exists and is within librdkafka's range."""
    quiet = {"logger": logging.getLogger("quiet")}
    Producer({**producer(), **quiet})
    Consumer({**consumer(), **quiet}).close()
    AdminClient({**admin_properties(SERVER, options("A")), **quiet})


def test_defaults_are_kafkas_not_librdkafkas():
    """Where librdkafka differs from Kafka's own clients, Kafka's defaults hold."""
    told = producer()
    assert told["enable.idempotence"] is True
    assert told["linger.ms"] == 0
    assert told["delivery.timeout.ms"] == 120000
    assert told["partitioner"] == "murmur2_random"
    assert told["retries"] == 2147483647
    assert told["compression.type"] == "none"
    assert told["message.max.bytes"] > 1048576
    assert told["queue.buffering.max.kbytes"] == 32768
    assert "batch.size" not in told
    told = consumer()
    assert told["isolation.level"] == "read_uncommitted"
    assert told["check.crcs"] is True
    assert told["partition.assignment.strategy"] == "cooperative-sticky"
    assert told["allow.auto.create.topics"] is True


def test_positions_and_commits_are_the_facades():
    """Librdkafka neither commits nor resets by itself."""
    told = consumer(enable_auto_commit=True, auto_offset_reset="latest")
    assert told["enable.auto.commit"] is False
    assert told["enable.auto.offset.store"] is False
    assert told["auto.offset.reset"] == "error"


@pytest.mark.parametrize(
    ("given", "name", "value"),
    [
        ({"acks": 0, "enable_idempotence": False}, "acks", 0),
        ({"compression_type": "zstd"}, "compression.type", "zstd"),
        ({"batch_size": 0}, "batch.size", 1),
        ({"linger_ms": 2.5}, "linger.ms", 3),
        ({"retry_backoff_ms": 5000}, "retry.backoff.max.ms", 5000),
        ({"transactional_id": "t"}, "delivery.timeout.ms", 60000),
        ({"metadata_max_age_ms": 10**9}, "topic.metadata.refresh.interval.ms", 3600000),
        ({"ssl_cafile": "ca.pem"}, "ssl.ca.location", "ca.pem"),
        ({"ssl_check_hostname": False}, "ssl.endpoint.identification.algorithm", "none"),
        ({"sasl_plain_username": "u"}, "sasl.username", "u"),
        ({"kafka_options": {"linger.ms": 7}}, "linger.ms", 7),
    ],
)
def test_options_of_a_producer(given, name, value):
    """Options reach librdkafka under its names; raw ones win."""
    assert producer(**given)[name] == value


@pytest.mark.parametrize(
    ("given", "name", "value"),
    [
        ({"partition_assignment_strategy": "range"}, "partition.assignment.strategy", "range"),
        ({"partition_assignment_strategy": ["roundrobin", "range"]},
         "partition.assignment.strategy", "roundrobin,range"),
        ({"partition_assignment_strategy": [SimpleNamespace(name="sticky")]},
         "partition.assignment.strategy", "cooperative-sticky"),
        ({"max_poll_interval_ms": 10000}, "session.timeout.ms", 10000),
        ({"client_rack": "r"}, "client.rack", "r"),
        ({"group_instance_id": "i", "group_id": "g"}, "group.instance.id", "i"),
        ({"fetch_max_bytes": 10**9}, "receive.message.max.bytes", 10**9 + 512),
    ],
)  # fmt: skip
def test_options_of_a_consumer(given, name, value):
    """Options reach librdkafka under its names."""
    assert consumer(**given)[name] == value


def test_the_new_group_protocol_decides_by_itself():
    """KIP-848 takes no session, heartbeat or assignor from the client."""
    told = consumer(kafka_options={"group.protocol": "consumer"})
    assert "session.timeout.ms" not in told
    assert "partition.assignment.strategy" not in told


@pytest.mark.parametrize(
    "given",
    [
        {"ssl_context": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)},
        {"sasl_kerberos_name": "name"},
        {"metric_reporters": [object()]},
        {"socket_options": [(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)]},
        {"sasl_oauth_token_provider": object()},
        {"kafka_options": {"enable.auto.commit": True}},
        {"kafka_options": {"group.id": ""}},
        {"kafka_options": {"partitioner": "consistent"}},
    ],
    ids="-".join,
)
def test_what_cannot_be_honoured_is_refused(given):
    """An option without a counterpart is an error, not silence."""
    with pytest.raises(KafkaConfigurationError):
        producer(**given)


@pytest.mark.parametrize(
    "given",
    [
        {"partition_assignment_strategy": "mine"},
        {"partition_assignment_strategy": ["sticky", "range"]},
        {"max_poll_interval_ms": 10000, "session_timeout_ms": 20000},
    ],
    ids="-".join,
)
def test_what_a_consumer_cannot_honour_is_refused(given):
    """So are unknown assignors, mixed ones, and a session above the poll interval."""
    with pytest.raises(KafkaConfigurationError):
        consumer(**given)


def test_pure_tuning_is_taken_with_one_line(caplog):
    """What librdkafka finds out by itself is accepted, and said once."""
    with caplog.at_level(logging.INFO, "streamfacade.kafka"):
        producer(api_version=(2, 5))
    assert "api_version has no meaning" in caplog.text


def test_common_socket_options_are_translated():
    """TCP_NODELAY is librdkafka's socket.nagle.disable."""
    told = producer(socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)])
    assert told["socket.nagle.disable"] is True


def test_a_token_provider_becomes_a_callback():
    """Librdkafka asks for (token, time it ends)."""
    provider = SimpleNamespace(token=lambda: "secret")
    token, expires = producer(sasl_oauth_token_provider=provider)["oauth_cb"]("")
    assert token == "secret"
    assert expires > 0
