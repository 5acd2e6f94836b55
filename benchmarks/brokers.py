"""The servers of a run: those that a URL names, else brought as the tests bring theirs."""

from __future__ import annotations

import os
from contextlib import nullcontext
from typing import TYPE_CHECKING

from tests.brokers import Broker, KafkaServer, Unavailable, containers, kafka_broker, redis_broker

if TYPE_CHECKING:
    from contextlib import AbstractContextManager, ExitStack

    from tests.brokers.server import Server


def redis(stack: ExitStack, url: str | None) -> str | Unavailable:
    """Return the URL of a Redis, or why there is none."""
    return _entered(stack, nullcontext(Broker(url)) if url else redis_broker())


def kafka(stack: ExitStack, url: str | None) -> str | Unavailable:
    """Return the URL of a Kafka, or why there is none."""
    return _entered(stack, nullcontext(Broker(url)) if url else _kafka())


def _kafka() -> AbstractContextManager[Broker | Server]:
    if os.environ.get("STREAMFACADE_TEST_KAFKA_URL") or containers.engine_answers():
        return kafka_broker()
    return KafkaServer(fast=False)  # the tests' own starts sooner and then runs slower


def _entered(
    stack: ExitStack, broker: AbstractContextManager[Broker | Server]
) -> str | Unavailable:
    try:
        return stack.enter_context(broker).url.partition("?")[0]
    except Unavailable as reason:
        return reason
