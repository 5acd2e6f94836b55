"""What a group's hashes say of it. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from streamfacade.driver_groups import GroupInfo, GroupMember, GroupState, GroupType
from streamfacade.structs import TopicPartition
from streamfacade_redis.membership.wire import lines

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamfacade_redis.membership.wire import Line

HEADER = ("type", "epoch", "tepoch", "strategies")
_TYPES = {"share": GroupType.SHARE}


def info(group: str, header: list[Any], fields: list[bytes], listed: bytes | None) -> GroupInfo:
    """Describe a group by its header, its members' hash and its line in the registry."""
    kind, epoch, target_epoch, strategies = (_text(value) for value in header)
    if not kind and listed is None:
        return GroupInfo(group)
    texts = [_text(value) for value in fields]
    told = dict(zip(texts[::2], texts[1::2], strict=True))
    members = lines(told)
    known = kind or _text(listed).partition(" ")[0]
    return GroupInfo(
        group,
        _state(members, told, settled=epoch == target_epoch),
        _TYPES.get(known, GroupType.CLASSIC),
        # Whoever joined brought strategies; who only commits from outside has none.
        known if strategies else "",
        strategies.partition(",")[0] if members else "",
        [_member(name, line, told) for name, line in sorted(members.items())],
    )


def _state(members: Mapping[str, Line], told: Mapping[str, str], *, settled: bool) -> GroupState:
    if not members:
        return GroupState.EMPTY
    if not settled:
        return GroupState.PREPARING_REBALANCE
    wanted = {name: set(told.get(f"t:{name}", "").split()) for name in members}
    have = {name: {one.place for one in line.current} for name, line in members.items()}
    return GroupState.STABLE if wanted == have else GroupState.COMPLETING_REBALANCE


def _member(name: str, line: Line, told: Mapping[str, str]) -> GroupMember:
    instance, _, about = told.get(f"j:{name}", "").partition(" ")
    who = json.loads(about or "{}")
    return GroupMember(
        name,
        unquote(instance) or None,
        who.get("client_id", ""),
        who.get("host", ""),
        line.topics,
        frozenset(TopicPartition(one.topic, one.partition) for one in line.current),
    )


def _text(value: bytes | None) -> str:
    return "" if value is None else value.decode()
