"""The exceptions: kafka-python's names, relations and numbers, and what we add to them."""

from __future__ import annotations

import pickle
from typing import NamedTuple

import pytest

from streamfacade import errors

# kafka-python 3.0.12, written down so that the tests need not install it.
# Bases, then the classes that have just these and no number of their own.
FAMILIES = """
Exception: KafkaError
KafkaError: RetriableError CommitFailedError IllegalArgumentError IllegalStateError
    KafkaConfigurationError KafkaProtocolError NoOffsetForPartitionError LogTruncationError
    UnknownBrokerIdError QuotaViolationError UnrecognizedBrokerVersion UnsupportedCodecError
    TransactionAbortedError BrokerResponseError
RetriableError: InvalidMetadataError Cancelled KafkaTimeoutError MetadataEmptyBrokerList
    NodeNotReadyError TooManyInFlightRequests
InvalidMetadataError: KafkaConnectionError StaleMetadata
RetriableError KafkaProtocolError: CorrelationIdError
KafkaProtocolError: InvalidReceiveError
BrokerResponseError: AuthorizationError
UnsupportedVersionError: IncompatibleBrokerVersion
"""

# Number, kind (which stands for the bases in KINDS), class, name in the protocol.
NUMBERS = """
-1 - UnknownError UNKNOWN
0 - NoError NO_ERROR
1 - OffsetOutOfRangeError OFFSET_OUT_OF_RANGE
2 - CorruptRecordError CORRUPT_MESSAGE
3 M UnknownTopicOrPartitionError UNKNOWN_TOPIC_OR_PARTITION
4 - InvalidFetchRequestError INVALID_FETCH_SIZE
5 M LeaderNotAvailableError LEADER_NOT_AVAILABLE
6 M NotLeaderForPartitionError NOT_LEADER_FOR_PARTITION
7 R RequestTimedOutError REQUEST_TIMED_OUT
8 - BrokerNotAvailableError BROKER_NOT_AVAILABLE
9 M ReplicaNotAvailableError REPLICA_NOT_AVAILABLE
10 - MessageSizeTooLargeError MESSAGE_SIZE_TOO_LARGE
11 - StaleControllerEpochError STALE_CONTROLLER_EPOCH
12 - OffsetMetadataTooLargeError OFFSET_METADATA_TOO_LARGE
13 M NetworkExceptionError NETWORK_EXCEPTION
14 R CoordinatorLoadInProgressError COORDINATOR_LOAD_IN_PROGRESS
15 R CoordinatorNotAvailableError COORDINATOR_NOT_AVAILABLE
16 R NotCoordinatorError NOT_COORDINATOR
17 - InvalidTopicError INVALID_TOPIC
18 - RecordListTooLargeError RECORD_LIST_TOO_LARGE
19 R NotEnoughReplicasError NOT_ENOUGH_REPLICAS
20 R NotEnoughReplicasAfterAppendError NOT_ENOUGH_REPLICAS_AFTER_APPEND
21 - InvalidRequiredAcksError INVALID_REQUIRED_ACKS
22 - IllegalGenerationError ILLEGAL_GENERATION
23 - InconsistentGroupProtocolError INCONSISTENT_GROUP_PROTOCOL
24 - InvalidGroupIdError INVALID_GROUP_ID
25 - UnknownMemberIdError UNKNOWN_MEMBER_ID
26 - InvalidSessionTimeoutError INVALID_SESSION_TIMEOUT
27 - RebalanceInProgressError REBALANCE_IN_PROGRESS
28 - InvalidCommitOffsetSizeError INVALID_COMMIT_OFFSET_SIZE
29 A TopicAuthorizationFailedError TOPIC_AUTHORIZATION_FAILED
30 A GroupAuthorizationFailedError GROUP_AUTHORIZATION_FAILED
31 A ClusterAuthorizationFailedError CLUSTER_AUTHORIZATION_FAILED
32 - InvalidTimestampError INVALID_TIMESTAMP
33 - UnsupportedSaslMechanismError UNSUPPORTED_SASL_MECHANISM
34 - IllegalSaslStateError ILLEGAL_SASL_STATE
35 - UnsupportedVersionError UNSUPPORTED_VERSION
36 - TopicAlreadyExistsError TOPIC_ALREADY_EXISTS
37 - InvalidPartitionsError INVALID_PARTITIONS
38 - InvalidReplicationFactorError INVALID_REPLICATION_FACTOR
39 - InvalidReplicationAssignmentError INVALID_REPLICATION_ASSIGNMENT
40 - InvalidConfigurationError INVALID_CONFIG
41 R NotControllerError NOT_CONTROLLER
42 - InvalidRequestError INVALID_REQUEST
43 - UnsupportedForMessageFormatError UNSUPPORTED_FOR_MESSAGE_FORMAT
44 - PolicyViolationError POLICY_VIOLATION
45 - OutOfOrderSequenceNumberError OUT_OF_ORDER_SEQUENCE_NUMBER
46 - DuplicateSequenceNumberError DUPLICATE_SEQUENCE_NUMBER
47 - InvalidProducerEpochError INVALID_PRODUCER_EPOCH
48 - InvalidTxnStateError INVALID_TXN_STATE
49 - InvalidProducerIdMappingError INVALID_PRODUCER_ID_MAPPING
50 - InvalidTransactionTimeoutError INVALID_TRANSACTION_TIMEOUT
51 R ConcurrentTransactionsError CONCURRENT_TRANSACTIONS
52 - TransactionCoordinatorFencedError TRANSACTION_COORDINATOR_FENCED
53 A TransactionalIdAuthorizationFailedError TRANSACTIONAL_ID_AUTHORIZATION_FAILED
54 - SecurityDisabledError SECURITY_DISABLED
55 - OperationNotAttemptedError OPERATION_NOT_ATTEMPTED
56 M KafkaStorageError KAFKA_STORAGE_ERROR
57 - LogDirNotFoundError LOG_DIR_NOT_FOUND
58 - SaslAuthenticationFailedError SASL_AUTHENTICATION_FAILED
59 - UnknownProducerIdError UNKNOWN_PRODUCER_ID
60 - ReassignmentInProgressError REASSIGNMENT_IN_PROGRESS
61 - DelegationTokenAuthDisabledError DELEGATION_TOKEN_AUTH_DISABLED
62 - DelegationTokenNotFoundError DELEGATION_TOKEN_NOT_FOUND
63 - DelegationTokenOwnerMismatchError DELEGATION_TOKEN_OWNER_MISMATCH
64 - DelegationTokenRequestNotAllowedError DELEGATION_TOKEN_REQUEST_NOT_ALLOWED
65 A DelegationTokenAuthorizationFailedError DELEGATION_TOKEN_AUTHORIZATION_FAILED
66 - DelegationTokenExpiredError DELEGATION_TOKEN_EXPIRED
67 - InvalidPrincipalTypeError INVALID_PRINCIPAL_TYPE
68 - NonEmptyGroupError NON_EMPTY_GROUP
69 - GroupIdNotFoundError GROUP_ID_NOT_FOUND
70 R FetchSessionIdNotFoundError FETCH_SESSION_ID_NOT_FOUND
71 R InvalidFetchSessionEpochError INVALID_FETCH_SESSION_EPOCH
72 M ListenerNotFoundError LISTENER_NOT_FOUND
73 - TopicDeletionDisabledError TOPIC_DELETION_DISABLED
74 M FencedLeaderEpochError FENCED_LEADER_EPOCH
75 M UnknownLeaderEpochError UNKNOWN_LEADER_EPOCH
76 - UnsupportedCompressionTypeError UNSUPPORTED_COMPRESSION_TYPE
77 - StaleBrokerEpochError STALE_BROKER_EPOCH
78 R OffsetNotAvailableError OFFSET_NOT_AVAILABLE
79 - MemberIdRequiredError MEMBER_ID_REQUIRED
80 M PreferredLeaderNotAvailableError PREFERRED_LEADER_NOT_AVAILABLE
81 - GroupMaxSizeReachedError GROUP_MAX_SIZE_REACHED
82 - FencedInstanceIdError FENCED_INSTANCE_ID
83 M EligibleLeadersNotAvailableError ELIGIBLE_LEADERS_NOT_AVAILABLE
84 M ElectionNotNeededError ELECTION_NOT_NEEDED
85 - NoReassignmentInProgressError NO_REASSIGNMENT_IN_PROGRESS
86 - GroupSubscribedToTopicError GROUP_SUBSCRIBED_TO_TOPIC
87 - InvalidRecordError INVALID_RECORD
88 R UnstableOffsetCommitError UNSTABLE_OFFSET_COMMIT
89 R ThrottlingQuotaExceededError THROTTLING_QUOTA_EXCEEDED
90 - ProducerFencedError PRODUCER_FENCED
91 - ResourceNotFoundError RESOURCE_NOT_FOUND
92 - DuplicateResourceError DUPLICATE_RESOURCE
93 - UnacceptableCredentialError UNACCEPTABLE_CREDENTIAL
94 - InconsistentVoterSetError INCONSISTENT_VOTER_SET
95 - InvalidUpdateVersionError INVALID_UPDATE_VERSION
96 - FeatureUpdateFailedError FEATURE_UPDATE_FAILED
97 - PrincipalDeserializationFailureError PRINCIPAL_DESERIALIZATION_FAILURE
98 - SnapshotNotFoundError SNAPSHOT_NOT_FOUND
99 - PositionOutOfRangeError POSITION_OUT_OF_RANGE
100 M UnknownTopicIdError UNKNOWN_TOPIC_ID
101 - DuplicateBrokerRegistrationError DUPLICATE_BROKER_REGISTRATION
102 - BrokerIdNotRegisteredError BROKER_ID_NOT_REGISTERED
103 M InconsistentTopicIdError INCONSISTENT_TOPIC_ID
104 - InconsistentClusterIdError INCONSISTENT_CLUSTER_ID
105 - TransactionalIdNotFoundError TRANSACTIONAL_ID_NOT_FOUND
106 R FetchSessionTopicIdError FETCH_SESSION_TOPIC_ID_ERROR
107 - IneligibleReplicaError INELIGIBLE_REPLICA
108 - NewLeaderElectedError NEW_LEADER_ELECTED
109 - OffsetMovedToTieredStorageError OFFSET_MOVED_TO_TIERED_STORAGE
110 - FencedMemberEpochError FENCED_MEMBER_EPOCH
111 - UnreleasedInstanceIdError UNRELEASED_INSTANCE_ID
112 - UnsupportedAssignorError UNSUPPORTED_ASSIGNOR
113 - StaleMemberEpochError STALE_MEMBER_EPOCH
114 - MismatchedEndpointTypeError MISMATCHED_ENDPOINT_TYPE
115 - UnsupportedEndpointTypeError UNSUPPORTED_ENDPOINT_TYPE
116 - UnknownControllerIdError UNKNOWN_CONTROLLER_ID
117 - UnknownSubscriptionIdError UNKNOWN_SUBSCRIPTION_ID
118 - TelemetryTooLargeError TELEMETRY_TOO_LARGE
119 - InvalidRegistrationError INVALID_REGISTRATION
120 - TransactionAbortableError TRANSACTION_ABORTABLE
121 - InvalidRecordStateError INVALID_RECORD_STATE
122 R ShareSessionNotFoundError SHARE_SESSION_NOT_FOUND
123 R InvalidShareSessionEpochError INVALID_SHARE_SESSION_EPOCH
124 - FencedStateEpochError FENCED_STATE_EPOCH
125 - InvalidVoterKeyError INVALID_VOTER_KEY
126 - DuplicateVoterError DUPLICATE_VOTER
127 - VoterNotFoundError VOTER_NOT_FOUND
"""

