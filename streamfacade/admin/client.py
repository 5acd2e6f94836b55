"""The admin client's face: topics and groups."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from streamfacade import _lifetime, _registry
from streamfacade.admin import _topics
from streamfacade.admin._groups import Groups
from streamfacade.errors import KafkaTimeoutError, NoError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from types import TracebackType

    from typing_extensions import Self

    from streamfacade.admin._groups import Target, Verdict
    from streamfacade.admin._types import GroupInformation, MemberToRemove, NewTopic
    from streamfacade.structs import OffsetAndMetadata, TopicPartition

    Topics = Mapping[str, Mapping[str, Any]] | Sequence[NewTopic | str]

_LOOK_AGAIN = 0.05  # seconds


class Admin:
    """Manages topics and groups; every call blocks and returns plain dicts and lists.

    Raises:
        KafkaConfigurationError: an unknown option or a wrong value; also a `ValueError`.
        NoBrokersAvailable: nobody answered within `bootstrap_timeout_ms`.

    """

    def __init__(self, configs: Mapping[str, Any] | None = None, /, **options: Any) -> None:
        """Connect to the server that the options name."""
        self._unusable = "the admin client was not opened"
        self._backend, self.config = _registry.prepare("A", configs, options)
        self._driver = self._backend.open_admin(self.config)
        self._groups = Groups(self._backend, self._driver)
        self._unusable = ""
        _lifetime.opened(self)

    def _seconds(self, timeout_ms: float | None) -> float:
        if self._unusable:
            raise _lifetime.refuse(self._unusable)
        return (
            float(self.config["default_api_timeout_ms"] if timeout_ms is None else timeout_ms)
            / 1000
        )

    def create_topics(
        self,
        new_topics: Topics,
        timeout_ms: float | None = None,
        validate_only: bool = False,  # noqa: FBT001, FBT002 - kafka-python's signature
        raise_errors: bool = True,  # noqa: FBT001, FBT002
        wait_for_metadata: bool = False,  # noqa: FBT001, FBT002
    ) -> dict[str, Any]:
        """Create topics.

        Args:
            new_topics: {name: {"num_partitions": n, "replication_factor": n, "configs": {…}}}, a
                list of names, or a list of NewTopic.
            timeout_ms: defaults to `default_api_timeout_ms`.
            validate_only: check, and create nothing.
            raise_errors: False returns errors in the result instead.
            wait_for_metadata: taken for kafka-python's sake: topics are usable on return anyway.

        Raises:
            TopicAlreadyExistsError, InvalidTopicError, InvalidPartitionsError,
                InvalidReplicationFactorError, InvalidConfigurationError: the first one met.
            ValueError: nothing to create, or described in a way that is not understood.

        """
        if validate_only and wait_for_metadata:
            msg = "validate_only creates nothing that wait_for_metadata could wait for"
            raise ValueError(msg)
        seconds = self._seconds(timeout_ms)
        specs = _topics.specs(new_topics)
        done = self._driver.create_topics(specs, seconds, validate_only=validate_only)
        return _topics.answer(done, raise_errors=raise_errors)

    def delete_topics(
        self,
        topics: Sequence[str],
        timeout_ms: float | None = None,
        raise_errors: bool = True,  # noqa: FBT001, FBT002 - kafka-python's signature
    ) -> dict[str, Any]:
        """Delete topics, their records and their committed offsets.

        Raises:
            UnknownTopicOrPartitionError: no such topic.

        """
        names = [topics] if isinstance(topics, str) else list(topics)
        done = self._driver.delete_topics(names, self._seconds(timeout_ms))
        return _topics.answer(done, raise_errors=raise_errors)

    def list_topics(self, timeout_ms: float | None = None) -> list[str]:
        """Return the names of all topics."""
        return [t.name for t in self._driver.describe_topics(None, self._seconds(timeout_ms))]

    def describe_topics(
        self, topics: Sequence[str] | None = None, timeout_ms: float | None = None
    ) -> list[dict[str, Any]]:
        """Describe topics, or all; an unknown one is an entry with `error_code` 3."""
        found = self._driver.describe_topics(topics, self._seconds(timeout_ms))
        return [_topics.description(topic) for topic in found]

    def wait_for_topics(self, names: Sequence[str], timeout_ms: float = 10000) -> None:
        """Wait until topics exist.

        Raises:
            KafkaTimeoutError: some do not.

        """
        deadline = time.monotonic() + self._seconds(timeout_ms)
        while missing := set(names).difference(self.list_topics()):
            if time.monotonic() >= deadline:
                msg = f"no topics {', '.join(sorted(missing))} after {timeout_ms} ms"
                raise KafkaTimeoutError(msg)
            time.sleep(_LOOK_AGAIN)

    def describe_cluster(self, timeout_ms: float | None = None) -> dict[str, Any]:
        """Describe who answers: `cluster_id`, `controller_id`, `brokers`."""
        cluster = self._driver.describe_cluster(self._seconds(timeout_ms))
        keys = ("broker_id", "host", "port", "rack")
        return {
            "cluster_id": cluster.cluster_id,
            "controller_id": cluster.controller_id,
            "brokers": [dict(zip(keys, broker, strict=True)) for broker in cluster.brokers],
        }

    # Groups

    def list_groups(
        self,
        broker_ids: None = None,
        states_filter: Iterable[str] | None = None,
        types_filter: Iterable[str] | None = None,
        timeout_ms: float | None = None,
    ) -> list[dict[str, Any]]:
        """Return `group_id`, `protocol_type`, `group_state` and `group_type` of groups.

        Raises:
            ValueError: an unknown state or type, or `broker_ids`: all brokers are asked.

        """
        if broker_ids is not None:
            msg = "broker_ids cannot be chosen: all brokers are asked for their groups"
            raise ValueError(msg)
        return self._groups.listing(states_filter, types_filter, self._seconds(timeout_ms))

    def describe_groups(
        self, group_ids: Sequence[str], timeout_ms: float | None = None
    ) -> dict[str, dict[str, Any]]:
        """Return groups by id with their state and members; an unknown one is "Dead"."""
        return self._groups.described(_names(group_ids), self._seconds(timeout_ms))

    def delete_groups(
        self, group_ids: Sequence[str], timeout_ms: float | None = None
    ) -> dict[str, str]:
        """Delete groups and their offsets; return "OK" or the name of the error of each."""
        done = self._groups.delete(_names(group_ids), self._seconds(timeout_ms))
        return {g: "OK" if error is NoError else error.__name__ for g, error in done.items()}

    def remove_group_members(
        self, group_id: str, members: Iterable[MemberToRemove], timeout_ms: float | None = None
    ) -> dict[str, Verdict]:
        """Remove members; return the class of each one's error (`NoError` where none).

        A member that still runs joins again with its next heartbeat.

        Raises:
            UnsupportedCapabilityError: the backend lacks `remove_members`.

        """
        return self._groups.remove(group_id, members, self._seconds(timeout_ms))

    def list_group_offsets(
        self,
        group_specs: str | Sequence[str] | Mapping[str, Collection[TopicPartition] | None],
        timeout_ms: float | None = None,
    ) -> dict[str, dict[TopicPartition, OffsetAndMetadata]]:
        """Return the committed offsets of groups.

        Args:
            group_specs: a group, several, or {group: partitions, or None for all}. Of a partition
                that is asked for, offset -1 says that nothing is committed.
            timeout_ms: defaults to `default_api_timeout_ms`.

        """
        specs = [group_specs] if isinstance(group_specs, str) else group_specs
        wanted = dict(specs) if isinstance(specs, Mapping) else dict.fromkeys(specs)
        if not wanted:
            msg = "list_group_offsets takes at least one group"
            raise ValueError(msg)
        seconds = self._seconds(timeout_ms)
        return {g: self._groups.offsets(g, asked, seconds) for g, asked in wanted.items()}

    def alter_group_offsets(
        self,
        group_id: str,
        offsets: Mapping[TopicPartition, OffsetAndMetadata],
        timeout_ms: float | None = None,
    ) -> dict[TopicPartition, Verdict]:
        """Store offsets for a group without members; return the class of each one's error.

        `NoError`; `UnknownMemberIdError` while members live.
        """
        return self._groups.alter(group_id, offsets, self._seconds(timeout_ms))

    def reset_group_offsets(
        self,
        group_id: str,
        offset_specs: Mapping[TopicPartition, Target],
        timeout_ms: float | None = None,
    ) -> dict[TopicPartition, dict[str, Any]]:
        """Move a group without members; return {partition: {"error": class, "offset": n}}.

        Args:
            group_id: the group.
            offset_specs: where to: `OffsetSpec.EARLIEST`, `OffsetSpec.LATEST`, an
                `OffsetTimestamp` (the first record since then) or an offset. What lies outside
                the log is its nearest end; a negative offset is the end.
            timeout_ms: defaults to `default_api_timeout_ms`.

        Raises:
            UnknownTopicOrPartitionError: no such partition.
            ValueError, TypeError: a target that is none of these.

        """
        return self._groups.reset(group_id, offset_specs, self._seconds(timeout_ms))

    def delete_group_offsets(
        self,
        group_id: str,
        partitions: Iterable[TopicPartition],
        timeout_ms: float | None = None,
    ) -> dict[TopicPartition, Verdict]:
        """Forget offsets of a group; return the class of each one's error.

        `NoError`; `GroupSubscribedToTopicError` while a live member wants the topic.

        Raises:
            GroupIdNotFoundError: no such group.
            UnsupportedCapabilityError: the backend lacks `delete_offsets`.

        """
        return self._groups.delete_offsets(group_id, partitions, self._seconds(timeout_ms))

    def list_group_lag(
        self, group_id: str, timeout_ms: float | None = None
    ) -> dict[TopicPartition, dict[str, int | None]]:
        """Return `committed`, `end` and `lag` (end - committed) of a group's partitions.

        Those that members have and that nothing was committed for are there too, with None.
        """
        return self._groups.lag(group_id, self._seconds(timeout_ms))

    # kafka-python 2's names and results

    def list_consumer_groups(self) -> list[tuple[str, str]]:
        """Return (group, protocol type) of all groups."""
        return [(group["group_id"], group["protocol_type"]) for group in self.list_groups()]

    def describe_consumer_groups(self, group_ids: Sequence[str]) -> list[GroupInformation]:
        """Return groups as named tuples."""
        return self._groups.described_as_tuples(_names(group_ids), self._seconds(None))

    def list_consumer_group_offsets(
        self, group_id: str, *, partitions: Collection[TopicPartition] | None = None
    ) -> dict[TopicPartition, OffsetAndMetadata]:
        """Return the committed offsets of one group."""
        return self._groups.offsets(group_id, partitions, self._seconds(None))

    def delete_consumer_groups(self, group_ids: Sequence[str]) -> list[tuple[str, Verdict]]:
        """Delete groups; return (group, class of the error)."""
        return list(self._groups.delete(_names(group_ids), self._seconds(None)).items())

    # Life

    def close(self) -> None:
        """Disconnect; again is harmless."""
        if not self._unusable:
            self._unusable = "the admin client is closed"
            _lifetime.closed(self)
            self._driver.close()

    def _at_exit(self) -> None:
        self.close()

    def __enter__(self) -> Self:
        """Return the client."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the client."""
        self.close()

    def __repr__(self) -> str:
        """Name the backend and its address."""
        return f"<Admin at {self._backend.address}>"


KafkaAdminClient = Admin


def _names(group_ids: Sequence[str]) -> list[str]:
    return [group_ids] if isinstance(group_ids, str) else list(group_ids)
