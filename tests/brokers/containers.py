"""The same brokers from a Docker engine, where one answers."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from tests.brokers import kafka_jars, kafka_server, redis_server
from tests.brokers.server import HOST, Broker, Unavailable, free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from testcontainers.core.container import DockerContainer

_BOOT = 60.0
_PROBE = "import docker, testcontainers; docker.from_env(timeout=2).ping()"


@contextmanager
def redis() -> Iterator[Broker]:
    """Run Redis in a container."""
    port = free_port()
    container = _container("redis:7").with_bind_ports(6379, port)
    with _running(container, lambda: redis_server.ready(HOST, port)):
        yield Broker(f"redis://{HOST}:{port}/0")


@contextmanager
def kafka() -> Iterator[Broker]:
    """Run Kafka in a container, on one port inside and out: it tells clients where to find it."""
    port = free_port()
    container = _container(f"apache/kafka:{kafka_jars.VERSION}").with_bind_ports(port, port)
    for key, value in kafka_server.properties("0.0.0.0", port, free_port()).items():
        container.with_env("KAFKA_" + key.upper().replace(".", "_"), value)
    with _running(container, lambda: kafka_server.ready(HOST, port)):
        yield Broker(f"kafka://{HOST}:{port}")


@cache
def engine_answers() -> bool:
    """Whether a Docker engine answers, and quickly.

    Asked from a process of its own: where none answers, docker's client leaves sockets open.
    """
    probe = [sys.executable, "-c", _PROBE]
    try:
        return not subprocess.run(probe, capture_output=True, timeout=5, check=False).returncode
    except subprocess.TimeoutExpired:
        return False


def _container(image: str) -> DockerContainer:
    if not engine_answers():
        raise Unavailable("no Docker engine answers")
    from testcontainers.core.container import DockerContainer

    return DockerContainer(image)


@contextmanager
def _running(container: DockerContainer, ready: Callable[[], bool]) -> Iterator[None]:
    try:
        _start(container)
        if not wait_until(ready, _BOOT):
            message = f"{container.image} did not answer on {HOST}"
            raise Unavailable(message)
        yield
    finally:
        container.stop()


def _start(container: DockerContainer) -> None:
    try:
        container.start()
    except Exception as refusal:  # the next source is tried
        message = f"the Docker engine could not start {container.image}: {refusal}"
        raise Unavailable(message) from refusal
