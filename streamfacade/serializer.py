"""Turning the application's keys and values into bytes and back.

A serializer is an object with `serialize(topic, headers, data)` or a plain callable
`f(data)`; a plain callable is called for None too, as kafka-python does.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamfacade.structs import Headers

    Convert = Callable[[str, Headers, Any], Any]


class Serializer(ABC):
    """Makes bytes (or None) of a key or value."""

    @abstractmethod
    def serialize(self, topic: str, headers: Headers, data: Any) -> bytes | None:
        """Return the bytes to store for `data`."""

    def close(self) -> None:  # noqa: B027 - most hold nothing
        """Release what the serializer holds; called when its producer closes."""


class Deserializer(ABC):
    """Makes a key or value of bytes (or None)."""

    @abstractmethod
    def deserialize(self, topic: str, headers: Headers, data: bytes | None) -> Any:
        """Return what the application gets for `data`."""

    def close(self) -> None:  # noqa: B027 - most hold nothing
        """Release what the deserializer holds; called when its consumer closes."""


class DefaultSerializer(Serializer, Deserializer):
    """Text in an encoding; bytes and None pass through."""

    def __init__(self, encoding: str = "utf-8") -> None:
        """Use `encoding` both ways. Defaults to UTF-8."""
        self.encoding = encoding

    def serialize(self, topic: str, headers: Headers, data: Any) -> bytes | None:
        """Encode text."""
        if data is None or isinstance(data, (bytes, bytearray, memoryview)):
            return data  # type: ignore[return-value] # the producer takes any buffer
        encoded: bytes = data.encode(self.encoding)
        return encoded

    def deserialize(self, topic: str, headers: Headers, data: bytes | None) -> Any:
        """Decode text."""
        return None if data is None else data.decode(self.encoding)


class JsonSerializer(DefaultSerializer):
    """JSON; None stays None, so tombstones stay tombstones."""

    def serialize(self, topic: str, headers: Headers, data: Any) -> bytes | None:
        """Dump to JSON text."""
        return None if data is None else json.dumps(data).encode(self.encoding)

    def deserialize(self, topic: str, headers: Headers, data: bytes | None) -> Any:
        """Load from JSON text."""
        return None if data is None else json.loads(data.decode(self.encoding))


def bind(converter: Any, method: str) -> Convert | None:
    """Return `converter` as one call of (topic, headers, data), or None where nothing converts."""
    if converter is None:
        return None
    bound: Convert | None = getattr(converter, method, None)
    if bound is not None:
        return bound
    return lambda _topic, _headers, data: converter(data)


def release(*converters: Any) -> None:
    """Close those converters that have a `close`."""
    for converter in converters:
        if isinstance(converter, (Serializer, Deserializer)):
            converter.close()
