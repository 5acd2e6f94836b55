"""One connection to Redis: the handshake, calls, and the map from its errors to ours.

redis-py connects, authenticates and parses; its retries are off, because a retried XADD that had
been executed is a duplicate. Replies are read raw (RESP2, hiredis), because redis-py's dicts lose
repeated header names.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

import hiredis
from redis import exceptions as theirs
from redis.backoff import NoBackoff
from redis.connection import Connection, SSLConnection
from redis.retry import Retry

from streamfacade.errors import (
    ClusterAuthorizationFailedError,
    KafkaConfigurationError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    SaslAuthenticationFailedError,
    UnknownError,
)
from streamfacade_redis.scripts import SCRIPTS

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable

log = logging.getLogger(__name__)


class ServerBusyError(KafkaConnectionError):
    """The server answers, and cannot serve yet: loading, or a replica. Retriable."""


class ServerFullError(KafkaConnectionError):
    """The server has no memory left for writes. Retriable: retention may make room."""


class NoScriptError(KafkaConnectionError):
    """The server lost its scripts (SCRIPT FLUSH): they come back with the next connection."""


def translate(error: Exception, address: object) -> KafkaError:
    """Return our error for one of redis-py's, naming the address and the likely cause."""
    if isinstance(error, KafkaError):
        return error
    for kinds, ours, cause in _MAP:
        if isinstance(error, kinds):
            return ours(f"{address}: {cause}{error}")
    text = str(error)
    if text.startswith("WRONGTYPE"):
        return UnknownError(
            f"{address}: a key of ours has another type, somebody overwrote it: {text}"
        )
    if text.startswith("UNBLOCKED"):
        return ServerBusyError(f"{address}: it is a replica now; connect to the primary: {text}")
    if "can't run" in text or "No permissions" in text or "ACL failure" in text:
        return ClusterAuthorizationFailedError(f"{address}: {_ACL}{text}")
    return UnknownError(f"{address}: {text}")


_ACL = "the user's ACL lacks a command or key that the README lists: "
_MAP: tuple[tuple[tuple[type[Exception], ...], type[KafkaError], str], ...] = (
    (
        (theirs.AuthenticationError, theirs.AuthenticationWrongNumberOfArgsError),
        SaslAuthenticationFailedError,
        "wrong user or password: ",
    ),
    ((theirs.BusyLoadingError,), ServerBusyError, "still loading its data: "),
    (
        (theirs.ReadOnlyError, theirs.MasterDownError),
        ServerBusyError,
        "it is a replica now; connect to the primary: ",
    ),
    (
        (theirs.OutOfMemoryError,),
        ServerFullError,
        "out of memory; raise maxmemory or lower the topics' retention: ",
    ),
    ((theirs.NoPermissionError,), ClusterAuthorizationFailedError, _ACL),
    ((theirs.NoScriptError,), NoScriptError, ""),
    ((theirs.TimeoutError,), KafkaTimeoutError, "no answer in time: "),
    (
        (theirs.InvalidResponse,),
        KafkaConnectionError,
        "what answers there is not Redis, or wants TLS (rediss://): ",
    ),
    ((theirs.ConnectionError, OSError), KafkaConnectionError, ""),
)
pack: Callable[[tuple[Any, ...]], bytes] = hiredis.pack_command


