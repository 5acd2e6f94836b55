"""What may be sent: names, types and sizes, checked before anything is buffered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamfacade.errors import MessageSizeTooLargeError

if TYPE_CHECKING:
    from streamfacade.structs import Headers

_RECORD_OVERHEAD = (
    82  # batch header 61 and at most 21 for a record's own fields (Kafka's format v2)
)
_HEADER_OVERHEAD = 10  # two varints of at most 5 bytes


def raw(what: str, data: Any) -> bytes | None:
    """Return a key or value as bytes; a buffer is copied, as it may change later."""
    if data is None or type(data) is bytes:
        return data
    if isinstance(data, (bytes, bytearray, memoryview)):
        return bytes(data)
    hint = f"; pass {what}_serializer=str.encode" if isinstance(data, str) else ""
    msg = f"a {what} must be bytes or None, not {type(data).__name__}{hint}"
    raise TypeError(msg)


def headers_list(headers: Any) -> Headers | None:
    """Return headers that are a list of (str, bytes), None where there are none.

    Raises:
        TypeError: they are something else.
        ValueError: a name that not every backend can carry.

    """
    if headers is None:
        return None
    if not isinstance(headers, list) or not all(map(_is_header, headers)):
        msg = f"headers must be a list of (str, bytes) tuples, not {headers!r:.100}"
        raise TypeError(msg)
    if any("\0" in name for name, _ in headers):
        msg = "a header's name must not contain NUL: librdkafka would end the name there"
        raise ValueError(msg)
    return [(name, bytes(value)) for name, value in headers] or None


def _is_header(header: Any) -> bool:
    return (
        isinstance(header, tuple)
        and len(header) == 2  # noqa: PLR2004 - a pair
        and isinstance(header[0], str)
        and isinstance(header[1], (bytes, bytearray, memoryview))
    )


def timestamp(value: Any) -> int:
    """Return a timestamp in milliseconds that is a whole number and not negative."""
    if not isinstance(value, int) or isinstance(value, bool):
        msg = f"timestamp_ms must be an int, not {type(value).__name__}"
        raise TypeError(msg)
    if value < 0:
        msg = f"timestamp_ms must not be negative: {value}"
        raise ValueError(msg)
    return value


def estimated_size(key: bytes | None, value: bytes | None, headers: Headers | None) -> int:
    """Return a record's size in a Kafka batch, at most a few bytes too high."""
    size = _RECORD_OVERHEAD + len(key or b"") + len(value or b"")
    if headers:
        size += sum(_HEADER_OVERHEAD + len(name.encode()) + len(data) for name, data in headers)
    return size


def too_large(size: int, limit: int) -> MessageSizeTooLargeError:
    """Return the error for a record above `max_request_size`."""
    return MessageSizeTooLargeError(
        f"the record takes {size} bytes, more than max_request_size={limit}:"
        " send less, or raise it here and max.message.bytes on the topic"
    )


def not_callable(on_delivery: Any) -> TypeError:
    """Return the error for a callback that cannot be called."""
    return TypeError(f"on_delivery must be callable, not {type(on_delivery).__name__}")


def timeout(seconds: Any) -> float | None:
    """Return a timeout in seconds, None for none."""
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        msg = f"timeout must be a number of seconds, not {type(seconds).__name__}"
        raise TypeError(msg)
    if not seconds >= 0:
        msg = f"timeout must not be negative: {seconds}"
        raise ValueError(msg)
    return seconds
