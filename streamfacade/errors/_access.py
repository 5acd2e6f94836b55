"""Who may do what: authentication, authorization, tokens and quotas."""

from __future__ import annotations

from ._roots import AuthorizationError, BrokerResponseError, RetriableError

# Not allowed


class TopicAuthorizationFailedError(AuthorizationError):
    """The user may not do that with this topic; the operators grant such rights."""

    errno = 29
    message = "TOPIC_AUTHORIZATION_FAILED"


class GroupAuthorizationFailedError(AuthorizationError):
    """The user may not do that with this group."""

    errno = 30
    message = "GROUP_AUTHORIZATION_FAILED"


class ClusterAuthorizationFailedError(AuthorizationError):
    """The user may not do that with the cluster as a whole."""

    errno = 31
    message = "CLUSTER_AUTHORIZATION_FAILED"


class TransactionalIdAuthorizationFailedError(AuthorizationError):
    """The user may not use that `transactional_id`."""

    errno = 53
    message = "TRANSACTIONAL_ID_AUTHORIZATION_FAILED"


class DelegationTokenAuthorizationFailedError(AuthorizationError):
    """The user may not see or handle that delegation token."""

    errno = 65
    message = "DELEGATION_TOKEN_AUTHORIZATION_FAILED"


class SecurityDisabledError(BrokerResponseError):
    """Access rules were to be read or changed, but the server has none switched on."""

    errno = 54
    message = "SECURITY_DISABLED"


class ThrottlingQuotaExceededError(RetriableError, BrokerResponseError):
    """Changes came faster than this user's quota lets them; wait, then go on slower."""

    errno = 89
    message = "THROTTLING_QUOTA_EXCEEDED"


# Logging in


class UnsupportedSaslMechanismError(BrokerResponseError):
    """The server does not offer the login method in `sasl_mechanism`."""

    errno = 33
    message = "UNSUPPORTED_SASL_MECHANISM"


class IllegalSaslStateError(BrokerResponseError):
    """A step of the login came when another was due; check `security_protocol`."""

    errno = 34
    message = "ILLEGAL_SASL_STATE"


class SaslAuthenticationFailedError(BrokerResponseError):
    """The server did not accept the user name, password or token; trying again is no use."""

    errno = 58
    message = "SASL_AUTHENTICATION_FAILED"


class UnacceptableCredentialError(BrokerResponseError):
    """A new credential is too weak or incomplete, such as one with too few iterations."""

    errno = 93
    message = "UNACCEPTABLE_CREDENTIAL"


class PrincipalDeserializationFailureError(BrokerResponseError):
    """One server passed on a request and the next could not make out whose it was."""

    errno = 97
    message = "PRINCIPAL_DESERIALIZATION_FAILURE"


# Delegation tokens


class DelegationTokenAuthDisabledError(BrokerResponseError):
    """The server is set up without delegation tokens."""

    errno = 61
    message = "DELEGATION_TOKEN_AUTH_DISABLED"


class DelegationTokenNotFoundError(BrokerResponseError):
    """The server has no such delegation token."""

    errno = 62
    message = "DELEGATION_TOKEN_NOT_FOUND"


class DelegationTokenOwnerMismatchError(BrokerResponseError):
    """The token may be renewed or ended only by its owner and those named as renewers."""

    errno = 63
    message = "DELEGATION_TOKEN_OWNER_MISMATCH"


class DelegationTokenRequestNotAllowedError(BrokerResponseError):
    """Tokens are not given out over this connection, whose own login is too weak for it."""

    errno = 64
    message = "DELEGATION_TOKEN_REQUEST_NOT_ALLOWED"


class DelegationTokenExpiredError(BrokerResponseError):
    """The delegation token is past its time; obtain another."""

    errno = 66
    message = "DELEGATION_TOKEN_EXPIRED"


class InvalidPrincipalTypeError(BrokerResponseError):
    """A token's owner or renewer was given as something other than a user."""

    errno = 67
    message = "INVALID_PRINCIPAL_TYPE"
