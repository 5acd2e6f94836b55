"""Consumer groups, committed offsets and share groups."""

from __future__ import annotations

from ._roots import BrokerResponseError, RetriableError

# The coordinator


class CoordinatorLoadInProgressError(RetriableError, BrokerResponseError):
    """The group's coordinator has just taken over and is still reading the group's state."""

    errno = 14
    message = "COORDINATOR_LOAD_IN_PROGRESS"


class CoordinatorNotAvailableError(RetriableError, BrokerResponseError):
    """No server coordinates the group yet, for example while its own topic is being made."""

    errno = 15
    message = "COORDINATOR_NOT_AVAILABLE"


class NotCoordinatorError(RetriableError, BrokerResponseError):
    """The server does not coordinate the group, or no longer; the client looks for who does."""

    errno = 16
    message = "NOT_COORDINATOR"


# Membership


class IllegalGenerationError(BrokerResponseError):
    """The member speaks of a round of assignment that is over; it has to join again."""

    errno = 22
    message = "ILLEGAL_GENERATION"


class InconsistentGroupProtocolError(BrokerResponseError):
    """The group is of another type, or its members and the newcomer share no assignor."""

    errno = 23
    message = "INCONSISTENT_GROUP_PROTOCOL"


class InvalidGroupIdError(BrokerResponseError):
    """The group's name is empty or otherwise not one the server takes."""

    errno = 24
    message = "INVALID_GROUP_ID"


class UnknownMemberIdError(BrokerResponseError):
    """The group does not have this member, which probably was silent for too long."""

    errno = 25
    message = "UNKNOWN_MEMBER_ID"


class InvalidSessionTimeoutError(BrokerResponseError):
    """The `session_timeout_ms` is outside the bounds that the server sets."""

    errno = 26
    message = "INVALID_SESSION_TIMEOUT"


class RebalanceInProgressError(BrokerResponseError):
    """The partitions are being handed out anew; poll to take part, then repeat the call."""

    errno = 27
    message = "REBALANCE_IN_PROGRESS"


class MemberIdRequiredError(BrokerResponseError):
    """A newcomer has been given its id and is to join once more, using it."""

    errno = 79
    message = "MEMBER_ID_REQUIRED"


class GroupMaxSizeReachedError(BrokerResponseError):
    """The group already has as many members as the server lets a group have."""

    errno = 81
    message = "GROUP_MAX_SIZE_REACHED"


class FencedInstanceIdError(BrokerResponseError):
    """Another consumer runs under the same `group_instance_id`; give each one of its own."""

    errno = 82
    message = "FENCED_INSTANCE_ID"


class FencedMemberEpochError(BrokerResponseError):
    """The group has moved on without the member, which loses its partitions and joins again."""

    errno = 110
    message = "FENCED_MEMBER_EPOCH"


class UnreleasedInstanceIdError(BrokerResponseError):
    """The consumer that held this `group_instance_id` before has not left the group yet."""

    errno = 111
    message = "UNRELEASED_INSTANCE_ID"


class UnsupportedAssignorError(BrokerResponseError):
    """The coordinator has no assignor of that name."""

    errno = 112
    message = "UNSUPPORTED_ASSIGNOR"


class StaleMemberEpochError(BrokerResponseError):
    """The member's view of its assignment is a step behind; the next heartbeat brings it."""

    errno = 113
    message = "STALE_MEMBER_EPOCH"


# Committed offsets, and groups as such


class OffsetMetadataTooLargeError(BrokerResponseError):
    """The text committed beside an offset is longer than the server stores."""

    errno = 12
    message = "OFFSET_METADATA_TOO_LARGE"


class InvalidCommitOffsetSizeError(BrokerResponseError):
    """One commit names more than fits into one record of the offsets' topic; commit less."""

    errno = 28
    message = "INVALID_COMMIT_OFFSET_SIZE"


class NonEmptyGroupError(BrokerResponseError):
    """The group still has members and cannot be deleted or reset; stop them first."""

    errno = 68
    message = "NON_EMPTY_GROUP"


class GroupIdNotFoundError(BrokerResponseError):
    """There is no group of that name, or not one of the type the request is about."""

    errno = 69
    message = "GROUP_ID_NOT_FOUND"


class GroupSubscribedToTopicError(BrokerResponseError):
    """Members still read the topic, so the group's offsets there cannot be deleted."""

    errno = 86
    message = "GROUP_SUBSCRIBED_TO_TOPIC"


class UnstableOffsetCommitError(RetriableError, BrokerResponseError):
    """An open transaction holds offsets of the group; ask again once it has ended."""

    errno = 88
    message = "UNSTABLE_OFFSET_COMMIT"


# Share groups


class InvalidRecordStateError(BrokerResponseError):
    """The record was acknowledged by one who no longer holds it, so another gets it again."""

    errno = 121
    message = "INVALID_RECORD_STATE"


class ShareSessionNotFoundError(RetriableError, BrokerResponseError):
    """The server has dropped the share consumer's session; the next read opens a new one."""

    errno = 122
    message = "SHARE_SESSION_NOT_FOUND"


class InvalidShareSessionEpochError(RetriableError, BrokerResponseError):
    """Share consumer and server count the session's requests differently; it starts anew."""

    errno = 123
    message = "INVALID_SHARE_SESSION_EPOCH"


class FencedStateEpochError(BrokerResponseError):
    """The stored state of a share group was to be changed on the basis of an older one."""

    errno = 124
    message = "FENCED_STATE_EPOCH"
