"""The mailer: writes to the customer of each order."""

from __future__ import annotations

from email.message import EmailMessage
from typing import TYPE_CHECKING

from streamfacade import Consumer, JsonSerializer

if TYPE_CHECKING:
    from collections.abc import Callable

    from examples.orders.shop import Order


def confirm(topic: str, group: str, send: Callable[[EmailMessage], object], wait_ms: float) -> int:
    """Send a mail for each new order until none comes for `wait_ms`; return how many."""
    count = 0
    with Consumer(
        topic,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        consumer_timeout_ms=wait_ms,
        value_deserializer=JsonSerializer(),
    ) as orders:
        for order in orders:
            send(mail(order.value))
            # Only now: after a crash a customer may get two mails, but never none.
            orders.commit()
            count += 1
    return count


def mail(order: Order) -> EmailMessage:
    """Write the mail for an order."""
    message = EmailMessage()
    message["To"] = order["customer"]
    message["Subject"] = f"Your order {order['number']}"
    message.set_content(f"Thank you! {order['item']} is on its way.")
    return message
