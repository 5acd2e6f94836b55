"""A member's identity in librdkafka's own words.

The bindings hand it from consumer to producer as bytes: a magic word, the generation as a native
int, then texts that end with a zero byte: group, member, and (after a byte that says whether it
is missing) the instance.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

_MAGIC = b"CGMDv2:"
_GENERATION = struct.Struct("=i")
_PRESENT, _MISSING = b"\0", b"\1"


class Identity(NamedTuple):
    """Who a consumer is for its group; generation -1: nobody yet."""

    group_id: str
    generation: int = -1
    member_id: str = ""
    instance_id: str | None = None


def pack(identity: Identity) -> bytes:
    """Return the bytes that the bindings take."""
    texts = [identity.group_id.encode(), b"\0", identity.member_id.encode(), b"\0"]
    instance = identity.instance_id
    last = _MISSING if instance is None else _PRESENT + instance.encode() + b"\0"
    return b"".join([_MAGIC, _GENERATION.pack(identity.generation), *texts, last])


def unpack(data: bytes) -> Identity:
    """Read what the bindings give.

    Raises:
        ValueError: another version of librdkafka writes it differently.

    """
    if not data.startswith(_MAGIC):
        raise ValueError(f"cannot read the group metadata of this librdkafka: {data[:8]!r}")
    (generation,) = _GENERATION.unpack_from(data, len(_MAGIC))
    group, member, rest = data[len(_MAGIC) + _GENERATION.size :].split(b"\0", 2)
    instance = None if rest[:1] == _MISSING else rest[1:].rstrip(b"\0").decode()
    return Identity(group.decode(), generation, member.decode(), instance)
