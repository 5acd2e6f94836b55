"""`STREAMFACADE_URL=redis://localhost:6379/0 python -m examples.orders`: both sides, once.

Without the variable it runs on memory://. On a server a second run mails the new orders only.
"""

from __future__ import annotations

import os

from examples.orders.mailer import confirm
from examples.orders.shop import Order, place

TOPIC = os.environ.get("ORDERS_TOPIC", "orders")
WAIT_MS = 5000

ORDERS: list[Order] = [
    {"number": 1, "customer": "ada@example.org", "item": "a teapot"},
    {"number": 2, "customer": "grace@example.org", "item": "two cups"},
    {"number": 3, "customer": "ada@example.org", "item": "a pound of tea"},
]


def main() -> None:
    """Place orders and confirm them."""
    os.environ.setdefault("STREAMFACADE_URL", "memory://")
    place(TOPIC, ORDERS)
    count = confirm(TOPIC, "mailer", send=print, wait_ms=WAIT_MS)
    print(f"{count} mails sent")


if __name__ == "__main__":
    main()
