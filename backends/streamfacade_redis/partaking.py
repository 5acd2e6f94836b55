"""A consumer's part in its group: what membership decides, carried out on the polling thread.

A grant becomes ours with an accepted claim, which reads the committed offset in the same step. A
partition is let go only after the listener has run and the last commit is answered.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from streamfacade.errors import CommitFailedError, KafkaError
from streamfacade.structs import ConsumerGroupMetadata, TopicPartition
from streamfacade_redis.connection import translate
from streamfacade_redis.membership import Member
from streamfacade_redis.offsets import Hold, claimed, refusal
from streamfacade_redis.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from streamfacade.config import Options
    from streamfacade.driver import Rebalance
    from streamfacade.structs import OffsetAndMetadata
    from streamfacade_redis.address import Address
    from streamfacade_redis.connection import Link
    from streamfacade_redis.desk import Desk
    from streamfacade_redis.fetcher import Fetcher
    from streamfacade_redis.membership import Owned
    from streamfacade_redis.offsets import Offsets

log = logging.getLogger(__name__)


class Partaking:
    """Between the member, who knows what it should own, and the fetcher, who reads it."""

    def __init__(
        self, link: Link, address: Address, options: Options, rebalance: Rebalance,
        fetcher: Fetcher, offsets: Offsets, desk: Desk,
    ) -> None:  # fmt: skip
        """Belong to no group until `subscribe`."""
        self._new_link = link.sibling
        self._address, self._options, self._rebalance = address, options, rebalance
        self._fetcher, self._offsets, self._desk = fetcher, offsets, desk
        self._registry = Registry(link.sibling(), address)  # asked by the heartbeat thread
        self._member: Member | None = None
        self._owned: dict[TopicPartition, Owned] = {}

    def subscribe(self, topics: Collection[str]) -> None:
        """Want these topics; joins the group on first use."""
        if self._member is None:
            self._member = Member(
                self._new_link, self._address.namespace, self._options, self._existing
            )
        self._member.subscribe(topics)

    def _existing(self, topics: Collection[str]) -> dict[str, tuple[str, int]]:
        create = self._options["allow_auto_create_topics"]
        if create:
            for name in topics:
                self._registry.find_or_create(name, create=True)
        known = self._registry.all()
        return {n: (known[n].topic_id, known[n].partitions) for n in topics if n in known}

    def turn(self, timeout: float) -> None:
        """Give up and take over what the group says; without partitions, wait for news."""
        if self._member is None:
            return
        if not self._owned:
            self._member.wait(timeout)
        turn = self._member.turn()
        self._lose(turn.lost)
        self._give_up(turn.revoked)
        self._take(turn.granted)

    def _lose(self, lost: Iterable[Owned]) -> None:
        gone = self._forget(lost)
        if gone:
            self._rebalance.lost(gone)

    def _give_up(self, revoked: Iterable[Owned]) -> None:
        mine = [owned for owned in revoked if _partition(owned) in self._owned]
        if mine:
            self._rebalance.revoked({_partition(owned) for owned in mine})
            self._let_go(mine)

    def _let_go(self, mine: Collection[Owned]) -> None:
        """Release the fences, then tell the group; an error leaves it to the next claim."""
        partitions = self._forget(mine)
        try:
            self._desk.pipeline([
                self._offsets.fence("release", p, Hold(self._member.member_id, o.fence))  # type: ignore[union-attr] # joined
                for p, o in zip(partitions, mine, strict=True)
            ])  # fmt: skip
        except KafkaError as error:
            log.warning("fences not released, their next owners overrule them: %s", error)
        self._member.released(mine)  # type: ignore[union-attr] # joined

    def _forget(self, owned: Iterable[Owned]) -> list[TopicPartition]:
        partitions = [_partition(o) for o in owned]
        for partition in partitions:
            self._owned.pop(partition, None)
        self._fetcher.drop(partitions)
        return partitions

    def _take(self, granted: Collection[Owned]) -> None:
        if not granted:
            return
        member: Any = self._member
        grants = {_partition(owned): owned for owned in granted}
        try:
            replies = self._desk.pipeline([
                self._offsets.fence("claim", p, Hold(member.member_id, o.fence))
                for p, o in grants.items()
            ])  # fmt: skip
        except KafkaError as error:
            log.warning("claims were not answered, they are made again: %s", translate(error, ""))
            return
        starts: dict[TopicPartition, OffsetAndMetadata | None] = {}
        for (partition, owned), reply in zip(grants.items(), replies, strict=True):
            if refusal(partition, reply) is None:
                starts[partition] = claimed(reply)
                self._owned[partition] = owned
            else:
                self.refused(partition, reply, owned)
        self._fetcher.keep({*self._fetcher.places, *starts})
        self._rebalance.assigned(starts)

    # Rights

    def hold(self, partition: TopicPartition) -> Hold | None:
        """Return by what right a partition is committed: our fence, or None for alone.

        Raises:
            CommitFailedError: this member's lease has lapsed; others may own its partitions.

        """
        if self._member is None:
            return None
        if not self._member.holds_lease():
            msg = f"{partition}: this member was away for longer than session_timeout_ms"
            raise CommitFailedError(msg)
        owned = self._owned.get(partition)
        return None if owned is None else Hold(self._member.member_id, owned.fence)

    def refused(self, partition: TopicPartition, reply: Any, owned: Owned | None = None) -> None:
        """Tell the member that a claim or commit met a higher fence."""
        owned = owned or self._owned.get(partition)
        if self._member is not None and owned is not None and reply[0] == b"FENCED":
            self._member.refused(owned, int(reply[1]))

    def may_hand_out(self) -> bool:
        """Return whether what was read may still be handed to the application."""
        return self._member is None or self._member.holds_lease()

    def metadata(self) -> ConsumerGroupMetadata:
        """Return who we are in the group."""
        if self._member is not None:
            return self._member.metadata()
        options = self._options
        return ConsumerGroupMetadata(
            options["group_id"], group_instance_id=options["group_instance_id"]
        )

    def leave(self, timeout: float = 5.0) -> None:
        """Give everything up and leave the group."""
        if self._member is None:
            return
        self._give_up(list(self._owned.values()))
        self._member.leave(timeout)
        self._member = None
        self._registry.close()


def _partition(owned: Owned) -> TopicPartition:
    return TopicPartition(owned.topic, owned.partition)
