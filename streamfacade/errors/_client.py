"""What the client itself finds wrong, without a number from the server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._roots import InvalidMetadataError, KafkaError, RetriableError

if TYPE_CHECKING:
    from collections.abc import Mapping


# How the application uses the client


class KafkaConfigurationError(KafkaError, ValueError):
    """An option has a value that cannot work, alone or beside another; correct the options."""


class IllegalArgumentError(KafkaError):
    """A method was called with an argument that it cannot accept."""


class IllegalStateError(KafkaError):
    """A method was called when it cannot be, for example on a closed or forked client."""


class UnsupportedCodecError(KafkaError):
    """A compression was asked for, or met in a record, whose codec is not installed here."""


# Reaching a server


class KafkaConnectionError(InvalidMetadataError):
    """The connection to the server could not be made or broke; the client connects again."""


class KafkaTimeoutError(RetriableError):
    """The time given to a call ran out; the server may still carry out what it was asked."""


class NoBrokersAvailable(KafkaTimeoutError):  # noqa: N818 - the name applications catch
    """No server answered at start; check that `bootstrap_servers` names one that is up."""


class NodeNotReadyError(RetriableError):
    """The connection to the chosen server is still being set up."""


class TooManyInFlightRequests(RetriableError):  # noqa: N818 - Kafka's name
    """As many requests as may wait for an answer on one connection already do."""


class Cancelled(RetriableError):  # noqa: N818 - Kafka's name
    """The request was given up before an answer came, usually because its connection closed."""


class QuotaViolationError(KafkaError):
    """A measured rate went over the quota that was set for it."""


# What the server said


class KafkaProtocolError(KafkaError):
    """The bytes received do not follow the protocol; check that the port is a Kafka server's."""


class CorrelationIdError(RetriableError, KafkaProtocolError):
    """An answer arrived that belongs to no request, or to another one than was next."""


class InvalidReceiveError(KafkaProtocolError):
    """An answer announces an impossible length."""


class UnrecognizedBrokerVersion(KafkaError):  # noqa: N818 - Kafka's name
    """The version of the server could not be told from how it answers."""


class MetadataEmptyBrokerList(RetriableError):  # noqa: N818 - Kafka's name
    """The server described a cluster without a single server in it; it may be starting."""


class StaleMetadata(InvalidMetadataError):  # noqa: N818 - Kafka's name
    """The client's picture of topics and leaders is known to be out of date."""


class UnknownBrokerIdError(KafkaError):
    """A server was named by an id that the cluster's description does not contain."""


# Positions and batches


class CommitFailedError(KafkaError):
    """The offsets were not stored, since the partitions were given to another member meanwhile.

    The new owner reads those records again. A consumer that needs long between two polls
    should take fewer records at once (`max_poll_records`) or be granted a longer
    `max_poll_interval_ms`. Raised without an argument, it carries its description.
    """

    def __init__(self, *args: object) -> None:
        """Keep what was given, or say what usually happened."""
        super().__init__(*(args or (self.description,)))


class NoOffsetForPartitionError(KafkaError):
    """Nothing is committed for the partition and `auto_offset_reset` says not to choose."""


class LogTruncationError(KafkaError):
    """Records that the consumer has already read are gone from the end of the partition.

    It follows the election of a leader that lacked them. `divergent_offsets` maps each
    partition concerned to the offset and metadata at which the logs part, from where to read
    on after `seek`, or to None where the server could not name that place.
    """

    def __init__(self, divergent_offsets: Mapping[Any, Any], *args: object) -> None:
        """Keep where the logs part; without further arguments that is the message too."""
        self.divergent_offsets = divergent_offsets
        super().__init__(*(args or (f"the log was cut short below {divergent_offsets}",)))

    def __reduce__(self) -> tuple[Any, ...]:
        """Let the error travel between processes with its offsets."""
        return type(self), (self.divergent_offsets, *self.args), self.__dict__


class TransactionAbortedError(KafkaError):
    """The record was not sent because the application aborted its transaction meanwhile.

    The producer is unharmed and can begin the next transaction.
    """
