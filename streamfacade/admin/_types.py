"""What an admin client is asked with: kafka-python's classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
