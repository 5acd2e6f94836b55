"""The option table: every option's name, kind, default, meaning, and who honours it.

Names and units are kafka-python's (snake_case, milliseconds). Checking, defaults and the option
reference all come from this table. What a driver does with an option it marks "no meaning" is
nothing: the option is accepted, so that one configuration serves every backend, and logged once.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any

from streamfacade import _kinds as kind
from streamfacade.partitioner import DefaultPartitioner

_NOT_KAFKA = "memory redis"
_MEMORY = "memory"
SECRETS = frozenset({"sasl_plain_password", "ssl_password"})


@dataclass(frozen=True)
class Option:
    """One row: `clients` of P(roducer) C(onsumer) A(dmin); `no_meaning` and `refused` by driver."""

    name: str
    clients: str
    kind: kind.Kind
    default: Any
    meaning: str
    no_meaning: str = ""
    refused: str = ""
    needs: str = ""


class Options(dict[str, Any]):
    """All options of one client, defaults filled in; `given` are those the user set."""

    given: frozenset[str] = frozenset()

    def seconds(self, name: str) -> float:
        """Return a duration in seconds."""
        return float(self[name]) / 1000

    def __repr__(self) -> str:
        """Show the options without the secrets in them."""
        hidden = {"redis_options", "kafka_options", "bootstrap_servers", *SECRETS}
        shown = {k: "***" if k in hidden and v else v for k, v in self.items()}
        return f"Options({shown})"


def _tuning(name: str, clients: str, of: kind.Kind, default: Any, meaning: str) -> Option:
    """Make a row for a transport option that only Kafka has."""
    return Option(name, clients, of, default, meaning, no_meaning=_NOT_KAFKA)


def _security(name: str, of: kind.Kind, meaning: str, default: Any = None) -> Option:
    """Make a row for a security option: honoured or refused, never ignored."""
    return Option(name, "PCA", of, default, meaning, refused=_MEMORY)


_ms, _count = kind.milliseconds(), kind.integer(0)

TABLE: tuple[Option, ...] = (
    Option("bootstrap_servers", "PCA", kind.optional(kind.servers), None,
           "Where to connect: redis://, rediss://, kafka://, memory:// or host:port (Kafka). "
           "Defaults to $STREAMFACADE_URL, then $REDIS_URL."),
    Option("client_id", "PCA", kind.optional(kind.text), None,
           "Name shown to the server and in metrics. Defaults to streamfacade-<kind>-<n>."),
    Option("redis_options", "PCA", kind.mapping, {},
           "Keyword arguments for redis-py's connection, plus allow_eviction. Defaults to {}.",
           no_meaning="memory kafka"),
    Option("kafka_options", "PCA", kind.mapping, {},
           "librdkafka properties by their own names; they win. Defaults to {}.",
           no_meaning=_NOT_KAFKA),
    Option("bootstrap_timeout_ms", "PCA", _ms, 30000,
           "How long opening a client may take. Defaults to 30000."),
    Option("request_timeout_ms", "PCA", kind.milliseconds(1), 30000,
           "How long one request may stay unanswered. Defaults to 30000.", no_meaning=_MEMORY),
    Option("default_api_timeout_ms", "CA", _ms, 60000,
           "Limit of a call that was given no timeout. Defaults to 60000."),
    Option("retry_backoff_ms", "PCA", _ms, 100,
           "Pause before a failed request is tried again. Defaults to 100.", no_meaning=_MEMORY),
    Option("reconnect_backoff_ms", "PCA", _ms, 50,
           "First pause before reconnecting; doubles. Defaults to 50.", no_meaning=_MEMORY),
    Option("reconnect_backoff_max_ms", "PCA", _ms, 30000,
           "Longest pause before reconnecting. Defaults to 30000.", no_meaning=_MEMORY),
    Option("metadata_max_age_ms", "PCA", kind.milliseconds(1), 300000,
           "How old what is known of topics may get. Defaults to 300000."),
    Option("allow_auto_create_topics", "PC", kind.boolean, True,
           "Create a topic that is used and does not exist. Defaults to True."),
    # Producer
    Option("key_serializer", "P", kind.optional(kind.converter("serialize")), None,
           "Makes bytes of keys. Defaults to None: keys are bytes."),
    Option("value_serializer", "P", kind.optional(kind.converter("serialize")), None,
           "Makes bytes of values. Defaults to None: values are bytes."),
    Option("acks", "P", kind.acks, -1,
           "0: do not wait (offset -1 is reported); 1: the server has it; -1 or 'all': its in-sync "
           "replicas too (Redis: WAIT for min.insync.replicas). Defaults to -1.",
           no_meaning=_MEMORY),
    Option("enable_idempotence", "P", kind.boolean, True,
           "A retry stores nothing twice. On Redis that is so in any case. Defaults to True.",
           no_meaning=_NOT_KAFKA),
    Option("transactional_id", "P", kind.optional(kind.text), None,
           "Identity for transactions (KIP-98). Defaults to None.", needs="transactions"),
    Option("transaction_timeout_ms", "P", kind.integer(1), 60000,
           "How long a transaction may stay open. Defaults to 60000.", no_meaning=_NOT_KAFKA),
    Option("retries", "P", _count, inf,
           "Tries after the first within delivery_timeout_ms. Defaults to infinity.",
           no_meaning=_MEMORY),
    Option("delivery_timeout_ms", "P", kind.milliseconds(1), 120000,
           "A record not stored by then has failed. Defaults to 120000.", no_meaning=_MEMORY),
    Option("linger_ms", "P", _ms, 0,
           "How long a batch waits for more records. Defaults to 0.", no_meaning=_MEMORY),
    Option("batch_size", "P", _count, 16384,
           "Bytes of a batch worth waiting for under linger_ms. Batches that fill while earlier "
           "ones travel may be larger. Defaults to 16384.", no_meaning=_MEMORY),
    Option("buffer_memory", "P", kind.integer(1024), 33554432,
           "Bytes that may wait to be sent; then sending blocks. Defaults to 33554432.",
           no_meaning=_MEMORY),
    Option("max_block_ms", "P", _ms, 60000,
           "How long sending may block for room or for a topic. Defaults to 60000."),
    Option("max_request_size", "P", kind.integer(1), 1048576,
           "Largest record in bytes, with its overhead. Defaults to 1048576."),
    Option("compression_type", "P",
           kind.optional(kind.one_of("gzip", "snappy", "lz4", "zstd")), None,
           "Compress batches. Defaults to None.", needs="compression"),
    Option("partitioner", "P", kind.converter("partition"), DefaultPartitioner,
           "Chooses partitions. Defaults to murmur2 of the key, in turn without one."),
    # Consumer
    Option("group_id", "C", kind.optional(kind.text), None,
           "The group to read and commit for. Defaults to None: no group, no commits."),
    Option("group_instance_id", "C", kind.optional(kind.text), None,
           "Makes the member static (KIP-345). Defaults to None.", needs="shared_groups"),
    Option("key_deserializer", "C", kind.optional(kind.converter("deserialize")), None,
           "Makes keys of bytes. Defaults to None: keys are bytes."),
    Option("value_deserializer", "C", kind.optional(kind.converter("deserialize")), None,
           "Makes values of bytes. Defaults to None: values are bytes."),
    Option("auto_offset_reset", "C", kind.reset, "latest",
           "Where to start without a valid offset: earliest, latest, or none (an error). "
           "Defaults to latest."),
    Option("enable_auto_commit", "C", kind.boolean, True,
           "Commit positions inside poll. Defaults to True."),
    Option("auto_commit_interval_ms", "C", _ms, 5000,
           "Time between such commits. Defaults to 5000."),
    Option("default_offset_commit_callback", "C", kind.optional(kind.function), None,
           "Called as (offsets, response_or_error) after commit_async. Defaults to None."),
    Option("consumer_timeout_ms", "C", kind.forever_or_ms, inf,
           "Iteration ends after so long without a record. Defaults to infinity."),
    Option("max_poll_records", "C", kind.integer(1), 500,
           "Most records one poll returns. Defaults to 500."),
    Option("max_poll_interval_ms", "C", kind.integer(1), 300000,
           "Longest time between polls before a member is out. Defaults to 300000."),
    Option("session_timeout_ms", "C", kind.integer(1), 45000,
           "A member unheard of for so long is dead. Defaults to 45000."),
    Option("heartbeat_interval_ms", "C", kind.integer(1), 3000,
           "Time between heartbeats; a third of the session at most. Defaults to 3000.",
           no_meaning=_MEMORY),
    Option("partition_assignment_strategy", "C", kind.anything, (),
           "Assignors by name, class or object: sticky, range, roundrobin, or your own with a name "
           "and assign(wanted, counts, current). Defaults to sticky."),
    Option("isolation_level", "C", kind.one_of("read_uncommitted", "read_committed"),
           "read_uncommitted", "Whether open transactions are read. Defaults to read_uncommitted.",
           no_meaning=_NOT_KAFKA),
    Option("fetch_max_wait_ms", "C", _ms, 500,
           "How long a fetch waits at the server. Defaults to 500.", no_meaning=_NOT_KAFKA),
    Option("fetch_min_bytes", "C", kind.integer(1), 1,
           "Bytes a fetch waits for. Defaults to 1.", no_meaning=_NOT_KAFKA),
    Option("fetch_max_bytes", "C", kind.integer(1), 52428800,
           "Bytes of all partitions in one fetch, about. Defaults to 52428800.",
           no_meaning=_MEMORY),
    Option("max_partition_fetch_bytes", "C", kind.integer(1), 1048576,
           "Bytes of one partition in one fetch, about. Defaults to 1048576.", no_meaning=_MEMORY),
    Option("exclude_internal_topics", "C", kind.boolean, True,
           "Patterns skip topics like __consumer_offsets. Defaults to True."),
    Option("check_crcs", "C", kind.boolean, True, "Verify checksums. Defaults to True.",
           no_meaning=_NOT_KAFKA),
    Option("client_rack", "C", kind.optional(kind.text), None,
           "Rack to fetch from (KIP-392). Defaults to None.", no_meaning=_NOT_KAFKA),
    # Security
    _security("security_protocol", kind.one_of("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"),
              "TLS and SASL or not; on Redis TLS and AUTH. Defaults to PLAINTEXT.", "PLAINTEXT"),
    _security("ssl_context", kind.optional(kind.anything),
              "A ready SSLContext; Redis and Kafka refuse it. Defaults to None."),
    _security("ssl_check_hostname", kind.boolean,
              "Whether the certificate must name the host. Defaults to True.", True),
    _security("ssl_cafile", kind.optional(kind.text), "CA certificates. Defaults to None."),
    _security("ssl_certfile", kind.optional(kind.text), "Client certificate. Defaults to None."),
    _security("ssl_keyfile", kind.optional(kind.text), "Client key. Defaults to None."),
    _security("ssl_password", kind.optional(kind.text), "Password of the key. Defaults to None."),
    _security("ssl_crlfile", kind.optional(kind.text), "Revocations. Defaults to None."),
    _security("ssl_ciphers", kind.optional(kind.text), "Ciphers allowed. Defaults to None."),
    _security("sasl_mechanism", kind.optional(kind.text),
              "PLAIN, SCRAM-SHA-256, …; on Redis PLAIN only. Defaults to None."),
    _security("sasl_plain_username", kind.optional(kind.text), "User name. Defaults to None."),
    _security("sasl_plain_password", kind.optional(kind.text), "Password. Defaults to None."),
    _security("sasl_kerberos_name", kind.optional(kind.anything), "GSSAPI name. Defaults to None."),
    _security("sasl_kerberos_service_name", kind.text, "Defaults to kafka.", "kafka"),
    _security("sasl_kerberos_domain_name", kind.optional(kind.text), "Defaults to None."),
    _security("sasl_oauth_token_provider", kind.optional(kind.anything),
              "Provides OAuth tokens. Defaults to None."),
    # Transport tuning that only Kafka has
    _tuning("max_in_flight_requests_per_connection", "PCA", kind.integer(1), 5,
            "Requests unanswered at a time; at most 5 batches per partition. Defaults to 5."),
    _tuning("connections_max_idle_ms", "PCA", kind.milliseconds(1), 540000, "Defaults to 540000."),
    _tuning("receive_buffer_bytes", "PCA", kind.optional(_count), None, "SO_RCVBUF."),
    _tuning("send_buffer_bytes", "PCA", kind.optional(_count), None, "SO_SNDBUF."),
    _tuning("receive_message_max_bytes", "PCA", kind.integer(1), 1000000000, "Largest response."),
    _tuning("client_dns_lookup", "PCA", kind.text, "use_all_dns_ips", "How names are resolved."),
    _tuning("api_version", "PCA", kind.anything, None, "librdkafka finds it out by itself."),
    _tuning("socket_options", "PCA", kind.anything, None, "librdkafka sets its own."),
    _tuning("enable_incremental_fetch_sessions", "C", kind.boolean, True, "KIP-227."),
    _tuning("metric_reporters", "PCA", kind.anything, (), "See Producer.metrics."),
    _tuning("metrics_num_samples", "PCA", _count, 2, "See Producer.metrics."),
    _tuning("metrics_sample_window_ms", "PCA", _ms, 30000, "See Producer.metrics."),
    _tuning("metric_group_prefix", "C", kind.text, "consumer", "There are no reporters."),
    Option("metrics_enabled", "PC", kind.boolean, True,
           "Whether metrics() answers. Defaults to True."),
)  # fmt: skip

BY_NAME = {option.name: option for option in TABLE}
