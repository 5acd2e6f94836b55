"""What the scripts `heartbeat` and `install` are told and what they answer. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha1
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from streamfacade_redis.keys import Namespace


class Owned(NamedTuple):
    """A partition of one incarnation of a topic, owned under a fence."""

    topic: str
    topic_id: str
    partition: int
    fence: int

    @property
    def place(self) -> str:
        """The partition as the group's keys name it."""
        return f"{self.topic}/{self.topic_id}/{self.partition}"


class Turn(NamedTuple):
    """What changed since the last turn; to be handled in this order."""

    lost: frozenset[Owned]
    revoked: frozenset[Owned]
    granted: frozenset[Owned]


@dataclass(frozen=True)
class Beat:
    """A heartbeat on its way. Only the last one sent counts; `sent` starts a lease."""

    sent: float
    op: str
    member: str
    subscription: str = ""
    releases: frozenset[Owned] = frozenset()
    seen: int = 0
    settled: int = 0


@dataclass(frozen=True)
class Identity:
    """What does not change while a consumer lives."""

    group: str
    instance: str
    info: str
    session: float
    kind: str = "consumer"


@dataclass(frozen=True)
class Answer:
    """A heartbeat's reply. `snapshot`: fields of the members, when a target is to be computed."""

    word: str
    detail: str = ""
    epoch: int = 0
    stable: bool = False
    assigned: frozenset[Owned] = frozenset()
    giving_back: frozenset[Owned] = frozenset()
    waiting: int = 0
    earliest: float = 0.0
    snapshot: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Line:
    """One member in a snapshot."""

    strategies: tuple[str, ...]
    topics: frozenset[str]
    current: frozenset[Owned] = field(default_factory=frozenset)


def heartbeat_keys(namespace: Namespace, group: str) -> tuple[str, ...]:
    """Return the keys of `heartbeat`: header, members, deadlines, owners, bell."""
    return tuple(namespace.group(group, part) for part in "hmdoe")


def install_keys(namespace: Namespace, group: str) -> tuple[str, ...]:
    """Return the keys of `install`: header, members, bell."""
    return tuple(namespace.group(group, part) for part in "hme")


def arguments(beat: Beat, who: Identity) -> tuple[Any, ...]:
    """Return the arguments of `heartbeat`."""
    releases = " ".join(f"{owned.place}={owned.fence}" for owned in sorted(beat.releases))
    instance = quote(who.instance, safe="")
    return (
        beat.member, beat.op, who.kind, int(who.session * 1000), instance, beat.subscription,
        who.info, releases, beat.seen, beat.settled or "",
    )  # fmt: skip


def answer(reply: list[Any]) -> Answer:
    """Read what `heartbeat` answered."""
    word = _text(reply[0])
    if word == "SAME":
        return Answer(word, earliest=int(reply[1]) / 1000)
    if word != "OK":
        return Answer(word, detail=_text(reply[1]) if len(reply) > 1 else "")
    _, epoch, stable, assigned, giving_back, waiting, earliest, *rest = reply
    fields = [_text(value) for value in rest[0]] if rest and rest[0] else None
    snapshot = dict(zip(fields[::2], fields[1::2], strict=True)) if fields else None
    return Answer(
        word, "", int(epoch), bool(stable), grants(_text(assigned)), grants(_text(giving_back)),
        int(waiting), int(earliest) / 1000, snapshot,
    )  # fmt: skip


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def grants(text: str) -> frozenset[Owned]:
    """Read `topic/id/partition=fence ...`."""
    return frozenset(_grant(word) for word in text.split())


def _grant(word: str) -> Owned:
    place, _, fence = word.partition("=")
    topic, topic_id, partition = place.split("/")
    return Owned(topic, topic_id, int(partition), int(fence))


def subscription(
    topics: Collection[str],
    strategies: Collection[str],
    registry: Mapping[str, tuple[str, int]],
) -> str:
    """Return the line that says what a member wants, with a digest of what those topics are.

    No script can see a topic change, as it lives elsewhere: the changed digest says it.
    """
    facts = " ".join(f"{t}/{registry[t][0]}/{registry[t][1]}" for t in sorted(registry))
    digest = sha1(facts.encode(), usedforsecurity=False).hexdigest()[:16]
    return " ".join([digest, ",".join(strategies), *sorted(topics)])


def lines(snapshot: Mapping[str, str]) -> dict[str, Line]:
    """Return the members of a snapshot by id."""
    members = {}
    for name, value in snapshot.items():
        if name.startswith("s:"):
            _version, _digest, strategies, *topics = value.split(" ")
            current = grants(snapshot.get(f"c:{name[2:]}", ""))
            members[name[2:]] = Line(tuple(strategies.split(",")), frozenset(topics), current)
    return members


def ring(entry: list[Any]) -> tuple[int, int]:
    """Read an entry of the bell: the epoch, and the epoch of the target."""
    values = dict(zip(entry[::2], entry[1::2], strict=True))
    return int(values[b"epoch"]), int(values[b"target"])
