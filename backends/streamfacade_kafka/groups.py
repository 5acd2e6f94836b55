"""Managing groups: confluent-kafka's futures, waited for.

It has no calls to expel members or to forget single offsets: the capabilities say so.
"""

from __future__ import annotations

import struct
import time
import warnings
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from confluent_kafka import ConsumerGroupState, ConsumerGroupTopicPartitions, KafkaException
from confluent_kafka import TopicPartition as Position

from streamfacade.driver_groups import GroupInfo, GroupMember, GroupState, GroupType
from streamfacade.errors import (
    KafkaError,
    KafkaTimeoutError,
    UnknownTopicOrPartitionError,
    UnsupportedCapabilityError,
)
from streamfacade.structs import OffsetAndMetadata, OffsetAndTimestamp, TopicPartition
from streamfacade_kafka.errors import translated
from streamfacade_kafka.lookups import hit, kept, spec

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from concurrent.futures import Future

    from confluent_kafka.admin import AdminClient

    from streamfacade.driver_groups import Expelled, Verdicts

T = TypeVar("T")
_PAUSE = 0.1
_LEAST = 0.1
_STATES = {
    ConsumerGroupState.PREPARING_REBALANCING: GroupState.PREPARING_REBALANCE,
    ConsumerGroupState.COMPLETING_REBALANCING: GroupState.COMPLETING_REBALANCE,
    ConsumerGroupState.STABLE: GroupState.STABLE,
    ConsumerGroupState.DEAD: GroupState.DEAD,
    ConsumerGroupState.EMPTY: GroupState.EMPTY,
}
_TYPES = {"CONSUMER": GroupType.CONSUMER, "CLASSIC": GroupType.CLASSIC}


class KafkaGroups:
    """See `streamfacade.driver_groups.GroupsDriver`."""

    def __init__(self, client: AdminClient) -> None:
        self._client = client

    def list_offsets(
        self, wanted: Mapping[TopicPartition, int], timeout: float
    ) -> dict[TopicPartition, OffsetAndTimestamp | None]:
        """Look up offsets."""
        if not wanted:
            return {}
        deadline = time.monotonic() + timeout
        self._check_partitions(wanted, timeout)

        def ask(left: float) -> dict[TopicPartition, OffsetAndTimestamp | None]:
            answers = self._client.list_offsets(
                {Position(*partition): spec(at) for partition, at in wanted.items()},
                request_timeout=left,
            )
            return {
                TopicPartition(asked.topic, asked.partition): hit(answer.result())
                for asked, answer in answers.items()
            }

        return _trying(ask, "look up offsets", deadline - time.monotonic())

    def _check_partitions(self, partitions: Iterable[TopicPartition], timeout: float) -> None:
        """Refuse what does not exist: librdkafka would look for its leader until time is over."""

        def ask(left: float) -> Any:
            return self._client.list_topics(timeout=left).topics

        topics = _trying(ask, "list topics", timeout)
        for topic, number in partitions:
            if topic not in topics or number not in topics[topic].partitions:
                raise UnknownTopicOrPartitionError(f"no partition {number} of topic {topic}")

    def list_groups(self, timeout: float) -> list[GroupInfo]:
        """Return all groups."""

        def ask(left: float) -> list[GroupInfo]:
            found = self._client.list_consumer_groups(request_timeout=left).result()
            for error in found.errors:
                raise error
            return [_listed(group) for group in found.valid]

        return _trying(ask, "list groups", timeout)

    def describe_groups(self, groups: Sequence[str], timeout: float) -> list[GroupInfo]:
        """Describe groups."""
        return [self._describe(group, timeout) for group in groups]

    def _describe(self, group: str, timeout: float) -> GroupInfo:
        def ask(left: float) -> Any:
            return self._client.describe_consumer_groups([group], request_timeout=left)[
                group
            ].result()

        found = _trying(ask, f"describe group {group}", timeout)
        wanted = self._wanted(group, timeout) if found.members else {}
        return GroupInfo(
            group,
            _STATES.get(found.state, GroupState.UNKNOWN),
            _TYPES.get(found.type.name, GroupType.UNKNOWN),
            "" if found.is_simple_consumer_group else "consumer",
            found.partition_assignor,
            [_member(member, wanted.get(member.member_id)) for member in found.members],
        )

    def _wanted(self, group: str, timeout: float) -> dict[str, set[str]]:
        """Return the topics that members want, which only an old call of librdkafka tells.

        The broker does not answer it for groups of the newer protocol: they are left out.
        """

        def ask(left: float) -> Any:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                return self._client.list_groups(group, timeout=left)

        found = _trying(ask, f"describe the members of group {group}", timeout)
        return {
            member.id: _subscription(member.metadata)
            for answer in found
            if answer.error is None
            for member in answer.members
            if member.metadata
        }

    def delete_groups(
        self, groups: Sequence[str], timeout: float
    ) -> Mapping[str, KafkaError | None]:
        """Delete groups."""
        names = list(dict.fromkeys(groups))
        if not names:
            return {}
        answers = self._client.delete_consumer_groups(names, request_timeout=max(_LEAST, timeout))
        return {group: _error(answer, f"delete group {group}") for group, answer in answers.items()}

    def remove_members(
        self, group: str, members: Sequence[Expelled], timeout: float
    ) -> list[KafkaError | None]:
        """Refuse: confluent-kafka cannot."""
        _lacking("remove_members")

    def group_offsets(
        self, group: str, partitions: Collection[TopicPartition] | None, timeout: float
    ) -> dict[TopicPartition, OffsetAndMetadata | None]:
        """Return committed offsets."""
        if partitions is not None and not partitions:
            return {}
        asked = None if partitions is None else [Position(*partition) for partition in partitions]

        def ask(left: float) -> dict[TopicPartition, OffsetAndMetadata | None]:
            request = [ConsumerGroupTopicPartitions(group, asked)]
            answers = self._client.list_consumer_group_offsets(request, request_timeout=left)
            found = answers[group].result().topic_partitions
            return {TopicPartition(one.topic, one.partition): kept(one) for one in found}

        return _trying(ask, f"list offsets of group {group}", timeout)

    def alter_offsets(
        self, group: str, offsets: Mapping[TopicPartition, OffsetAndMetadata], timeout: float
    ) -> Verdicts:
        """Store offsets."""
        wanted = [
            Position(p.topic, p.partition, new.offset or 0, new.metadata or "", new.leader_epoch)
            for p, new in offsets.items()
        ]

        def ask(left: float) -> Verdicts:
            request = [ConsumerGroupTopicPartitions(group, wanted)]
            answers = self._client.alter_consumer_group_offsets(request, request_timeout=left)
            done = answers[group].result().topic_partitions
            return {TopicPartition(one.topic, one.partition): _trouble(one) for one in done}

        return _trying(ask, f"alter offsets of group {group}", timeout)

    def delete_offsets(
        self, group: str, partitions: Collection[TopicPartition], timeout: float
    ) -> Verdicts:
        """Refuse: confluent-kafka cannot."""
        _lacking("delete_offsets")


