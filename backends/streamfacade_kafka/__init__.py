"""The Kafka driver: passes through to confluent-kafka (librdkafka)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from streamfacade.driver import Capability
from streamfacade.errors import KafkaConfigurationError
from streamfacade_kafka.admin import KafkaAdminDriver
from streamfacade_kafka.consumer import KafkaConsumerDriver
from streamfacade_kafka.producer import KafkaProducerDriver

if TYPE_CHECKING:
    from streamfacade.config import Options
    from streamfacade.driver import (
        AdminDriver,
        ConsumerDriver,
        Rebalance,
        Report,
        TransactionalProducerDriver,
    )

_SERVER = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):\d{1,5}")


class KafkaDriver:
    """Kafka at one address."""

    name = "kafka"
    capabilities = frozenset({
        Capability.DURABLE, Capability.TRANSACTIONS, Capability.COMPRESSION,
        Capability.REPLICATION_FACTOR, Capability.SHARED_GROUPS, Capability.ATOMIC_COMMIT,
    })  # fmt: skip
    chooses_partitions = True

    def __init__(self, servers: str) -> None:
        self.address = servers

    def open_producer(self, options: Options, report: Report) -> TransactionalProducerDriver:
        """Connect a producer."""
        return KafkaProducerDriver(self.address, options, report)

    def open_consumer(self, options: Options, rebalance: Rebalance) -> ConsumerDriver:
        """Connect a consumer."""
        return KafkaConsumerDriver(self.address, options, rebalance)

    def open_admin(self, options: Options) -> AdminDriver:
        """Connect an admin client."""
        return KafkaAdminDriver(self.address, options)


def open_driver(url: str) -> KafkaDriver:
    """Return the driver for `kafka://host:port[,host:port]` or bare `host:port[,host:port]`.

    Raises:
        KafkaConfigurationError: the URL is anything else.

    """
    servers = [
        re.sub(r"^kafka://", "", server.strip(), flags=re.IGNORECASE) for server in url.split(",")
    ]
    for server in servers:
        if not _SERVER.fullmatch(server):
            # Not shown if it may hold a password.
            shown = "the address" if "@" in server else repr(server)
            raise KafkaConfigurationError(
                f"{shown} is no Kafka address: kafka://host:port[,host:port] has neither user"
                " nor path nor query; the rest is said by options such as sasl_plain_username"
            )
    return KafkaDriver(",".join(servers))


__all__ = ["KafkaDriver", "open_driver"]
