"""Clients of the server that the user named."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

from streamfacade import Admin, Consumer, Producer
from streamfacade.cli import _options
from streamfacade.cli._failed import Misused

_BOOTSTRAP_MS = 10_000  # somebody sits and waits: less than an application's patience

Raw = bytes | None


def admin() -> Admin:
    """Open an admin client."""
    return Admin(_settings())


def producer() -> Producer[Raw, Raw]:
    """Open a producer of bytes."""
    return Producer(_settings())


def consumer(group: str | None) -> Consumer[Raw, Raw]:
    """Open a consumer of bytes, that commits only when told to and makes no topics."""
    return Consumer(
        _settings(),
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        allow_auto_create_topics=False,
    )


def _settings() -> dict[str, Any]:
    return {"bootstrap_servers": _address(), "bootstrap_timeout_ms": _BOOTSTRAP_MS}


def _address() -> str:
    url = _options.url()
    if not url:
        raise Misused(
            "no server given: pass --url or set STREAMFACADE_URL,"
            " for example to redis://localhost:6379/0 or kafka://localhost:9092"
        )
    if process_local(url):
        raise Misused(
            "memory:// lives inside one process, so this program would find nothing there:"
            " name a redis:// or kafka:// server"
        )
    return url


def process_local(url: str) -> bool:
    """Return whether no other process could see what is there."""
    return url.lower().startswith("memory:")


def without_password(text: str) -> str:
    """Hide the URL's password, should an error quote it."""
    text = re.sub(r"//[^\s\[\]]*@", "//***@", text)
    credentials = (_options.url() or "").partition("://")[2].rpartition("@")[0]
    secret = credentials.partition(":")[2]
    for form in filter(None, {secret, unquote(secret)}):
        text = text.replace(form, "***")
    return text
