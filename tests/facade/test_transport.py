"""Security options, and what of them shows."""

from __future__ import annotations

import pytest

from streamfacade import Consumer, Producer
from streamfacade._settings import check_transport, settle
from streamfacade.errors import KafkaConfigurationError


@pytest.mark.parametrize(
    ("scheme", "options", "remedy"),
    [
        ("redis", {"ssl_cafile": "ca.pem"}, "security_protocol"),
        ("kafka", {"ssl_cafile": "ca.pem"}, "security_protocol"),
        ("kafka", {"sasl_plain_username": "ada"}, "SASL_PLAINTEXT"),
        ("kafka", {"sasl_mechanism": "PLAIN", "security_protocol": "SSL"}, "SASL_SSL"),
        ("rediss", {"security_protocol": "PLAINTEXT"}, "leave one of them out"),
    ],
)
def test_security_without_effect_is_refused(scheme, options, remedy):
    """An option that the transport would ignore is an error that says what to set."""
    with pytest.raises(KafkaConfigurationError, match=remedy):
        check_transport(settle("P", options), scheme)


@pytest.mark.parametrize(
    ("scheme", "options"),
    [
        ("rediss", {"ssl_cafile": "ca.pem"}),
        ("rediss", {"security_protocol": "SASL_SSL"}),
        ("redis", {"sasl_plain_username": "ada", "sasl_plain_password": "x"}),
        ("redis", {"security_protocol": "SSL", "ssl_cafile": "ca.pem"}),
        ("kafka", {"security_protocol": "SASL_SSL", "sasl_mechanism": "PLAIN"}),
        ("kafka", {"security_protocol": "PLAINTEXT"}),
    ],
)
def test_security_with_effect_is_taken(scheme, options):
    """What the transport honours passes."""
    check_transport(settle("P", options), scheme)


def test_the_password_is_not_in_the_config(redis_url):
    """`config["bootstrap_servers"]` names the server without the credentials of the URL."""
    with_password = redis_url.replace("redis://", "redis://default:wrong@")
    with Producer(bootstrap_servers=redis_url) as producer:
        assert producer.config["bootstrap_servers"] == redis_url
    with pytest.raises(KafkaConfigurationError, match="redis_options") as refused:
        Producer(bootstrap_servers=with_password, redis_options={"nope": 1})
    assert "wrong" not in str(refused.value)


@pytest.mark.parametrize("client", [Producer, Consumer])
def test_servers_are_no_leading_argument(client):
    """A server given by position is a TypeError that says how to give it; topics are topics."""
    if client is Producer:
        with pytest.raises(TypeError, match="bootstrap_servers="):
            Producer("localhost:9092")
    else:
        with Consumer("a-topic", bootstrap_servers="memory://") as consumer:
            assert consumer.subscription() == {"a-topic"}
