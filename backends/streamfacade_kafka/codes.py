# ruff: noqa: SLF001 - librdkafka's own codes are public, but start with an underscore
"""librdkafka's error codes in groups: by what a client does about them."""

from __future__ import annotations

from confluent_kafka import KafkaError as Cause

FATAL = Cause._FATAL
ALL_DOWN = Cause._ALL_BROKERS_DOWN
END_OF_PARTITION = Cause._PARTITION_EOF

PURGED = frozenset({Cause._PURGE_QUEUE, Cause._PURGE_INFLIGHT})
"""Given up because we asked for it."""

NOT_A_MEMBER = frozenset({
    Cause.ILLEGAL_GENERATION, Cause.UNKNOWN_MEMBER_ID, Cause.FENCED_INSTANCE_ID,
    Cause.STALE_MEMBER_EPOCH, Cause.FENCED_MEMBER_EPOCH,
    Cause._ASSIGNMENT_LOST, Cause._MAX_POLL_EXCEEDED,
})  # fmt: skip
"""A commit came from somebody who is not, or no longer, in the group."""

REFUSING = frozenset({
    Cause._AUTHENTICATION, Cause._SSL, Cause.SASL_AUTHENTICATION_FAILED,
    Cause.UNSUPPORTED_SASL_MECHANISM, Cause.CLUSTER_AUTHORIZATION_FAILED,
})  # fmt: skip
"""Somebody answers and will not serve us; trying on is no use."""

UNREACHABLE = frozenset({Cause._TRANSPORT, Cause._ALL_BROKERS_DOWN, Cause._RESOLVE})
"""Nobody answers at the moment; librdkafka tries on."""

NO_TOPIC = frozenset({Cause.UNKNOWN_TOPIC_OR_PART, Cause._UNKNOWN_TOPIC})
"""The topic does not exist."""

NOT_YET = NO_TOPIC | {Cause.LEADER_NOT_AVAILABLE}
"""What a topic says of itself while it is being made."""

OUT_OF_RANGE = frozenset({
    Cause._AUTO_OFFSET_RESET, Cause.OFFSET_OUT_OF_RANGE, Cause._LOG_TRUNCATION,
})  # fmt: skip
"""The log has nothing at the position."""

UNREADABLE = frozenset({
    Cause._BAD_MSG, Cause._BAD_COMPRESSION, Cause._UNDERFLOW,
    Cause.INVALID_MSG, Cause.INVALID_MSG_SIZE,
})  # fmt: skip
"""The log has something at the position that is no record."""

PASSING = UNREACHABLE | NO_TOPIC | {
    Cause._PARTITION_EOF, Cause._UNKNOWN_PARTITION, Cause.UNKNOWN_TOPIC_ID,
    Cause._MAX_POLL_EXCEEDED, Cause._TIMED_OUT,
}  # fmt: skip
"""Trouble of a consumer that librdkafka deals with, or a topic that vanished."""