class Link:
    """A connection that opens itself when used. One thread uses it at a time."""

    def __init__(self, address: object, settings: dict[str, Any], *, tls: bool) -> None:
        """Remember where to connect."""
        self.address = address
        self.settings = settings
        self.tls = tls
        self._kind = SSLConnection if tls else Connection
        self._connection: Any = None
        self.info: dict[str, str] = {}
        self.client_id = 0
        self.generation = 0
        """Counts connections: what was in flight on an earlier one is lost."""

    @property
    def socket(self) -> socket.socket:
        """The open socket, for those who wait for several things at once."""
        wire: socket.socket = self._connection._sock  # noqa: SLF001 - redis-py has no other way to it
        return wire

    def sibling(self, **settings: Any) -> Link:
        """Return another link to the same server, some settings changed."""
        return Link(self.address, {**self.settings, **settings}, tls=self.tls)

    @property
    def run_id(self) -> str:
        """Which run of which server this is: the name of a leader epoch."""
        return self.info["run_id"]

    def connect(self) -> None:
        """Connect, introduce ourselves, ask who answers, bring the scripts."""
        self.close()
        settings = dict(self.settings)
        if self._kind is Connection:
            settings = {k: v for k, v in settings.items() if not k.startswith("ssl_")}
        settings |= {"protocol": 2, "retry": Retry(NoBackoff(), 0), "health_check_interval": 0}
        try:
            connection = self._kind(**settings)
        except TypeError as error:
            msg = f"redis_options: redis-py's connection does not take this: {error}"
            raise KafkaConfigurationError(msg) from error
        try:
            connection.connect()  # type: ignore[no-untyped-call] # redis-py has no types there
            self._connection = connection
            self._introduce()
        except (theirs.RedisError, OSError, KafkaError) as error:
            self.close()
            raise translate(error, self.address) from error
        self.generation += 1

    def _introduce(self) -> None:
        commands: list[tuple[Any, ...]] = [("INFO", s) for s in ("server", "memory", "replication")]
        commands.append(("CLIENT", "ID"))
        commands += [("SCRIPT", "LOAD", script.text) for script in SCRIPTS.values()]
        replies = self._exchange(commands)
        self.info, self.client_id = _parse_info(replies[:3]), replies[3]
        if self.info.get("role", "master") != "master":
            msg = f"{self.address}: it is a replica; connect to the primary"
            raise ServerBusyError(msg)

    def pipeline(self, commands: Iterable[tuple[Any, ...]]) -> list[Any]:
        """Run commands in one round trip; the caller decides about trying again.

        Raises:
            KafkaError: ours for the first thing that went wrong. After a broken connection it is
                closed, and whether the commands were executed is unknown.

        """
        if self._connection is None:
            self.connect()
        try:
            return self._exchange(commands)
        except NoScriptError:
            self.close()  # the next connection brings the scripts back
            raise
        except (theirs.RedisError, OSError) as error:
            self.close()
            raise translate(error, self.address) from error

    def _exchange(self, commands: Iterable[tuple[Any, ...]]) -> list[Any]:
        """Send commands and read all replies, then raise the first error among them."""
        commands = list(commands)
        self.send(packed(commands))
        replies: list[Any] = []
        errors = []
        for _ in commands:
            try:
                replies.append(self.read())
            except (theirs.ResponseError, theirs.BusyLoadingError) as error:
                errors.append(error)
        if errors:
            raise translate(errors[0], self.address) from errors[0]
        return replies

    def call(self, *command: Any) -> Any:
        """Run one command as `pipeline` does."""
        return self.pipeline([command])[0]

    def script(self, name: str, keys: Iterable[str], *arguments: Any) -> list[Any]:
        """Call a script; reload and repeat once if the server had lost it."""
        command = script_command(name, keys, *arguments)
        try:
            reply = self.call(*command)
        except NoScriptError:
            reply = self.call(*command)
        return reply if isinstance(reply, list) else [reply]

    def send(self, packed: bytes) -> None:
        """Send packed commands without reading their replies."""
        self._connection.send_packed_command([packed], check_health=False)

    def read(self) -> Any:
        """Read one reply, raw; redis-py's errors pass through."""
        return self._connection.read_response(disable_decoding=True, disconnect_on_error=False)

    def readable(self, timeout: float) -> bool:
        """Return whether a reply, or the end of the connection, arrives within `timeout`."""
        return bool(self._connection.can_read(timeout))

    @property
    def is_open(self) -> bool:
        """Whether there is a connection, as far as we know."""
        return self._connection is not None

    def close(self) -> None:
        """Disconnect, if connected."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.disconnect()


def packed(commands: Iterable[tuple[Any, ...]]) -> bytes:
    """Return commands as they go over the wire."""
    return b"".join(pack(tuple(map(_argument, command))) for command in commands)


def script_command(name: str, keys: Iterable[str], *arguments: Any) -> tuple[Any, ...]:
    """Return the command that calls a script."""
    keys = tuple(keys)
    return ("EVALSHA", SCRIPTS[name].digest, len(keys), *keys, *arguments)


def _argument(value: Any) -> Any:
    return value if isinstance(value, (bytes, str)) else str(value)


def _parse_info(replies: list[bytes]) -> dict[str, str]:
    lines = (line for reply in replies for line in reply.decode().splitlines() if ":" in line)
    return {name: value for name, _, value in (line.partition(":") for line in lines)}


def retrying(action: Callable[[], Any], timeout: float, backoff: float) -> Any:
    """Repeat what is harmless to repeat, while the connection is at fault and time is left.

    Raises:
        KafkaTimeoutError: time ran out; the last error is its cause.

    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            return action()
        except (KafkaConnectionError, KafkaTimeoutError) as error:
            if time.monotonic() + backoff >= deadline:
                msg = f"gave up after {timeout:.1f} seconds: {error}"
                raise KafkaTimeoutError(msg) from error
            log.info("trying again in %.1f s: %s", backoff, error)
            time.sleep(backoff)