KINDS = {
    "-": ["BrokerResponseError"],
    "A": ["AuthorizationError"],
    "R": ["RetriableError", "BrokerResponseError"],
    "M": ["InvalidMetadataError", "BrokerResponseError"],
}

# Bases that we put behind kafka-python's.
ADDED_BASES = {"KafkaConfigurationError": ["ValueError"]}
OURS = {"NoBrokersAvailable", "UnsupportedCapabilityError"}
RETRIABLE_ROOTS = {"RetriableError", "InvalidMetadataError"}
INVALID_METADATA_ROOTS = {"InvalidMetadataError"}


class Fact(NamedTuple):
    """What kafka-python says of one class."""

    name: str
    bases: list[str]
    errno: int = -1
    message: str = ""


def _facts() -> list[Fact]:
    facts = []
    for line in FAMILIES.replace("\n    ", " ").strip().splitlines():
        bases, names = line.split(":")
        facts += [Fact(name, bases.split()) for name in names.split()]
    for line in NUMBERS.strip().splitlines():
        number, kind, name, message = line.split()
        facts.append(Fact(name, KINDS[kind], int(number), message))
    return facts


FACTS = _facts()
each_class = pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.name)
each_numbered = pytest.mark.parametrize(
    "fact", [fact for fact in FACTS if fact.message], ids=lambda fact: fact.name
)


