"""Means of the Redis driver's tests: scripts called by hand, a proxy, threads."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streamfacade_redis.keys import BIAS, Namespace, PartitionKeys
from streamfacade_redis.scripts import SCRIPTS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import redis

HERE = "run-1"
"""The run id of a server, where a test makes one up."""


@dataclass(frozen=True)
class Partition:
    """One partition on a server, its scripts called as the driver calls them."""

    raw: redis.Redis
    topic: str
    topic_id: str
    keys: PartitionKeys

    @classmethod
    def of(cls, raw: redis.Redis, topic: str, partition: int = 0) -> Partition:
        """Find a partition of a topic that exists."""
        names = Namespace()
        topic_id = json.loads(raw.hget(names.topics, topic))["id"]
        return cls(raw, topic, topic_id, names.partition(topic, topic_id, partition))

    def script(self, name: str, keys: Sequence[str], *arguments: Any) -> list[Any]:
        """Call a script."""
        return self.raw.eval(SCRIPTS[name].text, len(keys), *keys, *arguments)

    def append(
        self, values: Sequence[bytes] = (b"v",), *, pid: str = "p", epoch: int = 0, seq: int = 0,
        run: str = HERE, stamps: Sequence[int] = (), topic_id: str = "",
    ) -> list[Any]:  # fmt: skip
        """Append values in the uniform form."""
        stamps = stamps or [1] * len(values)
        rows = [item for pair in zip(stamps, values, strict=True) for item in pair]
        return self.call_append([1, b"v", *rows], len(values), pid, epoch, seq, run, topic_id)

    def append_mixed(
        self, entries: Sequence[Sequence[Any]], *, pid: str = "p", epoch: int = 0, seq: int = 0
    ) -> list[Any]:
        """Append entries given as field, value, field, value, … in the mixed form."""
        flat: list[Any] = [0]
        for fields in entries:
            flat += [1, 1, len(fields), *fields]
        return self.call_append(flat, len(entries), pid, epoch, seq, HERE, "")

    def call_append(
        self, arguments: Sequence[Any], count: int, pid: str, epoch: int, seq: int, run: str,
        topic_id: str,
    ) -> list[Any]:  # fmt: skip
        """Call `append`."""
        k = self.keys
        return self.script(
            "append", (k.state, k.log, k.producers, k.segments),
            topic_id or self.topic_id, run, pid, epoch, seq, count, *arguments,
        )  # fmt: skip

    def fence(
        self, op: str, group: str, member: str = "", fence: int = 0, counter: int = 0,
        offset: int = -1, epoch: int = -1, metadata: str = "",
    ) -> list[Any]:  # fmt: skip
        """Call `fence`."""
        k = self.keys
        return self.script(
            "fence", (k.state, k.log, k.groups),
            self.topic_id, group, op, member, fence, counter, offset, epoch, metadata,
        )  # fmt: skip

    def trim(self, target: int = -1, most: int = 100, topic_id: str = "") -> list[Any]:
        """Call `trim`."""
        k = self.keys
        keys = (k.state, k.log, k.segments)
        return self.script("trim", keys, topic_id or self.topic_id, target, most)

    def repair(self, topic_id: str = "") -> list[Any]:
        """Call `repair`."""
        return self.script("repair", (self.keys.state, self.keys.log), topic_id or self.topic_id)

    def bounds(self) -> tuple[int, int]:
        """Return start and end as the state has them."""
        start, leo = self.raw.hmget(self.keys.state, "start", "leo")
        return int(start), int(leo)

    def entries(self) -> list[tuple[int, int, list[bytes]]]:
        """Return the log as (offset, timestamp, fields), as XRANGE shows it."""
        found = []
        for entry_id, fields in self.raw.xrange(self.keys.log):
            major, minor = entry_id.split(b"-")
            flat = [item for pair in fields.items() for item in pair]
            found.append((int(major) - BIAS, int(minor), flat))
        return found

    def values(self) -> list[bytes]:
        """Return the values in the log."""
        return [fields[b"v"] for _, fields in self.raw.xrange(self.keys.log) if b"v" in fields]

    def group(self, name: str) -> dict[str, Any]:
        """Return one line of XINFO GROUPS."""
        groups = self.raw.xinfo_groups(self.keys.log)
        return next(group for group in groups if group["name"] == name.encode())


def entry_id(offset: int, minor: int = 1) -> str:
    """Return the id of the entry at an offset."""
    return f"{BIAS + offset}-{minor}"


def in_thread(action: Callable[[], Any]) -> threading.Thread:
    """Start something beside the test."""
    thread = threading.Thread(target=action, daemon=True)
    thread.start()
    return thread
