"""The Redis Streams driver. `DESIGN.md` beside this file has the data model and a file map."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamfacade.driver import Capability
from streamfacade_redis import address as addresses
from streamfacade_redis import opening
from streamfacade_redis.admin import RedisAdmin
from streamfacade_redis.consumer import RedisConsumer
from streamfacade_redis.producer import RedisProducer
from streamfacade_redis.registry import Registry

if TYPE_CHECKING:
    from streamfacade.config import Options
    from streamfacade.driver import Rebalance, Report
    from streamfacade_redis.address import Address


def open_driver(url: str) -> RedisDriver:
    """Return the driver for `redis://…` or `rediss://…`."""
    return RedisDriver(addresses.parse(url))


class RedisDriver:
    """One Redis server, database and namespace."""

    name = "redis"
    chooses_partitions = False
    capabilities = frozenset({
        Capability.DURABLE, Capability.TIMESTAMP_ZERO, Capability.SHARED_GROUPS,
        Capability.LONE_REFUSAL,
        Capability.INCREMENTAL_REBALANCE,
        Capability.CUSTOM_ASSIGNOR,
        Capability.REMOVE_MEMBERS,
        Capability.DELETE_OFFSETS,
    })  # fmt: skip

    def __init__(self, address: Address) -> None:
        """Remember where the server is."""
        self._address = address
        self.address = str(address)

    def open_producer(self, options: Options, report: Report) -> RedisProducer:
        """Connect a producer."""
        link = opening.connected(self._address, options)
        registry = Registry(link.sibling(), self._address)
        return RedisProducer(link, registry, self._address, options, report)

    def open_consumer(self, options: Options, rebalance: Rebalance) -> RedisConsumer:
        """Connect a consumer."""
        link = opening.connected(self._address, options)
        return RedisConsumer(link, self._address, options, rebalance)

    def open_admin(self, options: Options) -> RedisAdmin:
        """Connect an admin client."""
        link = opening.connected(self._address, options)
        return RedisAdmin(link, self._address, options)