def _lacking(capability: str) -> NoReturn:
    raise UnsupportedCapabilityError(capability, "confluent-kafka has no call for it")


def _trying(ask: Callable[[float], T], doing: str, timeout: float) -> T:
    """Ask until it works, or fails in a way that passes with no time, or time is over."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            return ask(max(_LEAST, deadline - time.monotonic()))
        except KafkaException as cause:
            error = translated(cause, doing)
            if not error.retriable:
                raise error from cause
            if time.monotonic() + _PAUSE >= deadline:
                raise KafkaTimeoutError(error.args[0]) from error
            time.sleep(_PAUSE)


def _error(answer: Future[Any], doing: str) -> KafkaError | None:
    try:
        answer.result()
    except KafkaException as error:
        return translated(error, doing)
    return None


def _listed(group: Any) -> GroupInfo:
    return GroupInfo(
        group.group_id,
        _STATES.get(group.state, GroupState.UNKNOWN),
        _TYPES.get(group.type.name, GroupType.UNKNOWN),
        "" if group.is_simple_consumer_group else "consumer",
    )


def _member(member: Any, wanted: set[str] | None) -> GroupMember:
    has = frozenset(
        TopicPartition(one.topic, one.partition) for one in member.assignment.topic_partitions
    )
    return GroupMember(
        member.member_id,
        member.group_instance_id,
        member.client_id,
        member.host,
        {partition.topic for partition in has} if wanted is None else wanted,
        has,
    )


def _subscription(metadata: bytes) -> set[str]:
    """Read the topics of a consumer's subscription: a version, a count, and texts with lengths."""
    (count,) = struct.unpack_from(">i", metadata, 2)
    topics, at = set(), 6
    for _ in range(count):
        (length,) = struct.unpack_from(">h", metadata, at)
        topics.add(metadata[at + 2 : at + 2 + length].decode())
        at += 2 + length
    return topics


def _trouble(answer: Position) -> KafkaError | None:
    doing = f"alter the offset of {answer.topic} [{answer.partition}]"
    return translated(answer.error, doing) if answer.error else None


__all__ = ["KafkaGroups"]
