"""Idempotent and transactional producers."""

from __future__ import annotations

from ._roots import BrokerResponseError, RetriableError

# Sequence numbers


class OutOfOrderSequenceNumberError(BrokerResponseError):
    """Batches before this one are missing, so writing it would break the producer's order."""

    errno = 45
    message = "OUT_OF_ORDER_SEQUENCE_NUMBER"


class DuplicateSequenceNumberError(BrokerResponseError):
    """The batch was written already and too long ago to tell at which offset."""

    errno = 46
    message = "DUPLICATE_SEQUENCE_NUMBER"


class InvalidProducerEpochError(BrokerResponseError):
    """The producer is an earlier incarnation of one that has started again since."""

    errno = 47
    message = "INVALID_PRODUCER_EPOCH"


class UnknownProducerIdError(BrokerResponseError):
    """The partition no longer remembers the producer, since all its records there expired."""

    errno = 59
    message = "UNKNOWN_PRODUCER_ID"


class ProducerFencedError(BrokerResponseError):
    """Another producer took over this `transactional_id`; this one can only be closed."""

    errno = 90
    message = "PRODUCER_FENCED"


# Transactions


class InvalidTxnStateError(BrokerResponseError):
    """The step does not fit where the transaction stands, such as a commit before a begin."""

    errno = 48
    message = "INVALID_TXN_STATE"


class InvalidProducerIdMappingError(BrokerResponseError):
    """The `transactional_id` belongs to another producer id now, or to none."""

    errno = 49
    message = "INVALID_PRODUCER_ID_MAPPING"


class InvalidTransactionTimeoutError(BrokerResponseError):
    """The `transaction_timeout_ms` is above what the server permits; lower it."""

    errno = 50
    message = "INVALID_TRANSACTION_TIMEOUT"


class ConcurrentTransactionsError(RetriableError, BrokerResponseError):
    """The previous transaction of this producer is still being completed."""

    errno = 51
    message = "CONCURRENT_TRANSACTIONS"


class TransactionCoordinatorFencedError(BrokerResponseError):
    """A server tried to complete a transaction that another server looks after by now."""

    errno = 52
    message = "TRANSACTION_COORDINATOR_FENCED"


class TransactionalIdNotFoundError(BrokerResponseError):
    """Nothing is on record under that `transactional_id`."""

    errno = 105
    message = "TRANSACTIONAL_ID_NOT_FOUND"


class TransactionAbortableError(BrokerResponseError):
    """The transaction failed but not the producer: abort it, then begin again."""

    errno = 120
    message = "TRANSACTION_ABORTABLE"
