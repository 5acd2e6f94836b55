"""redis-server from this machine."""

import shutil
import socket
from collections.abc import Sequence
from contextlib import suppress

from tests.brokers.server import HOST, Server, Unavailable

MISSING = "no redis-server program here (on Debian: apt-get install redis-server)"


class RedisServer(Server):
    """A Redis of one's own; with `aof`, what it acknowledged survives `kill`."""

    scheme = "redis"

    def __init__(self, *, aof: bool = False, args: Sequence[str] = ()) -> None:
        super().__init__()
        self._args = [*(_DURABLE if aof else ()), *args]

    @property
    def url(self) -> str:
        """What a client needs to connect: database 0."""
        return f"{super().url}/0"

    def _command(self) -> list[str]:
        program = shutil.which("redis-server")
        if not program:
            raise Unavailable(MISSING)
        place = ["--bind", HOST, "--port", str(self.port), "--dir", str(self.directory)]
        return [program, *place, "--save", "", *self._args]

    def _answers(self) -> bool:
        return ready(HOST, self.port)


def ready(host: str, port: int) -> bool:
    """Whether a Redis serves there; one that wants a password does, one that loads does not."""
    with suppress(OSError), socket.create_connection((host, port), timeout=1) as connection:
        connection.sendall(b"PING\r\n")
        return connection.recv(64).startswith((b"+PONG", b"-NOAUTH"))
    return False


_DURABLE = ("--appendonly", "yes", "--appendfsync", "always")
