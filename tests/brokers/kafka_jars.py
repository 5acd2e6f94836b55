"""Kafka's jars: fetched by Maven once per user, kept in the user's cache."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.brokers.server import Unavailable

VERSION = "4.3.0"
_POM = Path(__file__).with_name("pom.xml")


def folder() -> Path:
    """Give the folder of the jars, filled on first use."""
    jars = _cache() / f"kafka-{VERSION}"
    if not jars.exists():
        _fetch(jars)
    return jars


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "streamfacade"


def _fetch(jars: Path) -> None:
    """Fill a folder beside it and rename: a broken fetch, or two at once, leave nothing half."""
    jars.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=jars.parent) as beside:
        filled = Path(beside, "jars")
        _maven(filled)
        try:
            filled.rename(jars)
        except OSError:
            if not jars.exists():  # else another run was first
                raise


def _maven(target: Path) -> None:
    program = shutil.which("mvn")
    if not program:
        raise Unavailable("no mvn program here to fetch Kafka with (Maven 3.8 or later)")
    goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={target}"]
    done = subprocess.run(
        [program, "-q", "-B", "-f", str(_POM), *goal], capture_output=True, text=True, check=False
    )
    if done.returncode:
        message = f"Maven could not fetch Kafka {VERSION}: {done.stdout.strip()[-500:]}"
        raise Unavailable(message)
