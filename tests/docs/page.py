"""A page's code blocks: found by their fences, run in their order, in one namespace.

The word behind the language says what a block is for; a reader of the rendered page does not
see it. `python` runs on every backend, `python redis` on that one, `python before` is another
library's program and only compiled. A `text` block behind a python block is what that prints.
`console` blocks are commands behind `$` and what they print: they run where the program can,
on Redis and Kafka. `sh` blocks are for the reader's machine.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^```(\w+)(?: ([\w ]+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_BACKENDS = {"memory", "redis", "kafka"}
_SHELL = f"""
set -o pipefail
streamfacade() {{ "{sys.executable}" -m streamfacade.cli "$@"; }}
redis-cli() {{ command redis-cli -p "$REDIS_PORT" "$@"; }}
"""


@dataclass(frozen=True)
class Block:
    """What stands between two fences."""

    page: str
    line: int
    language: str
    words: frozenset[str]
    text: str

    @property
    def place(self) -> str:
        """Where it is, for messages."""
        return f"{self.page}:{self.line}"

    def runs_on(self, backend: str) -> bool:
        """Whether it is a program of ours, for that backend."""
        meant = self.words & _BACKENDS or _BACKENDS
        return not self.words & {"before", "test"} and backend in meant

    def compiled(self, source: str | None = None):
        """Compile it so that a traceback shows the page's own line."""
        return compile("\n" * self.line + (source or self.text), self.page, "exec")


def blocks(page: str) -> list[Block]:
    """Return a page's blocks in their order."""
    text = (ROOT / page).read_text()
    return [
        Block(
            page,
            text.count("\n", 0, found.start()) + 1,
            found[1],
            frozenset((found[2] or "").split()),
            found[3],
        )
        for found in _FENCE.finditer(text)
    ]


class Reader:
    """Does what a page says, as a reader would, with one server."""

    def __init__(self, backend: str, url: str) -> None:
        self.backend, self.url = backend, url
        self._names: dict[str, object] = {"__name__": "__main__"}

    def read(self, page: str) -> int:
        """Run all blocks that are for this backend; return how many."""
        count = 0
        found = blocks(page)
        for block, following in zip(found, [*found[1:], None], strict=True):
            if block.language in ("python", "console") and block.runs_on(self.backend):
                count += 1
                if block.language == "console":
                    self._type(block)
                else:
                    printed = self._run(block)
                    if following and following.language == "text":
                        assert printed == following.text, f"printed by {block.place}"
        return count

    def _mine(self, text: str) -> str:
        text = text.replace(f"{self.backend}://localhost:6379/0", self.url)
        servers = self.url.removeprefix("kafka://")
        return text.replace("localhost:9092", servers) if self.backend == "kafka" else text

    def _run(self, block: Block) -> str:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(block.compiled(self._mine(block.text)), self._names)
        return printed.getvalue()

    def _type(self, block: Block) -> None:
        if self.backend == "memory":
            return
        for command, expected in commands(block.text):
            assert self.shell(self._mine(command)) == expected, f"{block.place}: {command}"

    def shell(self, command: str) -> str:
        """Return what a command prints."""
        environment = {
            **os.environ,
            "STREAMFACADE_URL": self.url,
            "REDIS_PORT": str(urlsplit(self.url).port),
        }
        done = subprocess.run(
            ["bash", "-c", _SHELL + command],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def commands(text: str) -> list[tuple[str, str]]:
    """Return the commands of a console block, each with what it prints."""
    found: list[tuple[str, str]] = []
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        lines = part.splitlines(keepends=True)
        last = next(i for i, line in enumerate(lines) if not line.endswith("\\\n"))
        command, printed = "".join(lines[: last + 1]).rstrip("\n"), "".join(lines[last + 1 :])
        if not command.startswith("export "):
            found.append((command, printed))
    return found
