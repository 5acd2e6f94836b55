"""Brokers for the tests: at home a missing one skips its tests, in CI it fails them."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack
from typing import TYPE_CHECKING, NoReturn, TypeVar

import pytest

from tests.brokers import KafkaServer, RedisServer, Unavailable, kafka_broker, redis_broker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

# A shell's background job ignores Ctrl-C, and what it starts inherits that: tests send it.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what takes minutes, unless it is asked for by name."""
    if item.get_closest_marker("soak") and "soak" not in item.config.option.markexpr:
        pytest.skip("takes minutes: make soak")


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """Give the URL of one Redis that all tests of the run share."""
    with ExitStack() as stack:
        yield _or_miss(lambda: stack.enter_context(redis_broker())).url


@pytest.fixture(scope="session")
def kafka_url() -> Iterator[str]:
    """Give the URL of one Kafka that all tests of the run share."""
    with ExitStack() as stack:
        yield _or_miss(lambda: stack.enter_context(kafka_broker())).url


@pytest.fixture
def private_redis() -> Iterator[Callable[..., RedisServer]]:
    """Start a Redis that the test may kill: `private_redis(aof=True)`."""
    with ExitStack() as stack:
        yield lambda **options: _or_miss(lambda: stack.enter_context(RedisServer(**options)))


@pytest.fixture
def private_kafka() -> Iterator[Callable[..., KafkaServer]]:
    """Start a Kafka that the test may kill."""
    with ExitStack() as stack:
        yield lambda **options: _or_miss(lambda: stack.enter_context(KafkaServer(**options)))


def _or_miss(start: Callable[[], T]) -> T:
    try:
        return start()
    except Unavailable as reason:
        _miss(str(reason))


def _miss(reason: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(f"CI brings its own brokers: {reason}")
    pytest.skip(reason)
