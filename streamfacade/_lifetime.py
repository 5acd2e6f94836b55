"""Clients and the process: what a fork and the interpreter's end do to those still open."""

from __future__ import annotations

import atexit
import os
from typing import Protocol
from weakref import WeakSet

from streamfacade.errors import IllegalStateError


class Client(Protocol):
    """What a client must let the process do to it."""

    _unusable: str

    def _at_exit(self) -> None:
        """Save what can be saved in a second."""


_open: WeakSet[Client] = WeakSet()


def opened(client: Client) -> None:
    """Watch over a client until `closed`."""
    _open.add(client)


def closed(client: Client) -> None:
    """Forget a client."""
    _open.discard(client)


def refuse(why: str) -> IllegalStateError:
    """Return the error for a call on a client that is closed or came through a fork."""
    return IllegalStateError(why)


def _forked() -> None:
    """Make clients unusable in a child: their threads stayed behind, their sockets are shared."""
    for client in list(_open):
        client._unusable = "this client was made before a fork: make one in the child"  # noqa: SLF001 - ours
    _open.clear()


@atexit.register
def _exit() -> None:
    for client in list(_open):
        client._at_exit()  # noqa: SLF001 - ours


os.register_at_fork(after_in_child=_forked)
