"""Real brokers for the tests, from the first place that has one.

A URL in the environment, a Docker engine, the programs of this machine. Where none of them has
it, `Unavailable` says why in one sentence.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager, nullcontext
from typing import TYPE_CHECKING

from tests.brokers import containers
from tests.brokers.kafka_server import KafkaServer
from tests.brokers.redis_server import RedisServer
from tests.brokers.server import Broker, Server, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager

__all__ = ["Broker", "KafkaServer", "RedisServer", "Unavailable", "kafka_broker", "redis_broker"]


def redis_broker() -> AbstractContextManager[Broker | Server]:
    """Lend a Redis for the time of a `with` block."""
    return _first(_given("STREAMFACADE_TEST_REDIS_URL"), containers.redis, RedisServer)


def kafka_broker() -> AbstractContextManager[Broker | Server]:
    """Lend a Kafka for the time of a `with` block."""
    return _first(_given("STREAMFACADE_TEST_KAFKA_URL"), containers.kafka, KafkaServer)


def _given(variable: str) -> Callable[[], AbstractContextManager[Broker]]:
    def source() -> AbstractContextManager[Broker]:
        url = os.environ.get(variable)
        if not url:
            message = f"{variable} is not set"
            raise Unavailable(message)
        return nullcontext(Broker(url))

    return source


@contextmanager
def _first(
    *sources: Callable[[], AbstractContextManager[Broker | Server]],
) -> Iterator[Broker | Server]:
    with ExitStack() as stack:
        yield _enter(stack, sources)


def _enter(
    stack: ExitStack, sources: Iterable[Callable[[], AbstractContextManager[Broker | Server]]]
) -> Broker | Server:
    refusals = []
    for source in sources:
        try:
            return stack.enter_context(source())
        except Unavailable as refusal:
            refusals.append(str(refusal))
    raise Unavailable("; ".join(refusals))
