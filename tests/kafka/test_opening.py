"""Addresses, and what is said when nobody, or somebody else, answers there."""

from __future__ import annotations

import logging
import time

import pytest

from streamfacade.errors import (
    KafkaConfigurationError,
    KafkaConnectionError,
    NoBrokersAvailable,
    SaslAuthenticationFailedError,
)
from streamfacade_kafka import open_driver

from .conftest import Sink, options


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("kafka://a:1", "a:1"),
        ("kafka://a:1,b:2", "a:1,b:2"),
        ("kafka://a:1,kafka://b:2", "a:1,b:2"),
        ("KAFKA://a:1", "a:1"),
        ("a:1, b:2", "a:1,b:2"),
        ("[::1]:9092", "[::1]:9092"),
    ],
)
def test_addresses(url, address):
    """A URL or bare servers."""
    assert open_driver(url).address == address


@pytest.mark.parametrize(
    "url", ["kafka://", "kafka://a", "a:1/x", "kafka://a:1?x=1", "kafka://u:secret@a:1", "a:1,"]
)
def test_other_addresses_are_refused(url):
    """Nothing else is guessed, and no password is repeated."""
    with pytest.raises(KafkaConfigurationError) as refusal:
        open_driver(url)
    assert "secret" not in str(refusal.value)


OPENERS = {
    "P": lambda driver, settled: driver.open_producer(settled, print),
    "C": lambda driver, settled: driver.open_consumer(settled, Sink()),
    "A": lambda driver, settled: driver.open_admin(settled),
}


@pytest.mark.parametrize("client", OPENERS)
def test_nobody_answers(client, capfd):
    """The error names the address and comes in time; nothing is printed."""
    began = time.monotonic()
    with pytest.raises(NoBrokersAvailable, match=r"127\.0\.0\.1:1 .*refused"):
        OPENERS[client](open_driver("127.0.0.1:1"), options(client, bootstrap_timeout_ms=700))
    assert time.monotonic() - began < 3
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("client", OPENERS)
def test_tls_to_a_plain_listener(kafka, client):
    """A wrong security_protocol is guessed long before the time is over."""
    began = time.monotonic()
    with pytest.raises(KafkaConnectionError, match="security_protocol"):
        OPENERS[client](kafka.driver, options(client, security_protocol="SSL"))
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("client", OPENERS)
def test_a_password_nobody_asked_for(kafka, client, caplog):
    """SASL that the server refuses fails at once; the password shows nowhere."""
    with caplog.at_level(logging.DEBUG), pytest.raises(SaslAuthenticationFailedError) as refusal:
        OPENERS[client](
            kafka.driver,
            options(
                client,
                security_protocol="SASL_PLAINTEXT",
                sasl_mechanism="PLAIN",
                sasl_plain_username="user",
                sasl_plain_password="pass-word",
            ),
        )
    assert "sasl_" in str(refusal.value)
    assert "pass-word" not in str(refusal.value) + caplog.text


@pytest.mark.parametrize("client", OPENERS)
def test_an_unknown_property(client):
    """What librdkafka does not know is a configuration error, before anything connects."""
    with pytest.raises(KafkaConfigurationError, match=r"no\.such"):
        OPENERS[client](open_driver("127.0.0.1:1"), options(client, kafka_options={"no.such": "1"}))


def test_an_empty_group_does_not_abort_the_process():
    """Librdkafka would end the process with an assertion."""
    settled = options("C")
    settled["group_id"] = ""
    with pytest.raises(KafkaConfigurationError):
        open_driver("127.0.0.1:1").open_consumer(settled, Sink())
