"""Records as lines: plain ones, and JSON that a record survives both ways.

In JSON, keys, values and header values are text; bytes that are not UTF-8 are
{"base64": "…"}. Headers are an object, or a list of [name, value] where a name repeats.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamfacade import ConsumerRecord
    from streamfacade.structs import Headers

    Record = ConsumerRecord[bytes | None, bytes | None]

_SENT = {"key", "value", "headers", "partition", "timestamp_ms"}
_IGNORED = {"topic", "offset"}  # so that what consume prints can be produced elsewhere


def separator(given: str | None) -> bytes | None:
    r"""Return the separator's bytes; \t is a tab, which shells make hard to type."""
    return None if given is None else given.replace("\\t", "\t").encode()


def plain(record: Record, between: bytes | None) -> bytes:
    """Return the value's bytes, behind the key's if something is to stand between them."""
    start = b"" if between is None else (record.key or b"") + between
    return start + (record.value or b"") + b"\n"


def from_plain(line: bytes, between: bytes | None) -> dict[str, Any]:
    """Return what to produce for a plain line.

    Raises:
        ValueError: there is no separator in it.

    """
    line = line.removesuffix(b"\n").removesuffix(b"\r")
    if between is None:
        return {"value": line}
    key, found, value = line.partition(between)
    if not found:
        msg = f"no separator {between.decode()!r} in it"
        raise ValueError(msg)
    return {"key": key, "value": value}


def to_json(record: Record) -> bytes:
    """Return a record as a line of JSON."""
    fields = {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp_ms": record.timestamp if record.timestamp >= 0 else None,
        "key": _text(record.key),
        "value": _text(record.value),
        "headers": _headers(record.headers),
    }
    return json.dumps(fields, ensure_ascii=False).encode() + b"\n"


def _headers(headers: Headers) -> Any:
    pairs = [[name, _text(value)] for name, value in headers]
    names = {name for name, _ in headers}
    return dict(pairs) if len(names) == len(pairs) else pairs


def _text(data: bytes | None) -> Any:
    if data is None:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def from_json(line: bytes) -> dict[str, Any]:
    """Return what to produce for a line of JSON.

    Raises:
        ValueError: it is no JSON object, or has fields that a record has not.

    """
    fields = json.loads(line)
    if not isinstance(fields, dict):
        msg = "not a JSON object"
        raise ValueError(msg)  # noqa: TRY004 - what is wrong is the line
    if unknown := fields.keys() - _SENT - _IGNORED:
        msg = f"unknown {', '.join(sorted(unknown))}; a record has {', '.join(sorted(_SENT))}"
        raise ValueError(msg)
    return {
        "key": _bytes(fields.get("key")),
        "value": _bytes(fields.get("value")),
        "headers": _pairs(fields.get("headers")),
        "partition": fields.get("partition"),
        "timestamp_ms": fields.get("timestamp_ms"),
    }


def _pairs(headers: Any) -> Headers | None:
    if not headers:
        return None
    pairs = headers.items() if isinstance(headers, dict) else headers
    try:
        return [(name, _bytes(value) or b"") for name, value in pairs]
    except (TypeError, ValueError) as error:
        msg = f"headers are an object or a list of [name, value], not {json.dumps(headers)}"
        raise ValueError(msg) from error


def _bytes(value: Any) -> bytes | None:
    """Return the bytes that a JSON value stands for; one that is no text becomes its own JSON."""
    if value is None:
        return None
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, dict) and value.keys() == {"base64"}:
        return _decoded(value["base64"])
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _decoded(text: Any) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        msg = f"not base64: {text!r}"
        raise ValueError(msg) from error
