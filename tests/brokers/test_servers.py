"""The test brokers: they come back where they were, and they leave nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import confluent_kafka
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.brokers.server import HOST, Server, listens, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.brokers import KafkaServer, RedisServer

ONCE = Retry(NoBackoff(), 0)
ROOT = Path(__file__).parents[2]
OWNER = """
import signal
from contextlib import suppress
from tests.brokers import RedisServer
with suppress(KeyboardInterrupt), RedisServer() as server:
    print(server.port, server.directory, flush=True)
    signal.pause()
"""


def test_a_killed_redis_comes_back(private_redis: Callable[..., RedisServer]) -> None:
    """With `aof`, what Redis acknowledged is there after SIGKILL, on the same port."""
    server = private_redis(aof=True)
    with redis.Redis(port=server.port) as client:
        client.set("key", "value")
        server.kill()
        server.restart()
        assert client.get("key") == b"value"


def test_a_frozen_redis_is_silent(private_redis: Callable[..., RedisServer]) -> None:
    """A frozen Redis keeps its connections and answers none, until it thaws."""
    server = private_redis()
    with redis.Redis(port=server.port, socket_timeout=0.2, retry=ONCE) as client:
        client.ping()
        server.freeze()
        with pytest.raises(redis.TimeoutError):
            client.ping()
        server.thaw()
        assert client.ping()


def test_a_frozen_redis_can_be_stopped(private_redis: Callable[..., RedisServer]) -> None:
    """Stopping in good order thaws first: a frozen process would never see the signal."""
    server = private_redis()
    server.freeze()
    server.stop()
    assert not listens(HOST, server.port)


def test_a_server_that_does_not_start_shows_its_log(
    private_redis: Callable[..., RedisServer],
) -> None:
    """A wrong argument fails at once, with the program's own words."""
    with pytest.raises(RuntimeError, match="FATAL CONFIG FILE ERROR"):
        private_redis(args=["--no-such-option", "1"])


def test_a_killed_kafka_comes_back(private_kafka: Callable[..., KafkaServer]) -> None:
    """What Kafka acknowledged is there after SIGKILL, on the same port."""
    server = private_kafka()
    assert _produce(server, b"value") == 0
    server.kill()
    server.restart()
    assert _first_value(server) == b"value"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_outlives_its_owner(
    number: signal.Signals, private_redis: Callable[..., RedisServer]
) -> None:
    """However the owner ends, its server and its directory are gone."""
    private_redis().close()  # skips where there is no program to start
    with subprocess.Popen(
        [sys.executable, "-c", OWNER], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout
        port, directory = owner.stdout.readline().split()
        owner.send_signal(number)
    assert wait_until(lambda: not listens(HOST, int(port)) and not Path(directory).exists(), 10)


def _produce(server: Server, value: bytes) -> int:
    producer = confluent_kafka.Producer({"bootstrap.servers": f"{HOST}:{server.port}"})
    producer.produce("topic", value, partition=0)
    return producer.flush(20)


def _first_value(server: Server) -> bytes | None:
    where = {"bootstrap.servers": f"{HOST}:{server.port}", "group.id": "none"}
    consumer = confluent_kafka.Consumer(where)
    consumer.assign([confluent_kafka.TopicPartition("topic", 0, 0)])
    try:
        message = consumer.poll(20)
        return message.value() if message else None
    finally:
        consumer.close()
