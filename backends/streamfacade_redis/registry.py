"""The registry of topics: one small hash, read at start and every `metadata_max_age_ms`."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streamfacade.driver import PartitionInfo, TopicInfo, TopicSpec
from streamfacade.errors import (
    InvalidReplicationFactorError,
    TopicAlreadyExistsError,
    UnknownError,
    UnknownTopicOrPartitionError,
)
from streamfacade.limits import check_partitions
from streamfacade.topic_configs import DEFAULTS, MAX_AHEAD_MS, settled
from streamfacade_redis.keys import PartitionKeys, new_topic_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamfacade_redis.address import Address
    from streamfacade_redis.connection import Link

_UUIDS = uuid.UUID("6f2f9a0e-6d1b-5b0c-9d8e-2f6f1c6f7a11")


@dataclass(frozen=True)
class Topic:
    """One incarnation of a topic, as the registry has it."""

    name: str
    topic_id: str
    partitions: int
    configs: Mapping[str, int]
    line: bytes

    def info(self) -> TopicInfo:
        """Return what an admin is told; Kafka's topic ids are UUIDs, so ours is made one."""
        rows = [PartitionInfo(p, leader_epoch=0) for p in range(self.partitions)]
        return TopicInfo(self.name, None, str(uuid.uuid5(_UUIDS, self.topic_id)), rows)


def _parsed(name: str, line: bytes) -> Topic:
    try:
        stored = json.loads(line)
        return Topic(name, stored["id"], stored["n"], {**DEFAULTS, **stored["configs"]}, line)
    except (ValueError, KeyError, TypeError) as error:
        msg = f"the registry's line of topic {name}, written by hand?, is no use: {line!r:.100}"
        raise UnknownError(msg) from error


class Registry:
    """Finds, creates and deletes topics over one connection. Not for several threads at once."""

    def __init__(self, link: Link, address: Address) -> None:
        """Use that connection."""
        self._link = link
        self._names = address.namespace
        self._default_partitions = address.default_partitions

    def close(self) -> None:
        """Close the connection."""
        self._link.close()

    def find(self, name: str) -> Topic | None:
        """Return a topic if it exists."""
        line = self._link.call("HGET", self._names.topics, name)
        return None if line is None else _parsed(name, line)

    def all(self) -> dict[str, Topic]:
        """Return all topics by name."""
        flat = self._link.call("HGETALL", self._names.topics)
        pairs = zip(flat[::2], flat[1::2], strict=True)
        found = {name.decode(): line for name, line in pairs if not name.startswith(b"!")}
        return {name: _parsed(name, found[name]) for name in sorted(found)}

    def find_or_create(self, name: str, *, create: bool) -> Topic:
        """Return a topic, creating it with defaults if that is allowed.

        Raises:
            UnknownTopicOrPartitionError: it does not exist and is not to be created.

        """
        found = self.find(name)
        if found is None and create:
            try:
                found = self.create(TopicSpec(name))
            except TopicAlreadyExistsError:
                found = self.find(name)
        if found is None:
            msg = f"no topic {name}"
            raise UnknownTopicOrPartitionError(msg)
        return found

    def check_new(self, spec: TopicSpec) -> dict[str, int]:
        """Return a new topic's configs if it can be created."""
        check_partitions(spec.num_partitions)
        if spec.replication_factor not in (-1, 1):
            msg = "Redis replicates whole servers: replication_factor must be 1 or -1"
            raise InvalidReplicationFactorError(msg)
        configs = settled(spec.configs)
        if self.find(spec.name) is not None:
            raise _exists(spec.name)
        return configs

    def create(self, spec: TopicSpec) -> Topic:
        """Create a topic: first all its keys under a fresh id, then its line in the registry."""
        configs = self.check_new(spec)
        count = self._default_partitions if spec.num_partitions == -1 else spec.num_partitions
        given = {name: value for name, value in configs.items() if value != DEFAULTS[name]}
        topic_id = new_topic_id()
        line = json.dumps({"id": topic_id, "n": count, "configs": given}).encode()
        topic = Topic(spec.name, topic_id, count, configs, line)
        for keys in self._keys(topic):
            self._link.script("topic_create", keys.all, topic_id, script_configs(configs))
        if not self._link.call("HSETNX", self._names.topics, spec.name, line):
            self._unlink(topic)
            raise _exists(spec.name)
        return topic

    def delete(self, name: str) -> Topic:
        """Delete a topic: out of the registry, then its keys; finish what others left half done."""
        topic = self.find(name)
        if topic is None:
            msg = f"no topic {name}"
            raise UnknownTopicOrPartitionError(msg)
        reply = self._link.script(
            "topic_delete", [self._names.topics], name, topic.line, topic.topic_id
        )
        if reply[0] != b"OK":
            return self.delete(name)
        self._finish_deletions()
        return topic

    def _finish_deletions(self) -> None:
        flat = self._link.call("HGETALL", self._names.topics)
        for mark, line in zip(flat[::2], flat[1::2], strict=True):
            if mark.startswith(b"!"):
                name, _, _ = mark[1:].decode().partition(" ")
                self._unlink(_parsed(name, line))
                self._link.call("HDEL", self._names.topics, mark)

    def _unlink(self, topic: Topic) -> None:
        for keys in self._keys(topic):
            self._link.call("UNLINK", *keys.all)

    def _keys(self, topic: Topic) -> list[PartitionKeys]:
        return [
            self._names.partition(topic.name, topic.topic_id, p) for p in range(topic.partitions)
        ]


def _exists(name: str) -> TopicAlreadyExistsError:
    return TopicAlreadyExistsError(f"topic {name} exists")


def script_configs(configs: Mapping[str, Any]) -> str:
    """Return a topic's configs as the scripts read them."""
    wanted = ("retention.ms", "retention.bytes", "maxlen", "max.message.bytes")
    return " ".join(str(configs[name]) for name in wanted) + f" 0 {MAX_AHEAD_MS}"
