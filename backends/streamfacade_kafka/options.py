"""From the option table to librdkafka's properties.

librdkafka's own defaults differ from Kafka's clients in a dozen places, so everything the table
has is said explicitly, given or not. What cannot be said to librdkafka is refused.
"""

from __future__ import annotations

import logging
import math
import socket
import time
from typing import TYPE_CHECKING, Any

from streamfacade.driver import Capability
from streamfacade.errors import KafkaConfigurationError, UnsupportedCapabilityError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streamfacade.config import Options

log = logging.getLogger("streamfacade.kafka")

_INT_MAX = 2147483647
_HOUR_MS = 3600000
_DAY_MS = 86400000
# What a small record on its way costs in memory, about: the limit in records follows from it.
_RECORD_OVERHEAD = 512
# The broker's size includes framing that our estimate does not have.
_FRAMING = 1024

_COMMON = {
    "client_id": "client.id",
    "retry_backoff_ms": "retry.backoff.ms",
    "reconnect_backoff_ms": "reconnect.backoff.ms",
    "reconnect_backoff_max_ms": "reconnect.backoff.max.ms",
    "metadata_max_age_ms": "metadata.max.age.ms",
    "connections_max_idle_ms": "connections.max.idle.ms",
    "client_dns_lookup": "client.dns.lookup",
    "max_in_flight_requests_per_connection": "max.in.flight",
    "security_protocol": "security.protocol",
}
_OPTIONAL = {
    "receive_buffer_bytes": "socket.receive.buffer.bytes",
    "send_buffer_bytes": "socket.send.buffer.bytes",
    "ssl_cafile": "ssl.ca.location",
    "ssl_certfile": "ssl.certificate.location",
    "ssl_keyfile": "ssl.key.location",
    "ssl_password": "ssl.key.password",
    "ssl_crlfile": "ssl.crl.location",
    "ssl_ciphers": "ssl.cipher.suites",
    "sasl_mechanism": "sasl.mechanism",
    "sasl_plain_username": "sasl.username",
    "sasl_plain_password": "sasl.password",
}
_PRODUCER = {
    "acks": "acks",
    "enable_idempotence": "enable.idempotence",
    "retries": "retries",
    "request_timeout_ms": "request.timeout.ms",
    "delivery_timeout_ms": "delivery.timeout.ms",
    "linger_ms": "linger.ms",
    "allow_auto_create_topics": "allow.auto.create.topics",
}
_CONSUMER = {
    "heartbeat_interval_ms": "heartbeat.interval.ms",
    "max_poll_interval_ms": "max.poll.interval.ms",
    "isolation_level": "isolation.level",
    "fetch_max_wait_ms": "fetch.wait.max.ms",
    "fetch_min_bytes": "fetch.min.bytes",
    "fetch_max_bytes": "fetch.max.bytes",
    "max_partition_fetch_bytes": "max.partition.fetch.bytes",
    "check_crcs": "check.crcs",
    "allow_auto_create_topics": "allow.auto.create.topics",
}
_MEANINGLESS = frozenset({
    "api_version", "enable_incremental_fetch_sessions", "metric_group_prefix",
    "metrics_num_samples", "metrics_sample_window_ms",
})  # fmt: skip
_UNMAPPABLE = {
    "ssl_context": "librdkafka reads files: use ssl_cafile, ssl_certfile and ssl_keyfile",
    "sasl_kerberos_name": "librdkafka takes sasl.kerberos.principal: see kafka_options",
    "sasl_kerberos_domain_name": "librdkafka takes the broker's host name",
    "metric_reporters": "librdkafka measures by itself: see statistics.interval.ms",
}
_OWNED = {
    "bootstrap.servers": "bootstrap_servers",
    "metadata.broker.list": "bootstrap_servers",
    "group.id": "group_id",
    "auto.offset.reset": "auto_offset_reset",
    "enable.auto.commit": "enable_auto_commit",
    "auto.commit.enable": "enable_auto_commit",
    "enable.auto.offset.store": "enable_auto_commit",
    "partitioner": "partitioner",
    "on_delivery": "the argument on_delivery",
    "on_commit": "default_offset_commit_callback",
    "logger": "logging.getLogger('streamfacade.kafka')",
    "error_cb": "logging.getLogger('streamfacade.kafka')",
}
_SOCKET_OPTIONS = {
    (socket.IPPROTO_TCP, socket.TCP_NODELAY): "socket.nagle.disable",
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE): "socket.keepalive.enable",
}

