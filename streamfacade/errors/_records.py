"""Records and offsets: writing them, reading them, finding them."""

from __future__ import annotations

from ._roots import BrokerResponseError, RetriableError

# Writing


class MessageSizeTooLargeError(BrokerResponseError):
    """The record is larger than the topic takes; split it or raise `max.message.bytes` there."""

    errno = 10
    message = "MESSAGE_SIZE_TOO_LARGE"


class RecordListTooLargeError(BrokerResponseError):
    """A batch of records is larger than a segment of the log; send smaller batches."""

    errno = 18
    message = "RECORD_LIST_TOO_LARGE"


class NotEnoughReplicasError(RetriableError, BrokerResponseError):
    """Nothing was written: fewer replicas are in sync than `min.insync.replicas` demands."""

    errno = 19
    message = "NOT_ENOUGH_REPLICAS"


class NotEnoughReplicasAfterAppendError(RetriableError, BrokerResponseError):
    """The leader wrote the records but too few replicas followed; a retry may duplicate them."""

    errno = 20
    message = "NOT_ENOUGH_REPLICAS_AFTER_APPEND"


class InvalidRequiredAcksError(BrokerResponseError):
    """The option `acks` was sent with a value other than 0, 1 and "all"."""

    errno = 21
    message = "INVALID_REQUIRED_ACKS"


class InvalidTimestampError(BrokerResponseError):
    """The record's time is further from the server's clock than the topic allows."""

    errno = 32
    message = "INVALID_TIMESTAMP"


class InvalidRecordError(BrokerResponseError):
    """The server looked at the record and refused it, as for a missing key in a compacted topic."""

    errno = 87
    message = "INVALID_RECORD"


# Reading


class OffsetOutOfRangeError(BrokerResponseError):
    """The offset lies outside what the partition holds now; seek, or set `auto_offset_reset`."""

    errno = 1
    message = "OFFSET_OUT_OF_RANGE"


class CorruptRecordError(BrokerResponseError):
    """The stored or sent bytes are not a whole record: wrong checksum, size or form."""

    errno = 2
    message = "CORRUPT_MESSAGE"


CorruptRecordException = CorruptRecordError


class InvalidFetchRequestError(BrokerResponseError):
    """A read asked for an impossible number of bytes."""

    errno = 4
    message = "INVALID_FETCH_SIZE"


class FetchSessionIdNotFoundError(RetriableError, BrokerResponseError):
    """The server has dropped the reader's session; the next read opens a new one."""

    errno = 70
    message = "FETCH_SESSION_ID_NOT_FOUND"


class InvalidFetchSessionEpochError(RetriableError, BrokerResponseError):
    """Reader and server count the session's reads differently; the next read opens a new one."""

    errno = 71
    message = "INVALID_FETCH_SESSION_EPOCH"


class OffsetNotAvailableError(RetriableError, BrokerResponseError):
    """A leader elected just now cannot vouch for the end of the partition yet."""

    errno = 78
    message = "OFFSET_NOT_AVAILABLE"


class FetchSessionTopicIdError(RetriableError, BrokerResponseError):
    """One session of reads named topics partly by id and partly by name, or changed an id."""

    errno = 106
    message = "FETCH_SESSION_TOPIC_ID_ERROR"


class OffsetMovedToTieredStorageError(BrokerResponseError):
    """The record now lies in remote storage, from where this request does not read."""

    errno = 109
    message = "OFFSET_MOVED_TO_TIERED_STORAGE"
