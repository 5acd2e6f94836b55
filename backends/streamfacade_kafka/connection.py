"""Opening librdkafka's clients: its log, its errors, and whether anybody answers."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from confluent_kafka import KafkaError as Cause
from confluent_kafka import KafkaException

from streamfacade import errors
from streamfacade_kafka.codes import ALL_DOWN, FATAL, REFUSING
from streamfacade_kafka.errors import translated

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger("streamfacade.kafka")

# librdkafka's words when a broker hangs up on the first request.
_WRONG_PROTOCOL = ("security.protocol", "SSL handshake failed")
_QUIET = 30.0
_PASSING = "Coordinator load in progress: retrying"
"""What a broker says that has just started."""


class Client(Protocol):
    """What every client of confluent-kafka has."""

    def list_topics(self, topic: str | None = None, timeout: float = -1) -> Any:
        """Fetch metadata."""

    def poll(self, timeout: float = -1) -> Any:
        """Serve callbacks."""


C = TypeVar("C", bound=Client)


class Log:
    """Passes librdkafka's log on, but the same failure once in a while only.

    While a broker is down, librdkafka reports each of its many attempts to connect.
    """

    def __init__(self) -> None:
        self._said: dict[str, float] = {}

    def log(self, level: int, line: str, *args: object) -> None:
        """Write a line, unless the same was written a moment ago."""
        text = line % args if args else line
        now, key = time.monotonic(), text.partition("(after")[0]
        if now - self._said.get(key, -_QUIET) < _QUIET:
            return
        if len(self._said) > 1000:  # noqa: PLR2004 - a bound, nothing else
            self._said.clear()
        self._said[key] = now
        log.log(min(level, logging.INFO) if _PASSING in text else level, "%s", text)


class Ear:
    """Remembers what librdkafka says went wrong."""

    def __init__(self) -> None:
        self.last: Cause | None = None
        self.fatal: Cause | None = None
        self.doubts: list[Cause] = []
        """Those that smell of a wrong security protocol."""

    def __call__(self, error: Cause) -> None:
        """Take an error from librdkafka's callback."""
        if error.code() != ALL_DOWN or self.last is None:
            self.last = error
        if error.fatal():
            self.fatal = error
        if any(words in error.str() for words in _WRONG_PROTOCOL):
            self.doubts = [*self.doubts[-1:], error]

    def explained(self, error: BaseException, doing: str) -> errors.KafkaError:
        """Translate an error; a fatal one hides its reason, which was heard before."""
        cause = error.args[0] if isinstance(error, KafkaException) else None
        if isinstance(cause, Cause) and self.fatal and cause.code() == FATAL:
            return translated(self.fatal, doing)
        return translated(error, doing)


def connect(make: Callable[..., C], properties: dict[str, Any], timeout: float) -> tuple[C, Ear]:
    """Make a client and wait until a broker answers it.

    Args:
        make: the class of the client.
        properties: librdkafka's.
        timeout: seconds.

    Raises:
        KafkaConfigurationError: librdkafka refuses a property.
        NoBrokersAvailable: nobody answered.
        KafkaError: somebody did, but refuses us.

    """
    ear = Ear()
    try:
        client = make({**properties, "error_cb": ear}, logger=Log())
    except (KafkaException, ValueError, TypeError) as error:
        text = translated(error).args[0]
        raise errors.KafkaConfigurationError(f"librdkafka refuses an option: {text}") from error
    try:
        _wait_for_answer(client, ear, properties["bootstrap.servers"], timeout)
    except BaseException:
        close = getattr(client, "close", None)
        if close is not None:
            close()
        raise
    return client, ear


def _wait_for_answer(client: Client, ear: Ear, servers: str, timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while True:
        try:
            client.list_topics(timeout=max(0.01, min(0.5, deadline - time.monotonic())))
        except KafkaException as error:
            client.poll(0)  # the reason waits in the callback's queue
            reason = ear.last or error.args[0]
        else:
            return
        if reason.code() in REFUSING:
            hint = "check security_protocol and the ssl_* and sasl_* options"
            raise translated(reason, f"{servers} refuses the connection ({hint})")
        if len(ear.doubts) > 1:  # once may be a broker that was just stopping
            raise _hung_up(ear.doubts[0], servers)
        if time.monotonic() >= deadline:
            raise _nobody(reason, servers, timeout)


def _hung_up(reason: Cause, servers: str) -> errors.KafkaConnectionError:
    error = errors.KafkaConnectionError(
        f"{servers} hung up: likely a wrong security_protocol. Last word: {reason.str()}"
    )
    error.__cause__ = KafkaException(reason)
    return error


def _nobody(reason: Cause, servers: str, timeout: float) -> errors.NoBrokersAvailable:
    error = errors.NoBrokersAvailable(
        f"no Kafka broker answered at {servers} within {timeout:g} s: is it running,"
        f" and is the address right? Last word: {reason.str()}"
    )
    error.__cause__ = KafkaException(reason)
    return error
