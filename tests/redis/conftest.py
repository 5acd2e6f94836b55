"""What the tests of the Redis driver share."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
import redis

from streamfacade.testing.harness import Harness
from tests.redis.tools import Partition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.brokers import RedisServer


@pytest.fixture
def raw(redis_url: str) -> Iterator[redis.Redis]:
    """Give a human's connection to the Redis that all tests share."""
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def house(redis_url: str) -> Iterator[Harness]:
    """Give clients of the Redis that all tests share, closed when the test ends."""
    with Harness(redis_url) as harness, harness.test():
        yield harness


@pytest.fixture
def own(private_redis: Callable[..., RedisServer]) -> Iterator[Callable[..., Any]]:
    """Start a Redis that the test may kill; give it, its clients, and a human's connection."""
    with ExitStack() as stack:

        def start(url: str = "{}", options: Any = None, **server: Any) -> Any:
            running = private_redis(**server)
            house = stack.enter_context(Harness(url.format(running.url), **(options or {})))
            stack.enter_context(house.test())
            return running, house, stack.enter_context(redis.Redis(port=running.port))

        yield start


@pytest.fixture
def part(raw: redis.Redis, house: Harness) -> Callable[..., Partition]:
    """Create a topic and give its partition 0: `part(retention_ms=1)`."""
    return lambda **configs: Partition.of(raw, house.topic(**configs))
