"""The Lua room: one verb a file, loaded on every new connection, called by its digest.

`SCRIPT LOAD`ed scripts are never evicted (those of EVAL are, beyond 500), but they die with the
server, and a promoted replica has none: hence on every connection.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha1
from importlib.resources import files

NAMES = (
    "append",
    "fence",
    "group_forget",
    "heartbeat",
    "install",
    "offset_delete",
    "repair",
    "topic_create",
    "topic_delete",
    "trim",
)


@dataclass(frozen=True)
class Script:
    """A script and its digest."""

    name: str
    text: bytes
    digest: bytes


def _read(name: str) -> Script:
    text = files("streamfacade_redis").joinpath("lua", f"{name}.lua").read_bytes()
    return Script(name, text, sha1(text).hexdigest().encode())  # noqa: S324 - Redis's own digest


SCRIPTS = {name: _read(name) for name in NAMES}
