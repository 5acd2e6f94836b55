"""Waiting until something happens: the group's bell rings, the polling thread calls, time is up."""

from __future__ import annotations

import logging
import selectors
import socket
import time
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from streamfacade.errors import KafkaError
from streamfacade_redis.connection import pack
from streamfacade_redis.membership.wire import ring

if TYPE_CHECKING:
    from streamfacade_redis.connection import Link

log = logging.getLogger(__name__)

_BLOCK = 10.0
"""Seconds that one XREAD waits at the server; without an answer much later the line is dead."""
_GRACE = 5.0


class Bell:
    """A connection that does nothing but wait, and a socket to interrupt the waiting.

    While Redis runs a blocking command, nothing else gets through on its connection: heartbeats
    that cannot wait for the bell need another one.
    """

    def __init__(self, link: Link, key: str) -> None:
        """Remember where the bell hangs; nothing is connected yet."""
        self._link = link
        self._key = key
        self._last = b"0-0"
        self._asked = 0.0
        self._ear, self._mouth = socket.socketpair()
        self._ear.settimeout(0.0)
        self._mouth.settimeout(0.0)

    def wake(self) -> None:
        """End the present or the next `wait`. From any thread."""
        try:
            self._mouth.send(b"!")
        except OSError:
            return  # full: it will wake up anyway; closed: nobody waits

    def wait(self, timeout: float, *, listen: bool) -> tuple[int, int] | None:
        """Wait; return what the bell said (epoch, epoch of the target), if it rang.

        With `listen` false, or on a broken connection, it waits without the bell: that only makes
        changes known later, at the next heartbeat.
        """
        sockets = [self._ear]
        try:
            if listen:
                sockets.append(self._listen())
            ready = _ready(sockets, timeout)
            self._drain()
            return self._hear() if listen and sockets[-1] in ready else None
        except (KafkaError, RedisError, OSError, ValueError) as error:
            log.debug("the bell %s is not heard for a second: %s", self._key, error)
            self._hang_up()
            _ready([self._ear], min(timeout, 1.0))
            return None

    def _listen(self) -> socket.socket:
        late = time.monotonic() - self._asked > _BLOCK + _GRACE
        if self._asked and late:
            self._hang_up()
        if not self._asked:
            if not self._link.is_open:
                self._link.connect()
            block = int(_BLOCK * 1000)
            self._link.send(pack(("XREAD", "BLOCK", str(block), "STREAMS", self._key, self._last)))
            self._asked = time.monotonic()
        return self._link.socket

    def _hear(self) -> tuple[int, int] | None:
        reply = self._link.read()
        self._asked = 0.0
        if not reply:
            return None
        self._last, entry = reply[0][1][-1]
        return ring(entry)

    def _drain(self) -> None:
        try:
            while self._ear.recv(64):
                pass
        except BlockingIOError:
            return

    def _hang_up(self) -> None:
        self._asked = 0.0
        self._link.close()

    def close(self) -> None:
        """Close the connection and the sockets."""
        self._hang_up()
        self._ear.close()
        self._mouth.close()


def _ready(sockets: list[socket.socket], timeout: float) -> list[object]:
    """Wait for one of the sockets; unlike `select`, whatever their numbers are."""
    with selectors.DefaultSelector() as selector:
        for one in sockets:
            selector.register(one, selectors.EVENT_READ)
        return [key.fileobj for key, _ in selector.select(max(timeout, 0.0))]
