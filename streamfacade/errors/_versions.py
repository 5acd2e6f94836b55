"""What the server, or the backend behind the same interface, is unable to do at all."""

from __future__ import annotations

from typing import Any

from ._client import KafkaConfigurationError
from ._roots import BrokerResponseError


class UnsupportedVersionError(BrokerResponseError):
    """The server does not know this request, or not in the version that the call needs."""

    errno = 35
    message = "UNSUPPORTED_VERSION"


class IncompatibleBrokerVersion(UnsupportedVersionError):  # noqa: N818 - Kafka's name
    """The server's release cannot do what the call or option needs; upgrade or go without."""


class UnsupportedCapabilityError(UnsupportedVersionError, KafkaConfigurationError):
    """The backend lacks a capability that the option or call needs; the message names it.

    What an option needs is found out when the client is made, what a call needs at the call.
    """

    def __init__(self, capability: str, why: str) -> None:
        """Name the capability, such as `transactions`, and say what lacks or needs it."""
        self.capability = capability
        self.why = why
        super().__init__(f"missing capability {capability!r}: {why}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Let the error travel between processes."""
        return type(self), (self.capability, self.why), self.__dict__


class UnsupportedForMessageFormatError(BrokerResponseError):
    """The partition stores records in an old format that has no room for what was asked."""

    errno = 43
    message = "UNSUPPORTED_FOR_MESSAGE_FORMAT"


class UnsupportedCompressionTypeError(BrokerResponseError):
    """The partition holds records in a compression that this client's requests cannot take."""

    errno = 76
    message = "UNSUPPORTED_COMPRESSION_TYPE"


class InvalidUpdateVersionError(BrokerResponseError):
    """A cluster feature was to be set to a level that it does not have or may not go to."""

    errno = 95
    message = "INVALID_UPDATE_VERSION"


class FeatureUpdateFailedError(BrokerResponseError):
    """The new levels of the cluster's features could not be recorded."""

    errno = 96
    message = "FEATURE_UPDATE_FAILED"
