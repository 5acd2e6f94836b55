"""The consumer's connection for everything but fetching: offsets, topics, commits.

Commits may be left unanswered here; whatever comes next on the connection reads their replies
first, so that they are answered in the order in which they were made.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from redis import exceptions as theirs

from streamfacade.errors import KafkaError
from streamfacade_redis.connection import Link, NoScriptError, packed, translate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Command = tuple[Any, ...]
    Answered = Callable[[list[Any]], None]


class Desk(Link):
    """A link on which some replies are read later."""

    def __init__(self, like: Link) -> None:
        """Go to the same server as `like`."""
        super().__init__(like.address, like.settings, tls=like.tls)
        self._open: deque[tuple[int, Answered]] = deque()

    def pipeline(self, commands: Iterable[Command]) -> list[Any]:
        """Read what is still open, then run commands in one round trip."""
        self.settle()
        return super().pipeline(commands)

    def later(self, commands: list[Command], answered: Answered) -> None:
        """Send commands; `answered` gets their replies, errors among them, at a later call."""
        if not commands:
            answered([])  # no reply would ever come to call it
            return
        try:
            if not self.is_open:
                self.connect()
            self.send(packed(commands))
        except (theirs.RedisError, OSError, KafkaError) as error:
            self.close()
            answered([translate(error, self.address)])
        else:
            self._open.append((len(commands), answered))

    def settle(self, *, wait: bool = True) -> None:
        """Read open replies: all of them, or those that are there already."""
        while self._open and (wait or self._some_arrived()):
            count, answered = self._open.popleft()
            replies = [self._one() for _ in range(count)]
            if any(isinstance(reply, NoScriptError) for reply in replies):
                self.close()  # the next connection brings the scripts back
            answered(replies)

    def _some_arrived(self) -> bool:
        try:
            return self.readable(0)
        except theirs.RedisError:
            return True  # the connection ended: reading says so

    def _one(self) -> Any:
        """Return a reply, or what went wrong in its place."""
        try:
            return self.read() if self.is_open else self._lost()
        except theirs.ResponseError as error:
            return translate(error, self.address)
        except (theirs.RedisError, OSError) as error:
            super().close()
            return translate(error, self.address)

    def close(self) -> None:
        """Disconnect; what is still open is answered with an error."""
        super().close()
        while self._open:
            count, answered = self._open.popleft()
            answered([self._lost()] * count)

    def _lost(self) -> KafkaError:
        return translate(theirs.ConnectionError("connection lost"), self.address)
