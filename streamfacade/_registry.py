"""From a URL to its driver: the scheme names an entry point, loaded on first use."""

from __future__ import annotations

import itertools
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from streamfacade import _settings
from streamfacade.errors import KafkaConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamfacade.config import Options
    from streamfacade.driver import Driver, OpenDriver

GROUP = "streamfacade.backends"
_numbers = itertools.count(1)


def scheme_of(url: str) -> str:
    """Return the backend that a URL names; a bare host:port means Kafka."""
    return url.partition("://")[0].lower() if "://" in url else "kafka"


def find(url: str) -> Driver:
    """Return the driver for a URL.

    Raises:
        KafkaConfigurationError: no backend of that name is installed, or it refuses the URL.

    """
    scheme = scheme_of(url)
    for entry_point in entry_points(group=GROUP, name=scheme):
        open_driver: OpenDriver = entry_point.load()
        return open_driver(url)
    known = ", ".join(sorted(f"{e.name}://" for e in entry_points(group=GROUP)))
    msg = f"no backend for {scheme}://; there are {known}"
    raise KafkaConfigurationError(msg)


def prepare(client: str, configs: Any, given: Mapping[str, Any]) -> tuple[Driver, Options]:
    """Return the driver and the checked options for a new client ("P", "C" or "A")."""
    options = _settings.settle(client, _settings.merged(configs, given))
    url = _settings.where(options)
    driver = find(url)
    _settings.check_transport(options, scheme_of(url))
    _settings.fit(options, driver.name, driver.capabilities)
    kind = {"P": "producer", "C": "consumer", "A": "admin"}[client]
    options["client_id"] = options["client_id"] or f"streamfacade-{kind}-{next(_numbers)}"
    # Programs read this out of `config` into traces: no password in it.
    shown = options["bootstrap_servers"] if "@" not in url else None
    options["bootstrap_servers"] = shown or driver.address
    return driver, options
