"""For those who are no members: may one commit, and who is to be shown the door."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamfacade.errors import InconsistentGroupProtocolError
from streamfacade_redis.membership.wire import (
    Answer,
    Beat,
    Identity,
    answer,
    arguments,
    heartbeat_keys,
)

if TYPE_CHECKING:
    from streamfacade_redis.connection import Link
    from streamfacade_redis.keys import Namespace


def number_for_outsider(link: Link, namespace: Namespace, group: str) -> int | None:
    """Return a fence above all that members were granted; None while the group has members.

    With it, `fence` op `clear` takes a partition from an owner that is dead.

    Raises:
        InconsistentGroupProtocolError: it is a share group.

    """
    reply = _ask(link, namespace, Identity(group, "", "", 0.0), Beat(0.0, "fence", ""))
    return int(reply.detail) if reply.word == "NUMBER" else None


def remove_member(
    link: Link, namespace: Namespace, group: str, *, member: str = "", instance: str = ""
) -> str | None:
    """Expel a member, named by its id or its instance; return its id, None if there is none."""
    who = Identity(group, instance, "", 0.0)
    reply = _ask(link, namespace, who, Beat(0.0, "remove", member))
    return reply.detail if reply.word == "REMOVED" else None


def _ask(link: Link, namespace: Namespace, who: Identity, beat: Beat) -> Answer:
    keys = heartbeat_keys(namespace, who.group)
    reply = answer(link.script("heartbeat", keys, *arguments(beat, who)))
    if reply.word == "TYPE":
        msg = f"group {who.group} is of type {reply.detail}"
        raise InconsistentGroupProtocolError(msg)
    return reply
