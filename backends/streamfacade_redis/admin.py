"""The admin client of the port: topics; groups have a room of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamfacade.driver import ClusterInfo, TopicInfo
from streamfacade.errors import KafkaError, UnknownTopicOrPartitionError
from streamfacade_redis.connection import retrying
from streamfacade_redis.groups import RedisGroups
from streamfacade_redis.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from streamfacade.config import Options
    from streamfacade.driver import TopicSpec
    from streamfacade.structs import OffsetAndTimestamp, TopicPartition
    from streamfacade_redis.address import Address
    from streamfacade_redis.connection import Link


class RedisAdmin:
    """Manages the topics of a namespace."""

    def __init__(self, link: Link, address: Address, options: Options) -> None:
        """Use that connection."""
        self._link, self._address = link, address
        self._registry = Registry(link, address)
        self.groups = RedisGroups(link, address, options)
        self._backoff = options.seconds("retry_backoff_ms")

    def create_topics(
        self, topics: Sequence[TopicSpec], timeout: float, *, validate_only: bool
    ) -> list[TopicInfo]:
        """Create topics."""

        def create(spec: TopicSpec) -> TopicInfo:
            if validate_only:
                self._registry.check_new(spec)
                return TopicInfo(spec.name)
            return self._registry.create(spec).info()

        return [self._try(spec.name, lambda s=spec: create(s), timeout) for spec in topics]  # type: ignore[misc] # the default binds it now

    def delete_topics(self, names: Sequence[str], timeout: float) -> list[TopicInfo]:
        """Delete topics."""
        return [
            self._try(name, lambda n=name: self._registry.delete(n).info(), timeout)  # type: ignore[misc] # the default binds it now
            for name in names
        ]

    def _try(self, name: str, action: Callable[[], TopicInfo], timeout: float) -> TopicInfo:
        """Return what an action made of a topic, or its error; only the connection is retried."""
        try:
            return retrying(action, timeout, self._backoff)  # type: ignore[no-any-return] # it is the action's
        except KafkaError as error:
            return TopicInfo(name, error)

    def describe_topics(self, names: Sequence[str] | None, timeout: float) -> list[TopicInfo]:
        """Describe topics."""
        existing = retrying(self._registry.all, timeout, self._backoff)
        return [
            existing[name].info() if name in existing
            else TopicInfo(name, UnknownTopicOrPartitionError(f"no topic {name}"))
            for name in (existing if names is None else names)
        ]  # fmt: skip

    def describe_cluster(self, timeout: float) -> ClusterInfo:
        """Describe the server as the only broker."""
        meta = self._address.namespace.meta
        cluster = retrying(
            lambda: self._link.call("HGET", meta, "cluster_id"), timeout, self._backoff
        )
        host, port = self._address.host, self._address.port
        return ClusterInfo((cluster or b"").decode(), 0, [(0, host, port, None)])

    def list_offsets(
        self, wanted: Mapping[TopicPartition, int], timeout: float
    ) -> dict[TopicPartition, OffsetAndTimestamp | None]:
        """Look up offsets."""
        return self.groups.list_offsets(wanted, timeout)

    def close(self) -> None:
        """Disconnect."""
        self.groups.close()
        self._link.close()