Properties = dict[str, Any]


def producer_properties(servers: str, options: Options) -> Properties:
    """Return librdkafka's properties for a producer.

    Raises:
        KafkaConfigurationError: an option that librdkafka has no way to honour.

    """
    properties: Properties = {**_common(servers, options), **_renamed(_PRODUCER, options)}
    properties |= {
        "compression.type": options["compression_type"] or "none",
        "partitioner": "murmur2_random",
        "message.max.bytes": min(options["max_request_size"] + _FRAMING, 1000000000),
        "queue.buffering.max.kbytes": min(-(-options["buffer_memory"] // 1024), _INT_MAX),
        "queue.buffering.max.messages": max(
            1, _clamped(options["buffer_memory"] // _RECORD_OVERHEAD)
        ),
    }
    if "batch_size" in options.given:
        properties["batch.size"] = max(1, _clamped(options["batch_size"]))
    if options["transactional_id"]:
        properties |= _transactional(options)
    return properties | _raw(options)


def _transactional(options: Options) -> Properties:
    timeout = options["transaction_timeout_ms"]
    return {
        "transactional.id": options["transactional_id"],
        "transaction.timeout.ms": timeout,
        # A record must not outlive its transaction; librdkafka insists.
        "delivery.timeout.ms": _clamped(min(options["delivery_timeout_ms"], timeout)),
    }


def consumer_properties(servers: str, options: Options, group_id: str) -> Properties:
    """Return librdkafka's properties for a consumer of `group_id`.

    Commits, positions and the reset policy are the facade's, so librdkafka's are off.

    Raises:
        KafkaConfigurationError: an option that librdkafka has no way to honour.

    """
    properties: Properties = {**_common(servers, options), **_renamed(_CONSUMER, options)}
    properties |= {
        "group.id": group_id,
        "auto.offset.reset": "error",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "session.timeout.ms": _session_timeout(options),
        "socket.timeout.ms": _clamped(options["request_timeout_ms"]),
        "partition.assignment.strategy": assignors(options["partition_assignment_strategy"]),
        # The default of a second leaves a consumer that caught up with its queue waiting.
        "fetch.queue.backoff.ms": 5,
        "queued.min.messages": 20000,
        # At least one answer of the server must fit.
        "queued.max.messages.kbytes": min(-(-options["fetch_max_bytes"] // 1024), 2097151),
    }
    for name, theirs in ("group_instance_id", "group.instance.id"), ("client_rack", "client.rack"):
        if options[name]:
            properties[theirs] = options[name]
    return _for_protocol(properties | _raw(options))


def _session_timeout(options: Options) -> int:
    """Shorten a session that was not asked for: librdkafka wants max_poll_interval_ms above it."""
    session, interval = options["session_timeout_ms"], options["max_poll_interval_ms"]
    if session <= interval:
        return int(session)
    if "session_timeout_ms" in options.given:
        raise KafkaConfigurationError(
            f"max_poll_interval_ms ({interval}) must be at least session_timeout_ms ({session})"
        )
    return int(interval)


def _for_protocol(properties: Properties) -> Properties:
    """Drop what the server decides under the consumer protocol of KIP-848."""
    if properties.get("group.protocol") != "consumer":
        return properties
    decided = {"session.timeout.ms", "heartbeat.interval.ms", "partition.assignment.strategy"}
    return {name: value for name, value in properties.items() if name not in decided}


def admin_properties(servers: str, options: Options) -> Properties:
    """Return librdkafka's properties for an admin client.

    Raises:
        KafkaConfigurationError: an option that librdkafka has no way to honour.

    """
    properties = _common(servers, options)
    properties["socket.timeout.ms"] = _clamped(options["request_timeout_ms"])
    return properties | _raw(options)


def assignors(strategy: Any) -> str:
    """Return librdkafka's names of assignors given as names, classes or instances.

    Raises:
        UnsupportedCapabilityError: librdkafka has no such assignor.
        KafkaConfigurationError: these cannot be mixed.

    """
    listed = [strategy] if isinstance(strategy, str) or hasattr(strategy, "name") else strategy
    names = [_ASSIGNORS.get(_name(one)) for one in listed or ("sticky",)]
    if None in names:
        raise UnsupportedCapabilityError(
            Capability.CUSTOM_ASSIGNOR.value,
            "Kafka's assignors are sticky (cooperative-sticky), range and roundrobin;"
            f" partition_assignment_strategy has {[_name(one) for one in listed]}",
        )
    if "cooperative-sticky" in names and len(set(names)) > 1:
        raise KafkaConfigurationError(
            "sticky moves single partitions, range and roundrobin all at once:"
            " partition_assignment_strategy cannot mix them"
        )
    return ",".join(filter(None, names))


_ASSIGNORS = {
    "sticky": "cooperative-sticky",
    "cooperative-sticky": "cooperative-sticky",
    "range": "range",
    "roundrobin": "roundrobin",
}


def _name(assignor: Any) -> str:
    return str(assignor if isinstance(assignor, str) else getattr(assignor, "name", assignor))


def _common(servers: str, options: Options) -> Properties:
    _refuse(options)
    properties: Properties = {"bootstrap.servers": servers, **_renamed(_COMMON, options)}
    properties |= {theirs: options[n] for n, theirs in _OPTIONAL.items() if options[n] is not None}
    properties |= {
        "retry.backoff.ms": max(1, properties["retry.backoff.ms"]),
        "retry.backoff.max.ms": max(1000, properties["retry.backoff.ms"]),
        "reconnect.backoff.max.ms": max(
            properties["reconnect.backoff.ms"], properties["reconnect.backoff.max.ms"]
        ),
        "metadata.max.age.ms": min(properties["metadata.max.age.ms"], _DAY_MS),
        "topic.metadata.refresh.interval.ms": min(properties["metadata.max.age.ms"], _HOUR_MS),
        "ssl.endpoint.identification.algorithm": (
            "https" if options["ssl_check_hostname"] else "none"
        ),
        "sasl.kerberos.service.name": options["sasl_kerberos_service_name"],
    }
    fetched = options.get("fetch_max_bytes", 0)
    if "receive_message_max_bytes" in options.given or fetched:
        properties["receive.message.max.bytes"] = _clamped(
            max(options["receive_message_max_bytes"], fetched + 512)
        )
    if options["sasl_oauth_token_provider"] is not None:
        properties["oauth_cb"] = _oauth(options["sasl_oauth_token_provider"])
    return properties | _socket_options(options["socket_options"] or ())


def _refuse(options: Options) -> None:
    for name, instead in _UNMAPPABLE.items():
        if options[name]:
            raise KafkaConfigurationError(f"{name} cannot be honoured on Kafka: {instead}")
    for name in sorted(_MEANINGLESS & options.given):
        log.info("option %s has no meaning on the kafka backend", name)


def _renamed(names: Mapping[str, str], options: Options) -> Properties:
    return {theirs: _clamped(options[ours]) for ours, theirs in names.items()}


def _clamped(value: Any) -> Any:
    """Return a number librdkafka can take: whole, finite, 32 bits; anything else as it is."""
    if isinstance(value, (bool, str)):
        return value
    return _INT_MAX if value == math.inf else min(math.ceil(value), _INT_MAX)


def _socket_options(wanted: Any) -> Properties:
    properties: Properties = {}
    for level, option, value in wanted:
        if (level, option) not in _SOCKET_OPTIONS:
            raise KafkaConfigurationError(
                "of socket_options librdkafka knows TCP_NODELAY and SO_KEEPALIVE,"
                f" not {(level, option, value)}: see kafka_options"
            )
        properties[_SOCKET_OPTIONS[level, option]] = bool(value)
    return properties


def _oauth(provider: Any) -> Callable[[str], tuple[str, float]]:
    """Return librdkafka's callback for a token provider.

    The provider does not say how long its token lives: it is asked again after some minutes.
    """
    if not callable(getattr(provider, "token", None)):
        raise KafkaConfigurationError("sasl_oauth_token_provider needs a method token()")

    def fetch(_config: str) -> tuple[str, float]:
        return provider.token(), time.time() + 300

    return fetch


def _raw(options: Options) -> Properties:
    """Return `kafka_options`, which win, but not over what the facade relies on."""
    for name in options["kafka_options"]:
        if name in _OWNED:
            raise KafkaConfigurationError(
                f"kafka_options cannot set {name!r}: use {_OWNED[name]} instead"
            )
    return dict(options["kafka_options"])
