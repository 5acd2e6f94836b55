# ruff: noqa: SLF001 - librdkafka's own codes are public, but start with an underscore
"""From librdkafka's errors to the library's own.

Codes above zero are the protocol's, and mean the same on both sides. Those below are
librdkafka's own; `LOCAL` says what each is to an application.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from confluent_kafka import KafkaError as Cause
from confluent_kafka import KafkaException

from streamfacade import errors
from streamfacade_kafka.codes import NOT_A_MEMBER

if TYPE_CHECKING:
    from collections.abc import Callable

    Maker = Callable[[str], errors.KafkaError]

LOCAL: dict[int, Maker] = {
    Cause._BAD_MSG: errors.CorruptRecordError,
    Cause._BAD_COMPRESSION: errors.CorruptRecordError,
    Cause._DESTROY: errors.IllegalStateError,
    Cause._FAIL: errors.KafkaConnectionError,
    Cause._TRANSPORT: errors.KafkaConnectionError,
    Cause._CRIT_SYS_RESOURCE: errors.KafkaError,
    Cause._RESOLVE: errors.KafkaConnectionError,
    Cause._MSG_TIMED_OUT: errors.KafkaTimeoutError,
    Cause._PARTITION_EOF: errors.KafkaError,
    Cause._UNKNOWN_PARTITION: errors.UnknownTopicOrPartitionError,
    Cause._FS: errors.KafkaError,
    Cause._UNKNOWN_TOPIC: errors.UnknownTopicOrPartitionError,
    Cause._ALL_BROKERS_DOWN: errors.KafkaConnectionError,
    Cause._INVALID_ARG: errors.IllegalArgumentError,
    Cause._TIMED_OUT: errors.KafkaTimeoutError,
    Cause._QUEUE_FULL: errors.KafkaTimeoutError,
    Cause._ISR_INSUFF: errors.NotEnoughReplicasError,
    Cause._NODE_UPDATE: errors.KafkaConnectionError,
    Cause._SSL: errors.KafkaConnectionError,
    Cause._WAIT_COORD: errors.CoordinatorNotAvailableError,
    Cause._UNKNOWN_GROUP: errors.GroupIdNotFoundError,
    Cause._IN_PROGRESS: errors.IllegalStateError,
    Cause._PREV_IN_PROGRESS: errors.IllegalStateError,
    Cause._EXISTING_SUBSCRIPTION: errors.IllegalStateError,
    Cause._ASSIGN_PARTITIONS: errors.RebalanceInProgressError,
    Cause._REVOKE_PARTITIONS: errors.RebalanceInProgressError,
    Cause._CONFLICT: errors.IllegalStateError,
    Cause._STATE: errors.IllegalStateError,
    Cause._UNKNOWN_PROTOCOL: errors.KafkaProtocolError,
    Cause._NOT_IMPLEMENTED: errors.UnsupportedVersionError,
    Cause._AUTHENTICATION: errors.SaslAuthenticationFailedError,
    Cause._NO_OFFSET: errors.NoOffsetForPartitionError,
    Cause._OUTDATED: errors.StaleMetadata,
    Cause._TIMED_OUT_QUEUE: errors.KafkaTimeoutError,
    Cause._UNSUPPORTED_FEATURE: errors.UnsupportedVersionError,
    Cause._WAIT_CACHE: errors.KafkaTimeoutError,
    Cause._INTR: errors.KafkaError,
    Cause._KEY_SERIALIZATION: errors.KafkaError,
    Cause._VALUE_SERIALIZATION: errors.KafkaError,
    Cause._KEY_DESERIALIZATION: errors.KafkaError,
    Cause._VALUE_DESERIALIZATION: errors.KafkaError,
    Cause._PARTIAL: errors.KafkaError,
    Cause._READ_ONLY: errors.KafkaError,
    Cause._NOENT: errors.UnknownTopicOrPartitionError,
    Cause._UNDERFLOW: errors.KafkaProtocolError,
    Cause._INVALID_TYPE: errors.IllegalArgumentError,
    Cause._RETRY: errors.RetriableError,
    Cause._PURGE_QUEUE: errors.Cancelled,
    Cause._PURGE_INFLIGHT: errors.Cancelled,
    Cause._FATAL: errors.KafkaError,
    Cause._INCONSISTENT: errors.IllegalStateError,
    Cause._GAPLESS_GUARANTEE: errors.OutOfOrderSequenceNumberError,
    Cause._MAX_POLL_EXCEEDED: errors.CommitFailedError,
    Cause._UNKNOWN_BROKER: errors.UnknownBrokerIdError,
    Cause._NOT_CONFIGURED: errors.IllegalStateError,
    Cause._FENCED: errors.ProducerFencedError,
    Cause._APPLICATION: errors.KafkaError,
    Cause._ASSIGNMENT_LOST: errors.CommitFailedError,
    Cause._NOOP: errors.KafkaError,
    Cause._AUTO_OFFSET_RESET: errors.OffsetOutOfRangeError,
    Cause._LOG_TRUNCATION: lambda text: errors.LogTruncationError({}, text),
    Cause._INVALID_DIFFERENT_RECORD: errors.InvalidRecordError,
    Cause._DESTROY_BROKER: errors.KafkaConnectionError,
}


def cause_of(error: Cause | BaseException) -> Cause | None:
    """Return librdkafka's error inside an exception, None where there is none."""
    if isinstance(error, Cause):
        return error
    inner = error.args[0] if isinstance(error, KafkaException) and error.args else None
    return inner if isinstance(inner, Cause) else None


def translated(error: Cause | BaseException, doing: str = "") -> errors.KafkaError:
    """Return the library's error for librdkafka's, which becomes its `__cause__`.

    `doing` says what was tried, such as "commit for group g"; it leads the message.
    """
    cause = cause_of(error)
    text = cause.str() if cause else str(error)
    made = _maker(cause)(f"{doing}: {text}" if doing else text)
    made.__cause__ = error if isinstance(error, BaseException) else KafkaException(error)
    return made


def _maker(cause: Cause | None) -> Maker:
    if cause is None:
        return errors.KafkaError
    if cause.code() in LOCAL:
        return LOCAL[cause.code()]
    return errors.for_code(cause.code())


def commit_failed(error: Cause | BaseException, doing: str) -> errors.KafkaError:
    """Translate the error of a commit: one that says "not a member" is CommitFailedError."""
    cause = cause_of(error)
    if cause is None or cause.code() not in NOT_A_MEMBER:
        return translated(error, doing)
    made = errors.CommitFailedError(f"{doing}: {errors.CommitFailedError.description}")
    made.__cause__ = KafkaException(cause)
    return made
