"""A Redis to talk to plainly."""

from __future__ import annotations

from secrets import token_hex
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from streamfacade_redis.connection import Link
from streamfacade_redis.keys import Namespace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def new_link(redis_url: str) -> Callable[[], Link]:
    """Give what makes connections to the shared Redis."""
    return links(redis_url)


def links(url: str) -> Callable[[], Link]:
    """Return what makes connections to a Redis."""
    where = urlsplit(url)
    settings = {"host": where.hostname, "port": where.port, "socket_timeout": 5.0}
    return lambda: Link(url, settings, tls=False)


@pytest.fixture
def link(new_link: Callable[[], Link]) -> Iterator[Link]:
    """Give one open connection."""
    link = new_link()
    link.connect()
    yield link
    link.close()


@pytest.fixture
def namespace() -> Namespace:
    """Give keys that no other test uses."""
    return Namespace(f"test-{token_hex(8)}")
