"""The face of the membership room: what the consumer's polling thread talks to."""

from __future__ import annotations

import json
import logging
import os
import re
import socket
import threading
from itertools import count
from secrets import token_hex
from typing import TYPE_CHECKING

from streamfacade.errors import IllegalStateError
from streamfacade.structs import ConsumerGroupMetadata, MemberState
from streamfacade_redis.membership.heart import Heart, Plan, clock
from streamfacade_redis.membership.state import State
from streamfacade_redis.membership.target import strategies
from streamfacade_redis.membership.wire import Identity, Turn

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from streamfacade.config import Options
    from streamfacade_redis.connection import Link
    from streamfacade_redis.keys import Namespace
    from streamfacade_redis.membership.wire import Owned

log = logging.getLogger(__name__)


class Member:
    """A consumer's membership of its group. Its calls do no I/O, but for `leave`.

    Partitions are given by `turn`, on the polling thread's time; between two turns they may only
    get lost, and then `holds_lease` says no.
    """

    def __init__(
        self,
        new_link: Callable[[], Link],
        namespace: Namespace,
        options: Options,
        topics: Callable[[Collection[str]], Mapping[str, tuple[str, int]]],
    ) -> None:
        """Prepare; `topics` returns topic -> (id, partitions) and leaves out what is not there."""
        self._pid = os.getpid()
        self._who = _identity(options)
        backoff = tuple(options.seconds(f"reconnect_backoff{which}_ms") for which in ("", "_max"))
        self._plan = Plan(
            new_link, namespace, self._who, strategies(options["partition_assignment_strategy"]),
            topics, options.seconds("metadata_max_age_ms"), backoff,
        )  # fmt: skip
        self._news = threading.Condition()
        self._heart: Heart | None = None
        stem = re.sub(r"[^\w.-]", "_", options["client_id"] or "consumer", flags=re.ASCII)
        token = token_hex(6)
        self._ids = (f"{stem}-{token}-{number}" for number in count(1))
        self._options = options
        self._state = self._new_state()

    def _new_state(self) -> State:
        return State(
            self._ids.__next__,
            session=self._who.session,
            interval=self._options.seconds("heartbeat_interval_ms"),
            max_poll_interval=self._options.seconds("max_poll_interval_ms"),
            tell=lambda level, text: log.log(level, "group %s: %s", self._who.group, text),
        )

    @property
    def member_id(self) -> str:
        """Who this member is; another one after it was expelled."""
        return self._state.member_id

    def metadata(self) -> ConsumerGroupMetadata:
        """Return this member's identity. From any thread."""
        with self._news:
            state = self._state
            stage = MemberState.STABLE if state.at_rest else MemberState.REBALANCING
            if self._heart is None:
                stage = MemberState.UNJOINED
            instance = self._who.instance or None
            return ConsumerGroupMetadata(
                self._who.group, state.epoch, state.member_id, instance, stage
            )

    def subscribe(self, topics: Collection[str]) -> None:
        """Make `topics` what this member wants; the first time, start to live."""
        if os.getpid() != self._pid:
            msg = "this client was made before a fork: make one in the child"
            raise IllegalStateError(msg)
        with self._news:
            if self._heart is None:
                self._heart = Heart(self._state, self._news, self._plan)
                self._heart.start()
            self._heart.want(topics)

    def refresh(self) -> None:
        """Have the topics looked up again now: one of them was found to be another."""
        with self._news:
            self._wake(refresh=True)

    def turn(self) -> Turn:
        """Return what changed, and count as a poll.

        Raises:
            FencedInstanceIdError: another process has this `group_instance_id`.
            InconsistentGroupProtocolError: the group is of another type, or shares no strategy.
            KafkaError: another failure that no repetition mends: ACL, password, assignor.

        """
        with self._news:
            due = self._state.next_beat()
            try:
                return self._state.turn(clock())
            finally:
                if self._state.next_beat() < due:
                    self._wake()

    def released(self, partitions: Iterable[Owned]) -> None:
        """Give back partitions: the listener has run and the last commit is answered."""
        with self._news:
            self._state.released(partitions, clock())
            self._wake()

    def refused(self, partition: Owned, fence: int) -> None:
        """Drop a partition: a claim or commit was answered FENCED `fence`."""
        with self._news:
            self._state.refused(partition, fence, clock())
            self._wake()

    def holds_lease(self) -> bool:
        """Return whether all that `turn` gave is still ours."""
        with self._news:
            return self._state.holds_lease(clock())

    def wait(self, timeout: float) -> bool:
        """Wait until `turn` has something to say; return whether it has."""
        with self._news:
            return self._news.wait_for(lambda: self._state.has_news(clock()), timeout)

    def leave(self, timeout: float) -> None:
        """Leave the group, unless static, and stop. All that was held is gone without a word."""
        heart = self._heart
        if os.getpid() != self._pid or heart is None:
            return
        self._stop(heart, timeout, leave=not self._who.instance)
        with self._news:
            # Another one: if the thread is still stuck in a call, it keeps the old one.
            self._heart, self._state = None, self._new_state()

    def _stop(self, heart: Heart, timeout: float, *, leave: bool) -> None:
        with self._news:
            heart.stop(leave=leave)
        heart.join(timeout)
        if heart.is_alive():
            log.warning("group %s: left without an answer", self._who.group)

    def _wake(self, *, refresh: bool = False) -> None:
        if self._heart is not None:
            (self._heart.refresh if refresh else self._heart.wake)()


def _identity(options: Options) -> Identity:
    about = {"client_id": options["client_id"] or "", "host": socket.gethostname()}
    return Identity(
        options["group_id"],
        options["group_instance_id"] or "",
        json.dumps(about),
        options.seconds("session_timeout_ms"),
    )
