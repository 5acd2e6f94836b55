"""From what the user wrote to the options of one client: names, values, precedence, conflicts."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from copy import copy
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from streamfacade.config import BY_NAME, TABLE, Option, Options
from streamfacade.errors import KafkaConfigurationError, UnsupportedCapabilityError

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

_CLIENTS = {"P": "producer", "C": "consumer", "A": "admin"}


def merged(configs: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a leading dict and those by keyword, which win.

    Raises:
        TypeError: what leads is no dict.

    """
    if configs is not None and not isinstance(configs, Mapping):
        msg = f"options come by keyword, or in a dict: bootstrap_servers={configs!r:.60}"
        raise TypeError(msg)
    return {**(configs or {}), **options}


def settle(client: str, given: Mapping[str, Any]) -> Options:
    """Return the checked options of a client ("P", "C" or "A").

    Raises:
        KafkaConfigurationError: an unknown name, a value of the wrong type or out of range, or
            options that contradict each other.

    """
    named = {name.replace(".", "_"): value for name, value in given.items()}
    known = [option for option in TABLE if client in option.clients]
    _refuse_unknown(client, named, [option.name for option in known])
    options = Options({o.name: _value(o, named) for o in known})
    options.given = frozenset(named)
    _CONFLICTS[client](options)
    return options


def _refuse_unknown(client: str, named: Mapping[str, Any], known: list[str]) -> None:
    for name in named:
        if name in known:
            continue
        near = get_close_matches(name, known, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        if name in BY_NAME:
            hint = f"; it belongs to the {_CLIENTS[BY_NAME[name].clients[0]]}"
        msg = f"unknown option {name!r} of the {_CLIENTS[client]}{hint}"
        raise KafkaConfigurationError(msg)


def _value(option: Option, named: Mapping[str, Any]) -> Any:
    if option.name not in named:
        default = option.default
        return default() if isinstance(default, type) else copy(default)
    try:
        return option.kind(named[option.name])
    except ValueError as error:
        got = "that" if option.name in _HIDDEN else repr(named[option.name])
        msg = f"{option.name} must be {error}, not {got}"
        raise KafkaConfigurationError(msg) from None


_HIDDEN = {"bootstrap_servers", "sasl_plain_password", "ssl_password"}


def _require(condition: object, message: str) -> None:
    if not condition:
        raise KafkaConfigurationError(message)


def _producer_conflicts(options: Options) -> None:
    total = options["linger_ms"] + options["request_timeout_ms"]
    if "delivery_timeout_ms" not in options.given and "request_timeout_ms" in options.given:
        options["delivery_timeout_ms"] = max(options["delivery_timeout_ms"], total)
    _require(
        options["delivery_timeout_ms"] >= total,
        "delivery_timeout_ms must be at least linger_ms + request_timeout_ms"
        f" ({options['delivery_timeout_ms']} < {total}): raise it or lower request_timeout_ms",
    )
    _idempotence(options)


def _idempotence(options: Options) -> None:
    """Switch idempotence off where other options exclude it, unless it was asked for by name."""
    conflicts = {
        "acks must be 'all'": options["acks"] != -1,
        "retries must not be 0": options["retries"] == 0,
        "max_in_flight_requests_per_connection must be at most 5": (
            options["max_in_flight_requests_per_connection"] > 5  # noqa: PLR2004 - Kafka's window
        ),
    }
    broken = [rule for rule, holds in conflicts.items() if holds]
    wanted = "enable_idempotence" in options.given or options["transactional_id"]
    if options["enable_idempotence"] and broken:
        _require(not wanted, f"with enable_idempotence {broken[0]}")
        options["enable_idempotence"] = False


def _consumer_conflicts(options: Options) -> None:
    _require(
        options["fetch_max_wait_ms"] < options["request_timeout_ms"],
        "fetch_max_wait_ms must be below request_timeout_ms",
    )
    _require(
        options["request_timeout_ms"] < options["connections_max_idle_ms"],
        "request_timeout_ms must be below connections_max_idle_ms",
    )
    _require(
        options["heartbeat_interval_ms"] * 3 <= options["session_timeout_ms"],
        "heartbeat_interval_ms must be at most a third of session_timeout_ms",
    )
    _require(
        options["group_instance_id"] is None or options["group_id"],
        "group_instance_id needs a group_id",
    )


_CONFLICTS: dict[str, Callable[[Options], None]] = {
    "P": _producer_conflicts,
    "C": _consumer_conflicts,
    "A": lambda _options: None,
}


def where(options: Options) -> str:
    """Return the URL to connect to: the argument, else $STREAMFACADE_URL, else $REDIS_URL."""
    url = options["bootstrap_servers"] or os.environ.get("STREAMFACADE_URL")
    url = url or os.environ.get("REDIS_URL")
    _require(
        url,
        "no server given: pass bootstrap_servers= or set STREAMFACADE_URL, for example to"
        " redis://localhost:6379/0, kafka://localhost:9092 or memory://",
    )
    return str(url)


def check_transport(options: Options, scheme: str) -> None:
    """Refuse security options that the transport would leave without effect.

    Raises:
        KafkaConfigurationError: options of TLS without TLS, of SASL on Kafka without SASL, or a
            URL with TLS and a protocol without.

    """
    protocol = options["security_protocol"]
    tls = protocol.endswith("SSL") or scheme == "rediss"
    for name in sorted(n for n in options.given if options[n] not in (None, BY_NAME[n].default)):
        _require(
            tls or scheme == "memory" or not name.startswith("ssl_"),
            f"{name} needs TLS: set security_protocol to SSL or SASL_SSL (on Redis rediss:// does)",
        )
        _require(
            scheme != "kafka" or "SASL" in protocol or not name.startswith("sasl_"),
            f"{name} needs security_protocol SASL_PLAINTEXT or SASL_SSL",
        )
    _require(
        scheme != "rediss" or "security_protocol" not in options.given or protocol.endswith("SSL"),
        f"rediss:// is TLS, security_protocol={protocol} is not: leave one of them out",
    )


def fit(options: Options, driver: str, capabilities: frozenset[Any]) -> None:
    """Refuse options that the chosen driver cannot honour; log those without meaning there.

    Raises:
        UnsupportedCapabilityError: an option needs a capability that the backend lacks.
        KafkaConfigurationError: an option that must not be ignored means nothing there.

    """
    for name in sorted(options.given):
        option = BY_NAME[name]
        if options[name] == option.default:
            continue
        if option.needs and options[name] and option.needs not in capabilities:
            raise UnsupportedCapabilityError(
                option.needs, f"{name} cannot be honoured by the {driver} backend: leave it out"
            )
        _require(
            driver not in option.refused.split(),
            f"{name} means nothing to the {driver} backend, and security is never ignored:"
            " leave it out",
        )
        if driver in option.no_meaning.split():
            log.info("option %s has no meaning on the %s backend", name, driver)
