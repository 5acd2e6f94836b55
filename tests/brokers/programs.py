"""Bring in the programs that this machine lacks and may install.

Whoever cannot is told in one sentence; the tests that need the broker then skip, or fail in CI.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from tests.brokers import containers, kafka_jars, redis_server
from tests.brokers.server import Unavailable


def bring(name: str) -> None:
    """Make the programs of one broker ready, unless a URL or Docker makes them needless."""
    if os.environ.get(f"STREAMFACADE_TEST_{name.upper()}_URL") or containers.engine_answers():
        return
    try:
        _PROGRAMS[name]()
    except Unavailable as reason:
        print(f"{name}: {reason}", file=sys.stderr)


def _redis() -> None:
    if shutil.which("redis-server"):
        return
    if os.geteuid() or not shutil.which("apt-get"):
        raise Unavailable(redis_server.MISSING)
    _apt("update")
    _apt("install", "-y", "--no-install-recommends", "redis-server")


def _apt(*arguments: str) -> None:
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(["apt-get", "-q", *arguments], env=quiet, check=False)
    if done.returncode:
        message = f"apt-get {arguments[0]} failed, and there is no redis-server program here"
        raise Unavailable(message)


def _kafka() -> None:
    kafka_jars.folder()


_PROGRAMS = {"redis": _redis, "kafka": _kafka}
