"""A Redis to talk to plainly, and the marker of tests that take minutes."""

from __future__ import annotations

from secrets import token_hex
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from streamfacade_redis.connection import Link
from streamfacade_redis.keys import Namespace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", "soak: takes minutes; run with -m soak --timeout 3600")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what takes minutes, unless it is asked for by name."""
    if item.get_closest_marker("soak") and "soak" not in item.config.option.markexpr:
        pytest.skip("takes minutes: run with -m soak --timeout 3600")


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