def _class(name: str) -> type[errors.KafkaError]:
    cls: type[errors.KafkaError] = getattr(errors, name)
    return cls


@each_class
def test_bases(fact: Fact) -> None:
    """A class has the bases it has in kafka-python, in that order."""
    bases = [base.__name__ for base in _class(fact.name).__bases__]
    assert bases == fact.bases + ADDED_BASES.get(fact.name, [])


@each_class
def test_flags(fact: Fact) -> None:
    """Retriable is what has a retriable base, and so with invalid metadata."""
    names = {fact.name, *fact.bases} | _ancestors(fact)
    cls = _class(fact.name)
    assert cls.retriable is bool(names & RETRIABLE_ROOTS)
    assert cls.invalid_metadata is bool(names & INVALID_METADATA_ROOTS)


def _ancestors(fact: Fact) -> set[str]:
    """Follow the table, not our classes, up to the root."""
    parents = [parent for parent in FACTS if parent.name in fact.bases]
    return set(fact.bases).union(*(_ancestors(parent) for parent in parents))


@each_numbered
def test_number_and_name(fact: Fact) -> None:
    """A numbered class has kafka-python's number and protocol name, and is found by it."""
    cls = errors.for_code(fact.errno)
    assert cls is _class(fact.name)
    assert (cls.errno, cls.message) == (fact.errno, fact.message)


