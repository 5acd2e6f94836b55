"""Requests as such, the servers of the cluster and how they agree with each other."""

from __future__ import annotations

from ._roots import BrokerResponseError, InvalidMetadataError, RetriableError

# Any request


class RequestTimedOutError(RetriableError, BrokerResponseError):
    """The server did not finish in the time the request gave it; the work may yet be done."""

    errno = 7
    message = "REQUEST_TIMED_OUT"


class NetworkExceptionError(InvalidMetadataError, BrokerResponseError):
    """The connection went away before the answer, so whether the request worked is unknown."""

    errno = 13
    message = "NETWORK_EXCEPTION"


class InvalidRequestError(BrokerResponseError):
    """The server could not make sense of the request, or it contradicts itself."""

    errno = 42
    message = "INVALID_REQUEST"


class OperationNotAttemptedError(BrokerResponseError):
    """Several things were asked for at once; another one failed and this one was left undone."""

    errno = 55
    message = "OPERATION_NOT_ATTEMPTED"


class ResourceNotFoundError(BrokerResponseError):
    """The request is about something, such as a user's credential, that does not exist."""

    errno = 91
    message = "RESOURCE_NOT_FOUND"


class DuplicateResourceError(BrokerResponseError):
    """The request names the same thing twice."""

    errno = 92
    message = "DUPLICATE_RESOURCE"


# Which server


class BrokerNotAvailableError(BrokerResponseError):
    """The server that the request is about is not up."""

    errno = 8
    message = "BROKER_NOT_AVAILABLE"


class NotControllerError(RetriableError, BrokerResponseError):
    """The request has to go to the controller, and this server is not it, or no longer."""

    errno = 41
    message = "NOT_CONTROLLER"


class ListenerNotFoundError(InvalidMetadataError, BrokerResponseError):
    """The leader cannot be reached by the listener through which the client came."""

    errno = 72
    message = "LISTENER_NOT_FOUND"


class InconsistentClusterIdError(BrokerResponseError):
    """The request is meant for a cluster with another id."""

    errno = 104
    message = "INCONSISTENT_CLUSTER_ID"


class MismatchedEndpointTypeError(BrokerResponseError):
    """A controller was asked what only brokers answer, or the other way round."""

    errno = 114
    message = "MISMATCHED_ENDPOINT_TYPE"


class UnsupportedEndpointTypeError(BrokerResponseError):
    """The request speaks of a kind of endpoint that the server does not have."""

    errno = 115
    message = "UNSUPPORTED_ENDPOINT_TYPE"


# Between servers; applications hardly meet these


class StaleControllerEpochError(BrokerResponseError):
    """A former controller gave orders after a new one was elected."""

    errno = 11
    message = "STALE_CONTROLLER_EPOCH"


class StaleBrokerEpochError(BrokerResponseError):
    """A server has restarted since the registration it refers to."""

    errno = 77
    message = "STALE_BROKER_EPOCH"


class InconsistentVoterSetError(BrokerResponseError):
    """Two controllers disagree about which of them may vote."""

    errno = 94
    message = "INCONSISTENT_VOTER_SET"


class SnapshotNotFoundError(BrokerResponseError):
    """The snapshot of the cluster's metadata is not, or no longer, there."""

    errno = 98
    message = "SNAPSHOT_NOT_FOUND"


class PositionOutOfRangeError(BrokerResponseError):
    """A snapshot was to be read from before its first or after its last byte."""

    errno = 99
    message = "POSITION_OUT_OF_RANGE"


class DuplicateBrokerRegistrationError(BrokerResponseError):
    """Two servers want the same id."""

    errno = 101
    message = "DUPLICATE_BROKER_REGISTRATION"


class BrokerIdNotRegisteredError(BrokerResponseError):
    """The controller has no server with that id."""

    errno = 102
    message = "BROKER_ID_NOT_REGISTERED"


class UnknownControllerIdError(BrokerResponseError):
    """No controller has that id."""

    errno = 116
    message = "UNKNOWN_CONTROLLER_ID"


class InvalidRegistrationError(BrokerResponseError):
    """The controller does not let a server in with what it says of itself."""

    errno = 119
    message = "INVALID_REGISTRATION"


class InvalidVoterKeyError(BrokerResponseError):
    """A message among controllers was meant for another incarnation of the receiver."""

    errno = 125
    message = "INVALID_VOTER_KEY"


class DuplicateVoterError(BrokerResponseError):
    """A controller was to get a vote that it already has."""

    errno = 126
    message = "DUPLICATE_VOTER"


class VoterNotFoundError(BrokerResponseError):
    """A controller was to lose a vote that it does not have."""

    errno = 127
    message = "VOTER_NOT_FOUND"


# Telemetry


class UnknownSubscriptionIdError(BrokerResponseError):
    """Measurements were pushed for a subscription that has changed or never was."""

    errno = 117
    message = "UNKNOWN_SUBSCRIPTION_ID"


class TelemetryTooLargeError(BrokerResponseError):
    """One push of measurements is larger than the server takes."""

    errno = 118
    message = "TELEMETRY_TOO_LARGE"
