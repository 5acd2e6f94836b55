"""Managing topics: confluent-kafka's futures, waited for, and what metadata says of them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from streamfacade.driver import ClusterInfo, PartitionInfo, TopicInfo, TopicSpec
from streamfacade.errors import InvalidPartitionsError, InvalidReplicationFactorError
from streamfacade_kafka.connection import connect
from streamfacade_kafka.errors import translated
from streamfacade_kafka.groups import KafkaGroups
from streamfacade_kafka.options import admin_properties
from streamfacade_kafka.topics import wait_for_leaders

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Future

    from streamfacade.config import Options
    from streamfacade.errors import KafkaError

_PAUSE = 0.02


class KafkaAdminDriver:
    """See `streamfacade.driver.AdminDriver`."""

    def __init__(self, servers: str, options: Options) -> None:
        self._client, self._ear = connect(
            AdminClient, admin_properties(servers, options), options.seconds("bootstrap_timeout_ms")
        )
        self.groups = KafkaGroups(self._client)
        self.list_offsets = self.groups.list_offsets

    def create_topics(
        self, topics: Sequence[TopicSpec], timeout: float, *, validate_only: bool
    ) -> list[TopicInfo]:
        """Create topics and wait until producers and consumers can use them."""
        deadline = time.monotonic() + timeout
        refused = self._refused(topics, timeout, validate_only=validate_only)
        created = [spec.name for spec in topics if spec.name not in refused]
        if validate_only:
            known = {name: TopicInfo(name) for name in created}
        else:
            self._wait(created, lambda name, seen: seen.get(name, 0) > 0, deadline)
            known = self._described(created, deadline - time.monotonic())
            shapes = {name: len(known[name].partitions) for name in created}
            wait_for_leaders(self._client, shapes, deadline - time.monotonic())
        return [
            TopicInfo(spec.name, refused[spec.name]) if spec.name in refused else known[spec.name]
            for spec in topics
        ]

    def _refused(
        self, topics: Sequence[TopicSpec], timeout: float, *, validate_only: bool
    ) -> dict[str, KafkaError]:
        """Ask for topics; return the errors of those that are refused, here or there."""
        refused = {spec.name: error for spec in topics if (error := _impossible(spec))}
        asked = [_new(spec) for spec in topics if spec.name not in refused]
        if not asked:
            return refused
        answers = self._client.create_topics(
            asked,
            validate_only=validate_only,
            operation_timeout=timeout,
            request_timeout=_request(timeout),
        )
        return refused | _errors(answers, "create topic")

    def delete_topics(self, names: Sequence[str], timeout: float) -> list[TopicInfo]:
        """Delete topics and wait until they are gone."""
        if not names:
            return []
        deadline = time.monotonic() + timeout
        answers = self._client.delete_topics(
            list(names), operation_timeout=timeout, request_timeout=_request(timeout)
        )
        refused = _errors(answers, "delete topic")
        deleted = [name for name in names if name not in refused]
        self._wait(deleted, lambda name, seen: name not in seen, deadline)
        return [TopicInfo(name, refused.get(name)) for name in names]

    def describe_topics(self, names: Sequence[str] | None, timeout: float) -> list[TopicInfo]:
        """Describe these topics, or all of them for None."""
        deadline = time.monotonic() + timeout
        if names is None:
            names = sorted(self._partitions(timeout))
        known = self._described(names, deadline - time.monotonic())
        return [known[name] for name in names]

    def describe_cluster(self, timeout: float) -> ClusterInfo:
        """Describe who answers."""
        self._client.poll(0)
        try:
            found = self._client.describe_cluster(request_timeout=_request(timeout)).result()
        except KafkaException as error:
            raise self._ear.explained(error, "describe cluster") from error
        brokers = [(node.id, node.host, node.port, node.rack) for node in found.nodes]
        controller = found.controller.id if found.controller else -1
        return ClusterInfo(found.cluster_id, controller, brokers)

    def close(self) -> None:
        """Close the connections: librdkafka does when its last reference goes."""
        del self._client, self.groups, self.list_offsets

    def _described(self, names: Sequence[str], timeout: float) -> dict[str, TopicInfo]:
        if not names:
            return {}
        self._client.poll(0)  # hands on librdkafka's log
        answers = self._client.describe_topics(
            TopicCollection(list(names)), request_timeout=_request(timeout)
        )
        return {name: _described(name, answer) for name, answer in answers.items()}

    def _partitions(self, timeout: float) -> dict[str, int]:
        """Return all topics with their number of partitions that have a leader."""
        try:
            found = self._client.list_topics(timeout=max(0.1, timeout)).topics
        except KafkaException as error:
            raise self._ear.explained(error, "list topics") from error
        return {
            name: sum(partition.leader >= 0 for partition in topic.partitions.values())
            for name, topic in found.items()
        }

    def _wait(
        self,
        names: Sequence[str],
        ready: Callable[[str, Mapping[str, int]], bool],
        deadline: float,
    ) -> None:
        """Wait until metadata shows what was done; without that the call still succeeded."""
        while time.monotonic() < deadline:
            seen = self._partitions(deadline - time.monotonic())
            if all(ready(name, seen) for name in names):
                return
            time.sleep(_PAUSE)


_MOST_PARTITIONS = 100_000  # librdkafka's own bound


def _new(spec: TopicSpec) -> NewTopic:
    return NewTopic(
        spec.name, spec.num_partitions, spec.replication_factor, config=dict(spec.configs)
    )


def _impossible(spec: TopicSpec) -> KafkaError | None:
    """Return the server's error for a shape that confluent-kafka does not even send."""
    if spec.num_partitions == 0 or not -1 <= spec.num_partitions <= _MOST_PARTITIONS:
        return InvalidPartitionsError(f"create topic {spec.name}: {spec.num_partitions} partitions")
    if spec.replication_factor == 0 or spec.replication_factor < -1:
        return InvalidReplicationFactorError(
            f"create topic {spec.name}: replication factor {spec.replication_factor}"
        )
    return None


def _request(timeout: float) -> float:
    return max(0.1, timeout)


def _errors(answers: Mapping[str, Future[Any]], doing: str) -> dict[str, KafkaError]:
    refused = {}
    for name, answer in answers.items():
        try:
            answer.result()
        except KafkaException as error:
            refused[name] = translated(error, f"{doing} {name}")
    return refused


def _described(name: str, answer: Future[Any]) -> TopicInfo:
    try:
        found = answer.result()
    except KafkaException as error:
        return TopicInfo(name, translated(error, f"describe topic {name}"))
    partitions = [
        PartitionInfo(
            one.id,
            one.leader.id if one.leader else -1,
            [node.id for node in one.replicas],
            [node.id for node in one.isr],
        )
        for one in found.partitions
    ]
    return TopicInfo(name, None, str(found.topic_id), partitions, found.is_internal)


__all__ = ["KafkaAdminDriver"]
