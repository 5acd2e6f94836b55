"""A consumer's part in its group: what membership decides, carried out on the polling thread.

A grant becomes ours with an accepted claim, which reads the committed offset in the same step. A
partition is let go only after the listener has run and the last commit is answered.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NamedTuple

from streamfacade.assignors import strategies
from streamfacade.errors import CommitFailedError, KafkaError
from streamfacade.structs import ConsumerGroupMetadata, TopicPartition
from streamfacade_redis.membership import Member, number_for_outsider
from streamfacade_redis.offsets import Hold, claimed, refusal
from streamfacade_redis.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from streamfacade.config import Options
    from streamfacade.driver import Rebalance
    from streamfacade.structs import OffsetAndMetadata
    from streamfacade_redis.address import Address
    from streamfacade_redis.connection import Link
    from streamfacade_redis.desk import Command, Desk
    from streamfacade_redis.fetcher import Fetcher
    from streamfacade_redis.membership import Owned
    from streamfacade_redis.offsets import Offsets

log = logging.getLogger(__name__)


class Held(NamedTuple):
    """A partition that is ours, under the member id that it was granted to."""

    owned: Owned
    member_id: str

    @property
    def hold(self) -> Hold:
        """By what right its offsets are committed."""
        return Hold(self.member_id, self.owned.fence)


class Partaking:
    """Between the member, who knows what it should own, and the fetcher, who reads it."""

    def __init__(
        self,
        link: Link,
        address: Address,
        options: Options,
        rebalance: Rebalance,
        fetcher: Fetcher,
        offsets: Offsets,
        desk: Desk,
    ) -> None:
        """Belong to no group until `subscribe`."""
        strategies(options["partition_assignment_strategy"])  # refused now, not at the first poll
        self._link = link
        self._address, self._options, self._rebalance = address, options, rebalance
        self._fetcher, self._offsets, self._desk = fetcher, offsets, desk
        self._registry = Registry(link.sibling(), address)  # asked by the heartbeat thread
        self._member: Member | None = None
        self._wanted: frozenset[str] = frozenset()
        self._held: dict[TopicPartition, Held] = {}
        self._overruled: list[Owned] = []

    def subscribe(self, topics: Collection[str]) -> None:
        """Want these topics; joins the group on first use."""
        self._wanted = frozenset(topics)
        if self._member is None:
            self._member = Member(
                self._new_link, self._address.namespace, self._options, self._existing
            )
        self._member.subscribe(topics)

    def _new_link(self) -> Link:
        """Return a link for heartbeats: one that is stuck must be given up within the session."""
        options = self._options
        patience = min(
            options.seconds("request_timeout_ms"), options.seconds("session_timeout_ms") / 3
        )
        return self._link.sibling(socket_timeout=patience)

    def _existing(self, topics: Collection[str]) -> dict[str, tuple[str, int]]:
        """Return those of the group's topics that exist; our own may be created for that."""
        known = self._registry.all()
        if self._options["allow_auto_create_topics"]:
            for name in self._wanted.intersection(topics).difference(known):
                known[name] = self._registry.find_or_create(name, create=True)
        return {n: (known[n].topic_id, known[n].partitions) for n in topics if n in known}

    def turn(self, timeout: float) -> None:
        """Give up and take over what the group says; without partitions, wait for news."""
        if self._member is None:
            return
        if not self._held:
            self._member.wait(timeout)
        turn = self._member.turn()
        overruled, self._overruled = self._overruled, []
        self._lose([*overruled, *turn.lost])
        self._give_up(turn.revoked)
        self._take(turn.granted)

    def _lose(self, lost: Iterable[Owned]) -> None:
        gone = self._forget(self._ours(lost))
        if gone:
            self._rebalance.lost(gone)

    def _ours(self, owned: Iterable[Owned]) -> dict[TopicPartition, Held]:
        """Return what we hold of these, under exactly these fences."""
        held = {_partition(one): self._held.get(_partition(one)) for one in owned}
        known = set(owned)
        return {p: h for p, h in held.items() if h is not None and h.owned in known}

    def _forget(self, held: Mapping[TopicPartition, Held]) -> list[TopicPartition]:
        for partition in held:
            del self._held[partition]
        self._fetcher.drop(held)
        return list(held)

    def _give_up(self, revoked: Collection[Owned]) -> None:
        """Let go after the listener and the last commit; also of what was never claimed."""
        if not revoked:
            return
        mine = self._ours(revoked)
        if mine:
            self._rebalance.revoked(set(mine))
        self._release(mine)
        self._member.released(revoked)  # type: ignore[union-attr] # it told us to

    def _release(self, mine: Mapping[TopicPartition, Held]) -> None:
        """Release the fences; if that fails, the next owners overrule them."""
        self._forget(mine)
        try:
            self._desk.pipeline([self._fence("release", p, h.hold) for p, h in mine.items()])
        except KafkaError as error:
            log.warning("fences not released, their next owners overrule them: %s", error)

    def _fence(self, op: str, partition: TopicPartition, hold: Hold) -> Command:
        return self._offsets.fence(op, partition, hold)

    def _take(self, granted: Collection[Owned]) -> None:
        """Claim what is granted; what cannot be claimed goes back, and is granted anew."""
        if not granted:
            return
        member: Any = self._member
        grants = {_partition(owned): Held(owned, member.member_id) for owned in granted}
        try:
            commands = [self._fence("claim", p, held.hold) for p, held in grants.items()]
            replies = self._desk.pipeline(commands)
        except KafkaError as error:
            log.warning("claims were not answered, they are made anew: %s", error)
            member.released(granted)
            return
        self._start({p: (h, r) for (p, h), r in zip(grants.items(), replies, strict=True)})

    def _start(self, answers: Mapping[TopicPartition, tuple[Held, Any]]) -> None:
        starts: dict[TopicPartition, OffsetAndMetadata | None] = {}
        for partition, (held, reply) in answers.items():
            if refusal(partition, reply) is None:
                starts[partition] = claimed(reply)
                self._held[partition] = held
            else:
                self._not_claimed(partition, held.owned, reply)
        self._fetcher.keep({*self._fetcher.places, *starts})
        if starts:
            self._rebalance.assigned(starts)

    def _not_claimed(self, partition: TopicPartition, owned: Owned, reply: Any) -> None:
        member: Any = self._member
        log.warning("%s was not claimed: %r", partition, reply)
        if reply[0] == b"FENCED":
            member.refused(owned, int(reply[1]))
            return
        member.released([owned])
        if reply[0] == b"UNKNOWN_TOPIC":
            self._offsets.forget(partition.topic)
            member.refresh()

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
        held = self._held.get(partition)
        return None if held is None else held.hold

    def evict_dead_owners(
        self, commits: Mapping[TopicPartition, Command], replies: list[Any]
    ) -> list[Any]:
        """Repeat commits from outside a group that only its dead members stand in the way of."""
        owned = [p for p, reply in zip(commits, replies, strict=True) if reply[0] == b"OWNED"]
        if not owned or self._member is not None:
            return replies
        number = number_for_outsider(self._desk, self._address.namespace, self._options["group_id"])
        if number is None:
            return replies
        self._desk.pipeline([self._fence("clear", p, Hold("", number)) for p in owned])
        again = dict(zip(owned, self._desk.pipeline([commits[p] for p in owned]), strict=True))
        return [again.get(p, reply) for p, reply in zip(commits, replies, strict=True)]

    def refused(self, partition: TopicPartition, reply: Any) -> None:
        """Note that a commit met a higher fence: the next turn tells that the partition is lost."""
        held = self._held.get(partition)
        if self._member is not None and held is not None and reply[0] == b"FENCED":
            self._member.refused(held.owned, int(reply[1]))
            self._overruled.append(held.owned)

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
        member, held = self._member, dict(self._held)
        if member is None:
            return
        if not member.holds_lease():
            self._lose([one.owned for one in held.values()])
        elif held:
            self._rebalance.revoked(set(held))
            self._release(held)
        member.leave(timeout)
        self._member = None
        self._registry.close()


def _partition(owned: Owned) -> TopicPartition:
    return TopicPartition(owned.topic, owned.partition)