def test_every_number_up_to_the_last_has_a_class() -> None:
    """The numbers -1 to 127 are all there, each once."""
    numbers = [fact.errno for fact in FACTS if fact.message]
    assert numbers == list(range(-1, 128))


def test_nothing_else_is_public() -> None:
    """The package exports kafka-python's names, the old alias, our two additions, `for_code`."""
    known = {fact.name for fact in FACTS} | OURS | {"CorruptRecordException", "for_code"}
    assert set(errors.__all__) == known
    assert errors.__all__ == sorted(errors.__all__)


def test_old_alias() -> None:
    """`CorruptRecordException` is another name of `CorruptRecordError`."""
    assert errors.CorruptRecordException is errors.CorruptRecordError


@pytest.mark.parametrize("name", sorted(set(errors.__all__) - {"for_code"}))
def test_every_class_describes_itself(name: str) -> None:
    """The description is the docstring's first paragraph: one sentence on one line."""
    cls = _class(name)
    assert cls.__doc__ is not None
    assert cls.__doc__.startswith(cls.description)
    assert cls.description.endswith(".")
    assert "\n" not in cls.description


def test_descriptions_differ() -> None:
    """No two classes say the same."""
    classes = {_class(name) for name in errors.__all__ if name != "for_code"}
    assert len({cls.description for cls in classes}) == len(classes)


def test_a_subclass_without_docstring_keeps_the_description() -> None:
    """An application's own subclass inherits what it does not say anew."""

    class Mine(errors.OffsetOutOfRangeError):
        pass

    assert Mine.description == errors.OffsetOutOfRangeError.description
    assert errors.for_code(1) is errors.OffsetOutOfRangeError


def test_a_family_without_a_number_has_the_unknown_one() -> None:
    """`errno` and `message` are an int and a string even where Kafka has no number."""
    for family in (errors.BrokerResponseError, errors.AuthorizationError):
        assert (family.errno, family.message) == (-1, "UNKNOWN")


def test_str_of_a_client_error() -> None:
    """A client's error reads "class: argument", or the class alone."""
    assert str(errors.KafkaTimeoutError("3 s are over")) == "KafkaTimeoutError: 3 s are over"
    assert str(errors.KafkaTimeoutError()) == "KafkaTimeoutError"


