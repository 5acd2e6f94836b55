"""A tiny TCP proxy that loses replies after the server has done what was asked."""

from __future__ import annotations

import socket
import threading
from contextlib import ExitStack, suppress

from tests.brokers.server import HOST


class Proxy:
    """Stands before a server: `swallow(n)` drops the next n replies' worth of data and hangs up."""

    def __init__(self, port: int) -> None:
        """Listen on a port of its own."""
        self._target = port
        self._server = socket.create_server((HOST, 0))
        self.port = self._server.getsockname()[1]
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._armed = threading.Semaphore(0)
        self.swallowed = 0
        self._marker = b""
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The server's URL through the proxy."""
        return f"redis://{HOST}:{self.port}/0"

    def swallow(self, marker: bytes) -> None:
        """Lose the next replies that follow a request with `marker` in it, and hang up."""
        self._marker = marker
        self._armed.release()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
                server = socket.create_connection((HOST, self._target))
                self._pairs.append((client, server))
                asked = threading.Event()
                for source, target, back in ((client, server, 0), (server, client, 1)):
                    arguments = (source, target, asked, back)
                    threading.Thread(target=self._pump, args=arguments, daemon=True).start()

    def _pump(
        self, source: socket.socket, target: socket.socket, asked: threading.Event, back: int
    ) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if not back and self._marker and self._marker in data:
                    asked.set()
                if back and asked.is_set() and self._armed.acquire(blocking=False):
                    self.swallowed += 1
                    break
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Hang up on everybody."""
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        with ExitStack() as stack:
            stack.callback(self._server.close)
            for pair in self._pairs:
                for end in pair:
                    stack.callback(end.close)
        self._thread.join()
