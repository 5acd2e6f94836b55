"""Nothing a test starts outlives it: neither a process nor a directory."""

import subprocess
import tempfile
from pathlib import Path

_WATCH = """
while read -r line; do pid=$line; done
[ -z "$pid" ] || kill -9 "$pid"
until rm -rf "$1"; do sleep 0.1; done
"""


class Keeper:
    """A temporary directory and at most one process, both gone when this process is gone.

    A small shell reads our pipe. Whatever ends us - a return, Ctrl-C, SIGKILL - closes the pipe,
    and then the shell kills the process and removes the directory. The kernel's "parent death
    signal" would be shorter, but it fires when the *thread* that started the child ends, exists
    on Linux only, and leaves the directory.
    """

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="streamfacade-"))
        self._shell = subprocess.Popen(
            ["/bin/sh", "-c", _WATCH, "keeper", str(self.directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C must not reach it: it has to see how we end
            text=True,
            bufsize=1,
        )

    def watch(self, pid: int) -> None:
        """Kill this process when we end."""
        self._say(str(pid))

    def forget(self) -> None:
        """The process has ended: its number may soon be another's."""
        self._say("")

    def close(self) -> None:
        """Remove the directory."""
        self._shell.communicate()

    def _say(self, line: str) -> None:
        assert self._shell.stdin
        self._shell.stdin.write(line + "\n")
