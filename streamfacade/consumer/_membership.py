"""What the driver's rebalances do to a consumer: positions, the last commit, the listener."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from streamfacade.errors import KafkaError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from streamfacade.consumer._buffer import Buffer
    from streamfacade.consumer._commits import Commits
    from streamfacade.consumer._positions import Positions
    from streamfacade.consumer.subscription_state import Subscription
    from streamfacade.structs import OffsetAndMetadata, TopicPartition

log = logging.getLogger(__name__)


class Membership:
    """The `Rebalance` of one consumer; `bind` comes before the driver may call it."""

    _positions: Positions
    _buffer: Buffer
    _commits: Commits

    def __init__(self, subscription: Subscription, timeout: float) -> None:
        """Tell the subscription's listener; resolve positions within `timeout` seconds."""
        self._subscription = subscription
        self._timeout = timeout
        self._raised: BaseException | None = None

    def bind(self, positions: Positions, buffer: Buffer, commits: Commits) -> None:
        """Work on these parts of the consumer."""
        self._positions, self._buffer, self._commits = positions, buffer, commits

    def assigned(self, partitions: Mapping[TopicPartition, OffsetAndMetadata | None]) -> None:
        """Take partitions, let the listener seek in them, find a start for the others."""
        self._positions.add(partitions)
        self._tell("on_partitions_assigned", partitions)
        try:
            self._positions.resolve(self._timeout)
        except KafkaError as error:
            # The next poll tries again and raises; the partitions stay parked until then.
            log.info("no start yet for some partitions: %s", error)

    def revoked(self, partitions: Collection[TopicPartition]) -> None:
        """Commit what is consumed, tell the listener, forget the partitions."""
        self._commits.last(partitions)
        self._tell("on_partitions_revoked", partitions)
        self._forget(partitions)

    def lost(self, partitions: Collection[TopicPartition]) -> None:
        """Forget partitions that are somebody else's, then tell the listener."""
        self._forget(partitions)
        self._tell("on_partitions_lost", partitions)

    def _forget(self, partitions: Collection[TopicPartition]) -> None:
        self._positions.drop(partitions)
        self._buffer.drop(partitions)
        self._commits.forget(partitions)

    def _tell(self, event: str, partitions: Collection[TopicPartition]) -> None:
        listener = self._subscription.listener
        if listener is None or not partitions:
            return
        call: Callable[[set[TopicPartition]], object] = getattr(listener, event)
        try:
            call(set(partitions))
        except Exception as error:
            log.exception("the rebalance listener raised in %s", event)
            self._raised = error

    def raise_failure(self) -> None:
        """Raise what a listener raised during the call that ends now.

        Raises:
            KafkaError: with the listener's error as its cause. The rebalance itself is done.

        """
        error, self._raised = self._raised, None
        if error is not None:
            msg = "User rebalance callback throws an error"
            raise KafkaError(msg) from error
