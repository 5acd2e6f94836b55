"""What was measured, and on what."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import confluent_kafka
from redis import Redis

from tests.brokers import kafka_jars

_PACKAGES = ("streamfacade", "redis", "hiredis", "confluent-kafka", "kafka-python", "aiokafka")


def versions(redis_url: str | None, *, our_kafka: bool) -> dict[str, str]:
    """Return the versions of everything that took part."""
    found = {"Python": platform.python_version(), "cores": str(os.cpu_count())}
    if redis_url:
        found["Redis server"] = _redis(redis_url)
    if our_kafka:
        found["Kafka server"] = kafka_jars.VERSION
    found["librdkafka"] = confluent_kafka.libversion()[0]
    return found | {name: _package(name) for name in _PACKAGES}


def _redis(url: str) -> str:
    with Redis.from_url(url) as client:
        info: Any = client.info("server")
        return str(info["redis_version"])


def _package(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
