"""The group: joining it, and handing partitions to the facade and back.

Nothing may be raised through librdkafka's callbacks, so what the facade raises in one is kept
and raised by the next `serve`. New partitions are handed over outside the callback.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from streamfacade.errors import RetriableError
from streamfacade.structs import MemberState, TopicPartition
from streamfacade_kafka.connection import log
from streamfacade_kafka.membership import Identity, unpack

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from confluent_kafka import Consumer
    from confluent_kafka import TopicPartition as Position

    from streamfacade.driver import Rebalance
    from streamfacade_kafka.assignment import Assignment
    from streamfacade_kafka.lookups import Lookups

# Least time for the question where new partitions start, however short the poll.
_LOOKUP = 0.5
_LOOK_AGAIN = 1.0
_METADATA = 1.0
_LEAVING = 1.0
_NOBODY = Identity("")


class Subscription:
    """One consumer as a member of its group."""

    def __init__(
        self,
        consumer: Consumer,
        assignment: Assignment,
        lookups: Lookups,
        rebalance: Rebalance,
        settle_commits: Callable[[], None],
        *,
        create: bool,
    ) -> None:
        self.identity = _NOBODY
        self.state = MemberState.UNJOINED
        self._consumer = consumer
        self._assignment = assignment
        self._lookups = lookups
        self._rebalance = rebalance
        self._settle_commits = settle_commits
        self._create = create
        self._topics: set[str] = set()
        self._missing: set[str] = set()
        self._look_again = 0.0
        self._asked = False
        self._arrived: list[TopicPartition] = []
        self._failure: BaseException | None = None
        self._settled = False

    def subscribe(self, topics: Collection[str]) -> None:
        """Want these topics; joins in the next `serve`."""
        if self._topics == set(topics):
            return  # said again from time to time; an eager group would rebalance for it
        self._topics, self._missing = set(topics), set(topics)
        self._asked, self._look_again = False, 0.0

    def serve(self, deadline: float) -> None:
        """Do what is due before a poll: join, and hand over partitions that arrived."""
        self.raise_failure()
        if self._missing and time.monotonic() >= self._look_again:
            self._ask_for_topics()
        if self._settled:
            self._settled = False
            self.identity = unpack(self._consumer.consumer_group_metadata())
        if self._arrived:
            self._hand_over(deadline)

    # Joining

    def _ask_for_topics(self) -> None:
        """Subscribe, once topics exist: for others librdkafka looks again in minutes only."""
        self._look_again = time.monotonic() + _LOOK_AGAIN
        missing = self._absent()
        if missing and self._create:
            self._lookups.create(missing, _METADATA)
            missing = self._absent()
        if self._asked and missing == self._missing:
            return
        self._missing, self._asked = missing, True
        if self.state is MemberState.UNJOINED:
            self.state = MemberState.REBALANCING
        self._consumer.subscribe(
            sorted(self._topics),
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_lost,
        )

    def _absent(self) -> set[str]:
        """Return the topics to wait for that have no partitions yet."""
        try:
            return self._missing - self._lookups.topics(_METADATA).keys()
        except RetriableError as error:
            log.warning("cannot look up topics to subscribe to, trying on: %s", error)
            return set(self._missing)

    def _hand_over(self, deadline: float) -> None:
        """Tell the facade what is new, with the committed offsets, and let it seek."""
        patience = max(_LOOKUP, deadline - time.monotonic())
        try:
            committed = self._lookups.committed(self._arrived, patience)
        except RetriableError as error:
            log.warning("cannot look up where to start, trying on: %s", error)
            return
        self._assignment.own(self._arrived)
        self._arrived = []
        self._rebalance.assigned(committed)

    # librdkafka's callbacks

    def _on_assign(self, _consumer: Any, positions: list[Position]) -> None:
        self._guarded(self._assignment.accept)
        self._arrived += _named(positions)
        self._settled = True
        self.state = MemberState.STABLE

    def _on_revoke(self, _consumer: Any, positions: list[Position]) -> None:
        self.state = MemberState.REBALANCING
        self._give_back(_named(positions), self._rebalance.revoked)

    def _on_lost(self, _consumer: Any, positions: list[Position]) -> None:
        self.state = MemberState.REBALANCING
        self._give_back(_named(positions), self._rebalance.lost)

    def _give_back(
        self, partitions: list[TopicPartition], tell: Callable[[Collection[TopicPartition]], None]
    ) -> None:
        """Tell the facade of those it has, then let librdkafka go on."""
        self._settled = True
        self._arrived = [p for p in self._arrived if p not in partitions]
        known = self._assignment.owned.intersection(partitions)
        if known:
            self._guarded(lambda: tell(known))
            self._guarded(self._settle_commits)
        self._assignment.disown(known)
        self._guarded(lambda: self._assignment.release(partitions))

    def _guarded(self, call: Callable[[], None]) -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - raised by the next serve or give_up
            self._failure = self._failure or error

    def raise_failure(self) -> None:
        """Raise what the facade raised inside a callback."""
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure

    # Leaving

    def give_up(self) -> None:
        """Hand all partitions back while they are still ours; callbacks find none left."""
        owned = set(self._assignment.owned)
        self._arrived = []
        try:
            if owned and self._topics:
                self._rebalance.revoked(owned)
        finally:
            self._assignment.disown(owned)
            self._topics, self._missing = set(), set()
        self.raise_failure()

    def leave(self) -> None:
        """Give everything up and leave the group; later members need not wait for us."""
        joined = self._asked
        try:
            self.give_up()
        finally:
            self._asked = False
            if joined:
                self._consumer.unsubscribe()
                self._serve_last_revocation()
            self._assignment.clear()
            self.identity, self.state = _NOBODY, MemberState.UNJOINED

    def _serve_last_revocation(self) -> None:
        """Poll until librdkafka has taken its partitions back, which lets it leave the group."""
        deadline = time.monotonic() + _LEAVING
        self._settled = not self._consumer.assignment() and self.identity.generation < 0
        while not self._settled and time.monotonic() < deadline:
            self._consumer.poll(0.02)
        self._settled = False


def _named(positions: list[Position]) -> list[TopicPartition]:
    return [TopicPartition(position.topic, position.partition) for position in positions]


__all__ = ["Subscription"]
