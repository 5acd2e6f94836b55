"""What the admin client says about topics: kafka-python's arguments and plain results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamfacade.admin._types import NewTopic
from streamfacade.driver import TopicInfo, TopicSpec
from streamfacade.errors import BrokerResponseError, UnknownError
from streamfacade.topic_names import topic_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamfacade.driver import PartitionInfo

_TOPIC_KEYS = {"num_partitions", "replication_factor", "configs"}


def specs(new_topics: Any) -> list[TopicSpec]:
    """Return what to create.

    Raises:
        ValueError: nothing, or described in a way that is not understood.

    """
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


def answer(topics: Sequence[TopicInfo], *, raise_errors: bool) -> dict[str, Any]:
    """Return what became of topics, or raise the first error met."""
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


def description(topic: TopicInfo) -> dict[str, Any]:
    """Return a topic and its partitions."""
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
