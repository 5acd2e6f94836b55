"""A server program on this machine that tests may start, kill, freeze and restart."""

from __future__ import annotations

import secrets
import signal
import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.brokers.keeper import Keeper

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self

HOST = "127.0.0.1"


class Unavailable(Exception):
    """No such broker can be had here; the message is one sentence for the reader."""


@dataclass(frozen=True)
class Broker:
    """One that somebody else runs."""

    url: str


class Server:
    """One program on one port with one directory, both kept across kill and restart.

    Subclasses say which command to run, and when the server answers. It ends with `close()`, with
    the `with` block, and at the latest with this process, however that one ends.
    """

    scheme: str
    patience = 30.0

    def __init__(self) -> None:
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper: Keeper | None = None

    @property
    def url(self) -> str:
        """What a client needs to connect."""
        return f"{self.scheme}://{HOST}:{self.port}"

    @property
    def pid(self) -> int:
        """The running program's process id."""
        assert self._process, "the server is not running"
        return self._process.pid

    @property
    def directory(self) -> Path:
        """Where the server keeps its data and its log."""
        self._keeper = self._keeper or Keeper()
        return self._keeper.directory

    def start(self) -> None:
        """Start on the port and directory of before; return when it answers."""
        assert not self._process, "the server is running"
        command = self._command()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.directory,
                start_new_session=True,  # Ctrl-C is for us: the tests stop it in their order
            )
        assert self._keeper
        self._keeper.watch(self._process.pid)
        self._wait_until_it_answers()

    def stop(self) -> None:
        """End in good order (SIGTERM)."""
        self.thaw()
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End without warning (SIGKILL)."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Start again, stopped in good order if it still ran."""
        if self._process:
            self.stop()
        self.start()

    def freeze(self) -> None:
        """Stop answering, with every connection open (SIGSTOP)."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on after `freeze`."""
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        """End at once and remove the directory."""
        if self._process:
            self.kill()
        if self._keeper:
            self._keeper.close()
            self._keeper = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _command(self) -> list[str]:
        raise NotImplementedError

    def _answers(self) -> bool:
        raise NotImplementedError

    @property
    def _log(self) -> Path:
        return self.directory / "log"

    def _signal(self, number: signal.Signals) -> None:
        assert self._process, "the server is not running"
        self._process.send_signal(number)

    def _end(self, number: signal.Signals) -> None:
        self._signal(number)
        assert self._process
        assert self._keeper
        self._process.wait(self.patience)
        self._keeper.forget()
        self._process = None

    def _wait_until_it_answers(self) -> None:
        process = self._process
        assert process
        settled = wait_until(lambda: process.poll() is not None or self._answers(), self.patience)
        if process.poll() is not None or not settled:
            tail = self._log.read_text(errors="replace")[-2000:]
            message = f"{process.args!r} did not start; its log ends:\n{tail}"
            raise RuntimeError(message)


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Ask until the condition holds; False when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def free_port() -> int:
    """Find a free port below the range that the kernel gives to outgoing connections.

    Inside that range a client could be given the port of a server that a test has killed, or
    connect to itself. Not from `random`: parallel test workers may share its seed.
    """
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
            return port


def listens(host: str, port: int) -> bool:
    """Whether something accepts connections there."""
    with suppress(OSError), socket.create_connection((host, port), timeout=1):
        return True
    return False
