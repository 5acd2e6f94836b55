"""From a number of the protocol to its class."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

# Imported for the classes they define, which the table below finds.
from . import _access, _cluster, _groups, _records, _topics, _transactions, _versions  # noqa: F401
from ._roots import BrokerResponseError, UnknownError

if TYPE_CHECKING:
    from collections.abc import Iterator


def for_code(error_code: int) -> type[BrokerResponseError]:
    """Return the class of a protocol number.

    A number that is not known here, from a newer server, gets a subclass of `UnknownError`
    which keeps it: the same class each time, so that such errors compare like the others.
    """
    return _BY_CODE.get(error_code) or _unrecognized(error_code)


class _UnrecognizedBrokerError(UnknownError):
    """The server answered with a number that this release of the library does not know."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Its class is made on the fly, so another process has to make it too.
        return _revive, (self.errno, self.args), self.__dict__


@cache
def _unrecognized(error_code: int) -> type[BrokerResponseError]:
    return type("UnrecognizedBrokerError", (_UnrecognizedBrokerError,), {"errno": error_code})


def _revive(error_code: int, args: tuple[object, ...]) -> BrokerResponseError:
    return for_code(error_code)(*args)


def _numbered(
    family: type[BrokerResponseError],
) -> Iterator[tuple[int, type[BrokerResponseError]]]:
    """Walk the classes that state a number themselves: one that inherits it does not compete."""
    for cls in family.__subclasses__():
        if "errno" in vars(cls):
            yield cls.errno, cls
        yield from _numbered(cls)


_BY_CODE = dict(_numbered(BrokerResponseError))