def test_str_of_a_server_error() -> None:
    """A server's error puts the number first."""
    assert str(errors.TopicAlreadyExistsError("t")) == "[Error 36] TopicAlreadyExistsError: t"
    assert str(errors.TopicAlreadyExistsError()) == "[Error 36] TopicAlreadyExistsError"


def test_equality() -> None:
    """Errors are equal when class and arguments are."""
    assert errors.InvalidTopicError("a") == errors.InvalidTopicError("a")
    assert errors.InvalidTopicError("a") != errors.InvalidTopicError("b")
    assert errors.KafkaError("a") != errors.RetriableError("a")
    assert errors.KafkaError("a") != "a"


@each_class
def test_instances_are_hashable(fact: Fact) -> None:
    """Equal errors count once in a set, even when an argument is unhashable."""
    cls = _class(fact.name)
    assert {cls(["a list"]), cls(["a list"])} == {cls(["a list"])}


def test_for_code_of_an_unknown_number() -> None:
    """A number from a newer server gives a subclass of `UnknownError` that keeps the number."""
    cls = errors.for_code(1234)
    assert issubclass(cls, errors.UnknownError)
    assert str(cls("?")) == "[Error 1234] UnrecognizedBrokerError: ?"
    assert not cls.retriable


def test_for_code_of_an_unknown_number_is_stable() -> None:
    """The same unknown number gives the same class, another number another one."""
    assert errors.for_code(1234) is errors.for_code(1234)
    assert errors.for_code(1234)("x") == errors.for_code(1234)("x")
    assert errors.for_code(1234) is not errors.for_code(1235)


def test_for_code_prefers_the_class_that_states_the_number() -> None:
    """35 is `UnsupportedVersionError`, not one of those derived from it."""
    assert errors.for_code(35) is errors.UnsupportedVersionError


def test_no_brokers_available() -> None:
    """`NoBrokersAvailable` is a timeout, so that who retries timeouts retries it."""
    assert issubclass(errors.NoBrokersAvailable, errors.KafkaTimeoutError)
    assert errors.NoBrokersAvailable.retriable


def test_unsupported_capability() -> None:
    """A missing capability is named, and caught as a version, an option or a value error."""
    error = errors.UnsupportedCapabilityError("transactions", "Redis Streams has none")
    assert error.capability == "transactions"
    assert str(error) == (
        "[Error 35] UnsupportedCapabilityError: "
        "missing capability 'transactions': Redis Streams has none"
    )
    for family in (errors.UnsupportedVersionError, errors.KafkaConfigurationError, ValueError):
        assert isinstance(error, family)
    assert not error.retriable


def test_a_wrong_option_is_a_value_error() -> None:
    """`except ValueError` catches a `KafkaConfigurationError`."""
    error = errors.KafkaConfigurationError("linger_ms must not be negative")
    with pytest.raises(ValueError, match="linger_ms"):
        raise error


def test_commit_failed_explains_itself() -> None:
    """A `CommitFailedError` without argument carries its description, with one just that."""
    assert errors.CommitFailedError().args == (errors.CommitFailedError.description,)
    assert errors.CommitFailedError("t-0").args == ("t-0",)


def test_log_truncation_keeps_the_offsets() -> None:
    """A `LogTruncationError` hands over where the logs part."""
    error = errors.LogTruncationError({("t", 0): 7, ("t", 1): None})
    assert error.divergent_offsets == {("t", 0): 7, ("t", 1): None}
    assert "('t', 0): 7" in str(error)


@pytest.mark.parametrize(
    "error",
    [
        errors.TopicAlreadyExistsError("t"),
        errors.UnsupportedCapabilityError("transactions", "none here"),
        errors.LogTruncationError({("t", 0): 7}),
        errors.CommitFailedError(),
        errors.for_code(1234)("?"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_travel_between_processes(error: errors.KafkaError) -> None:
    """Pickling keeps class, arguments, attributes and text."""
    copy = pickle.loads(pickle.dumps(error))
    assert copy == error
    assert vars(copy) == vars(error)
    assert str(copy) == str(error)
