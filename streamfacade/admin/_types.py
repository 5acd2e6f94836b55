"""What an admin client is asked with: kafka-python's classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class NewTopic:
    """A topic to create.

    Args:
        name: its name.
        num_partitions: -1 takes the server's default.
        replication_factor: -1 takes the server's default.
        replica_assignments: partition to brokers; Kafka's own, taken nowhere else.
        topic_configs: config names to values.

    """

    def __init__(
        self,
        name: str,
        num_partitions: int = -1,
        replication_factor: int = -1,
        replica_assignments: Mapping[int, Sequence[int]] | None = None,
        topic_configs: Mapping[str, object] | None = None,
    ) -> None:
        """Describe the topic."""
        self.name = name
        self.num_partitions = num_partitions
        self.replication_factor = replication_factor
        self.replica_assignments = dict(replica_assignments or {})
        self.topic_configs = dict(topic_configs or {})


class MemberToRemove:
    """A member to remove from a group, named by its id or by its `group_instance_id`."""

    __slots__ = ("group_instance_id", "member_id", "reason")

    def __init__(
        self,
        member_id: str | None = None,
        group_instance_id: str | None = None,
        reason: str | None = None,
    ) -> None:
        """Name the member; `reason` is taken for kafka-python's sake and goes nowhere."""
        if not (member_id or group_instance_id):
            msg = "a member to remove has a member_id or a group_instance_id"
            raise ValueError(msg)
        self.member_id = member_id
        self.group_instance_id = group_instance_id
        self.reason = reason

    def _key(self) -> tuple[str | None, ...]:
        return self.member_id, self.group_instance_id, self.reason

    def __eq__(self, other: object) -> bool:
        """Compare all that was given."""
        return isinstance(other, MemberToRemove) and self._key() == other._key()

    def __hash__(self) -> int:
        """Agree with `__eq__`."""
        return hash(self._key())

    def __repr__(self) -> str:
        """Show all that was given."""
        member, instance, reason = self._key()
        return f"MemberToRemove({member!r}, {instance!r}, {reason!r})"


class OffsetTimestamp(int):
    """A timestamp in ms, where a plain number would mean an offset."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Tell it from an offset."""
        return f"OffsetTimestamp({int(self)})"


class MemberMetadata(NamedTuple):
    """What a member wants, in kafka-python 2's form."""

    subscription: list[str]


class MemberAssignment(NamedTuple):
    """What a member has, in kafka-python 2's form: (topic, partitions)."""

    assignment: list[tuple[str, list[int]]]


class MemberInformation(NamedTuple):
    """A member, in kafka-python 2's form."""

    member_id: str
    client_id: str
    client_host: str
    member_metadata: MemberMetadata
    member_assignment: MemberAssignment


class GroupInformation(NamedTuple):
    """A group, in kafka-python 2's form."""

    error_code: int
    group: str
    state: str
    protocol_type: str
    protocol: str
    members: list[MemberInformation]
    authorized_operations: None = None
