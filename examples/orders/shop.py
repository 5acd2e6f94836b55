"""The shop: takes orders and publishes them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypedDict

from streamfacade import JsonSerializer, Producer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamfacade import RecordMetadata

log = logging.getLogger(__name__)


class Order(TypedDict):
    """What a customer wants."""

    number: int
    customer: str
    item: str


def place(topic: str, orders: Iterable[Order]) -> None:
    """Publish orders; those of one customer keep their sequence."""
    with Producer(key_serializer=str.encode, value_serializer=JsonSerializer()) as producer:
        for order in orders:
            producer.produce(topic, order, key=order["customer"], on_delivery=report)


def report(error: BaseException | None, metadata: RecordMetadata) -> None:
    """Write down what became of an order; runs on the producer's thread."""
    if error is None:
        log.info("order stored at %s-%d:%d", metadata.topic, metadata.partition, metadata.offset)
    else:
        log.error("an order was not stored: %s", error)
