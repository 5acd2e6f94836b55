"""Topics, their partitions and the leaders and replicas of these."""

from __future__ import annotations

from ._roots import BrokerResponseError, InvalidMetadataError

# Which topics there are, and how they may be made


class UnknownTopicOrPartitionError(InvalidMetadataError, BrokerResponseError):
    """The server has no such topic, or the topic no such partition; create it, or wait for it."""

    errno = 3
    message = "UNKNOWN_TOPIC_OR_PARTITION"


class InvalidTopicError(BrokerResponseError):
    """The topic's name has characters or a length that are not allowed, or is a reserved one."""

    errno = 17
    message = "INVALID_TOPIC"


class TopicAlreadyExistsError(BrokerResponseError):
    """A topic of that name is already there; whoever creates one to be sure may ignore this."""

    errno = 36
    message = "TOPIC_ALREADY_EXISTS"


class InvalidPartitionsError(BrokerResponseError):
    """The number of partitions is below one, or not above the present one when adding some."""

    errno = 37
    message = "INVALID_PARTITIONS"


class InvalidReplicationFactorError(BrokerResponseError):
    """More copies of each partition were asked for than there are servers, or fewer than one."""

    errno = 38
    message = "INVALID_REPLICATION_FACTOR"


class InvalidReplicationAssignmentError(BrokerResponseError):
    """The servers named for the replicas are unknown, repeated or unevenly many."""

    errno = 39
    message = "INVALID_REPLICATION_ASSIGNMENT"


class InvalidConfigurationError(BrokerResponseError):
    """A topic or server option has an unknown name or a value it cannot take."""

    errno = 40
    message = "INVALID_CONFIG"


class PolicyViolationError(BrokerResponseError):
    """The request is well formed, but a rule set up by the operators forbids it."""

    errno = 44
    message = "POLICY_VIOLATION"


class TopicDeletionDisabledError(BrokerResponseError):
    """The server is set up to delete no topics (`delete.topic.enable`)."""

    errno = 73
    message = "TOPIC_DELETION_DISABLED"


class UnknownTopicIdError(InvalidMetadataError, BrokerResponseError):
    """The server has no topic of that id, perhaps because it was deleted and made again."""

    errno = 100
    message = "UNKNOWN_TOPIC_ID"


class InconsistentTopicIdError(InvalidMetadataError, BrokerResponseError):
    """The name belongs to another topic id than the request says: the topic was replaced."""

    errno = 103
    message = "INCONSISTENT_TOPIC_ID"


# Leaders


class LeaderNotAvailableError(InvalidMetadataError, BrokerResponseError):
    """The partition has no leader at the moment, as happens right after it was created."""

    errno = 5
    message = "LEADER_NOT_AVAILABLE"


class NotLeaderForPartitionError(InvalidMetadataError, BrokerResponseError):
    """The request reached a server that does not lead the partition, or no longer does."""

    errno = 6
    message = "NOT_LEADER_FOR_PARTITION"


class FencedLeaderEpochError(InvalidMetadataError, BrokerResponseError):
    """The client still speaks of a former leader's term; it looks up the present one."""

    errno = 74
    message = "FENCED_LEADER_EPOCH"


class UnknownLeaderEpochError(InvalidMetadataError, BrokerResponseError):
    """The client has heard of a leader's term that this server has not heard of yet."""

    errno = 75
    message = "UNKNOWN_LEADER_EPOCH"


class PreferredLeaderNotAvailableError(InvalidMetadataError, BrokerResponseError):
    """The replica that should lead by preference is not up or not in sync."""

    errno = 80
    message = "PREFERRED_LEADER_NOT_AVAILABLE"


class EligibleLeadersNotAvailableError(InvalidMetadataError, BrokerResponseError):
    """None of the replicas that may lead the partition is up."""

    errno = 83
    message = "ELIGIBLE_LEADERS_NOT_AVAILABLE"


class ElectionNotNeededError(InvalidMetadataError, BrokerResponseError):
    """An election was asked for, but the replica it would choose leads already."""

    errno = 84
    message = "ELECTION_NOT_NEEDED"


class NewLeaderElectedError(BrokerResponseError):
    """The change to the partition took effect and, with it, somebody else became its leader."""

    errno = 108
    message = "NEW_LEADER_ELECTED"


# Replicas and the disks they are on


class ReplicaNotAvailableError(InvalidMetadataError, BrokerResponseError):
    """The server should hold a copy of the partition but does not have it now."""

    errno = 9
    message = "REPLICA_NOT_AVAILABLE"


class KafkaStorageError(InvalidMetadataError, BrokerResponseError):
    """The leader cannot use the disk with the partition; another replica should take over."""

    errno = 56
    message = "KAFKA_STORAGE_ERROR"


class LogDirNotFoundError(BrokerResponseError):
    """A replica was to move to a directory that is not among the server's."""

    errno = 57
    message = "LOG_DIR_NOT_FOUND"


class ReassignmentInProgressError(BrokerResponseError):
    """The partition is on its way to other servers; wait for that or cancel it first."""

    errno = 60
    message = "REASSIGNMENT_IN_PROGRESS"


class NoReassignmentInProgressError(BrokerResponseError):
    """There was a move to cancel or list, but the partition is not moving."""

    errno = 85
    message = "NO_REASSIGNMENT_IN_PROGRESS"


class IneligibleReplicaError(BrokerResponseError):
    """A replica was to count as in sync though its server is down, fenced or unknown."""

    errno = 107
    message = "INELIGIBLE_REPLICA"
