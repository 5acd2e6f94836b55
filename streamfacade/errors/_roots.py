"""The roots of the tree: what an error can say about itself, and the families others join."""

from __future__ import annotations

from typing import ClassVar


def _first_paragraph(doc: str) -> str:
    return " ".join(doc.strip().partition("\n\n")[0].split())


class KafkaError(Exception):
    """Something went wrong in the library or on the server behind it; catches everything here.

    Two errors are equal when their class and their arguments are. Errors stay hashable, so
    they can be collected in sets and counted; the hash is the class's alone, because an
    argument may be unhashable.
    """

    retriable: ClassVar[bool] = False
    """Whether the same call may succeed later without any change."""

    invalid_metadata: ClassVar[bool] = False
    """Whether what the client believes about topics and leaders should be fetched anew."""

    description: ClassVar[str] = _first_paragraph(__doc__ or "")
    """The first paragraph of the class's docstring, on one line (empty under `python -OO`)."""

    def __init_subclass__(cls, **kwargs: object) -> None:
        """Read the description off the docstring; a class without one keeps its parent's."""
        super().__init_subclass__(**kwargs)
        if cls.__doc__:
            cls.description = _first_paragraph(cls.__doc__)

    def __str__(self) -> str:
        """Name the class, then what the error was raised with."""
        name = type(self).__name__
        return f"{name}: {super().__str__()}" if self.args else name

    def __eq__(self, other: object) -> bool:
        """Compare class and arguments, so that tests can state the error they expect."""
        if not isinstance(other, KafkaError):
            return NotImplemented
        return type(self) is type(other) and self.args == other.args

    def __hash__(self) -> int:
        """Agree with `__eq__` whatever the arguments are."""
        return hash(type(self))


class RetriableError(KafkaError):
    """A passing condition stopped the call; the same call may succeed a moment later."""

    retriable = True


class InvalidMetadataError(RetriableError):
    """The client acted on an outdated picture of the cluster and has to look again first."""

    invalid_metadata = True


class BrokerResponseError(KafkaError):
    """The server refused a request and answered with a number of Kafka's protocol."""

    errno: ClassVar[int] = -1
    """The protocol's number; -1 on a family that has none of its own."""

    message: ClassVar[str] = "UNKNOWN"
    """The protocol's name for that number, such as `OFFSET_OUT_OF_RANGE`."""

    def __str__(self) -> str:
        """Put the number in front, where people search for it."""
        return f"[Error {self.errno}] {super().__str__()}"


class AuthorizationError(BrokerResponseError):
    """The server knows who is calling and does not let them do this; catches each such case."""


class NoError(BrokerResponseError):
    """The request succeeded: number 0, here so that every answer has a class, never raised."""

    errno = 0
    message = "NO_ERROR"


class UnknownError(BrokerResponseError):
    """The server failed for a reason it has no number for; its log tells more."""

    errno = -1
    message = "UNKNOWN"
