"""The admin client's face: topics."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from streamfacade import _lifetime, _registry
from streamfacade.admin._types import NewTopic
from streamfacade.driver import TopicInfo, TopicSpec
from streamfacade.errors import BrokerResponseError, KafkaTimeoutError, UnknownError
from streamfacade.topic_names import topic_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from typing_extensions import Self

    from streamfacade.driver import PartitionInfo

    Topics = Mapping[str, Mapping[str, Any]] | Sequence[NewTopic | str]

_TOPIC_KEYS = {"num_partitions", "replication_factor", "configs"}
_LOOK_AGAIN = 0.05  # seconds


class Admin:
    """Manages topics; every call blocks and returns plain dicts and lists.

    Raises:
        KafkaConfigurationError: an unknown option or a wrong value; also a `ValueError`.
        NoBrokersAvailable: nobody answered within `bootstrap_timeout_ms`.

    """

    def __init__(self, configs: Mapping[str, Any] | None = None, /, **options: Any) -> None:
        """Connect to the server that the options name."""
        self._unusable = "the admin client was not opened"
        self._backend, self.config = _registry.prepare("A", {**(configs or {}), **options})
        self._driver = self._backend.open_admin(self.config)
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
        specs = _specs(new_topics)
        done = self._driver.create_topics(specs, seconds, validate_only=validate_only)
        return _answer(done, raise_errors=raise_errors)

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
        return _answer(done, raise_errors=raise_errors)

    def list_topics(self, timeout_ms: float | None = None) -> list[str]:
        """Return the names of all topics."""
        return [t.name for t in self._driver.describe_topics(None, self._seconds(timeout_ms))]

    def describe_topics(
        self, topics: Sequence[str] | None = None, timeout_ms: float | None = None
    ) -> list[dict[str, Any]]:
        """Describe topics, or all; an unknown one is an entry with `error_code` 3."""
        found = self._driver.describe_topics(topics, self._seconds(timeout_ms))
        return [_description(topic) for topic in found]

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


def _specs(new_topics: Any) -> list[TopicSpec]:
    if isinstance(new_topics, str) or not new_topics:
        msg = "create_topics takes a dict or a list with at least one topic"
        raise ValueError(msg)
    if isinstance(new_topics, dict):
        return [_from_dict(name, wanted) for name, wanted in new_topics.items()]
    return [_from_item(topic) for topic in new_topics]


def _from_item(topic: Any) -> TopicSpec:
    if isinstance(topic, NewTopic):
        return TopicSpec(
            topic_name(topic.name), topic.num_partitions, topic.replication_factor,
            _texts(topic.topic_configs),
        )  # fmt: skip
    return TopicSpec(topic_name(topic))


def _from_dict(name: str, wanted: Mapping[str, Any] | None) -> TopicSpec:
    wanted = wanted or {}
    if unknown := wanted.keys() - _TOPIC_KEYS:
        msg = f"a topic has {', '.join(sorted(_TOPIC_KEYS))}, not {', '.join(sorted(unknown))}"
        raise ValueError(msg)
    return TopicSpec(
        topic_name(name), wanted.get("num_partitions", -1), wanted.get("replication_factor", -1),
        _texts(wanted.get("configs") or {}),
    )  # fmt: skip


def _texts(configs: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in configs.items()}


def _answer(topics: Sequence[TopicInfo], *, raise_errors: bool) -> dict[str, Any]:
    for topic in topics:
        if raise_errors and topic.error is not None:
            raise topic.error
    return {"topics": [_row(topic) for topic in topics]}


def _row(topic: TopicInfo) -> dict[str, Any]:
    copies = len(topic.partitions[0].replicas) if topic.partitions else -1
    return {
        "name": topic.name,
        "topic_id": topic.topic_id,
        "error_code": _code(topic.error),
        "error_message": str(topic.error) if topic.error else None,
        "num_partitions": len(topic.partitions) or -1,
        "replication_factor": copies,
    }


def _code(error: BaseException | None) -> int:
    if error is None:
        return 0
    return error.errno if isinstance(error, BrokerResponseError) else UnknownError.errno


def _description(topic: TopicInfo) -> dict[str, Any]:
    return {
        "error_code": _code(topic.error),
        "name": topic.name,
        "topic_id": topic.topic_id,
        "is_internal": topic.is_internal,
        "partitions": [_partition(partition) for partition in topic.partitions],
    }


def _partition(partition: PartitionInfo) -> dict[str, Any]:
    return {
        "error_code": 0,
        "partition_index": partition.partition,
        "leader_id": partition.leader,
        "leader_epoch": partition.leader_epoch,
        "replica_nodes": list(partition.replicas),
        "isr_nodes": list(partition.in_sync),
        "offline_replicas": [],
    }
