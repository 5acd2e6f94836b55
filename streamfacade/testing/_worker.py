"""A consumer in a process of its own, so that it can die and freeze as programs do."""

from __future__ import annotations

import multiprocessing
import os
import signal
from functools import partial
from typing import TYPE_CHECKING, Any

from streamfacade.consumer import Consumer

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

_PATIENCE = 60.0


class Worker:
    """Answers every call that a Consumer does, from the other process; values must pickle."""

    def __init__(self, topics: tuple[str, ...], options: dict[str, Any]) -> None:
        """Start the process; the consumer is open when the first call is answered."""
        spawn = multiprocessing.get_context("spawn")  # a fork would take our clients' locks along
        self._pipe, theirs = spawn.Pipe()
        self._process = spawn.Process(target=_work, args=(theirs, topics, options), daemon=True)
        self._process.start()
        theirs.close()

    def __getattr__(self, method: str) -> Any:
        """Return what calls that method of the consumer."""
        return partial(self._call, method)

    def _call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        self._pipe.send((method, args, kwargs))
        if not self._pipe.poll(_PATIENCE):
            msg = f"the worker did not answer {method} within {_PATIENCE} s"
            raise TimeoutError(msg)
        answer, error = self._pipe.recv()
        if error is not None:
            raise error
        return answer

    def kill(self) -> None:
        """End the process without warning; again is harmless."""
        if not self._pipe.closed:
            self._process.kill()
            self._process.join()
            self._process.close()
            self._pipe.close()

    def freeze(self) -> None:
        """Stop the process."""
        os.kill(self._process.pid or 0, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let the process go on."""
        os.kill(self._process.pid or 0, signal.SIGCONT)


def _work(pipe: Connection[Any, Any], topics: tuple[str, ...], options: dict[str, Any]) -> None:
    with Consumer(*topics, **options) as consumer:
        while True:
            try:
                method, args, kwargs = pipe.recv()
            except EOFError:
                return
            pipe.send(_answer(consumer, method, args, kwargs))


def _answer(
    consumer: Consumer[Any, Any], method: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, Exception | None]:
    try:
        return getattr(consumer, method)(*args, **kwargs), None
    except Exception as error:  # noqa: BLE001 - it is raised where the call came from
        return None, error
