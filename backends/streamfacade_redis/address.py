"""The URL: where Redis is, and what this driver does there. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from streamfacade.errors import KafkaConfigurationError
from streamfacade_redis.keys import Namespace

if TYPE_CHECKING:
    from streamfacade.config import Options

_FORM = "redis[s]://[user:password@]host[:port][/db][?namespace=sf&default_partitions=1]"


@dataclass(frozen=True)
class Address:
    """A server, a database, a namespace. The password never shows."""

    host: str
    port: int
    db: int
    tls: bool
    username: str | None
    password: str | None = field(repr=False)
    namespace: Namespace
    default_partitions: int

    def __str__(self) -> str:
        """Return the address as it may be shown."""
        return f"redis{'s' if self.tls else ''}://{self.host}:{self.port}/{self.db}"


def parse(url: str) -> Address:
    """Return the address that a URL names.

    Raises:
        KafkaConfigurationError: not a Redis URL, or one with parts that mean nothing here.

    """
    _require("," not in url, "one Redis server is supported, not several")
    try:
        parts = urlsplit(url)
        port = parts.port or 6379
    except ValueError:
        raise _refusal("the host or port cannot be read") from None
    _require(parts.hostname, "the host is missing")
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    _require(query.pop("cluster_enabled", "0") != "1", "Redis Cluster is not supported")
    namespace, partitions = query.pop("namespace", "sf"), query.pop("default_partitions", "1")
    _require(not query, f"unknown parameter {', '.join(query)}")
    _require(namespace and not set(namespace) & set("{}"), "the namespace must not hold { or }")
    _require(partitions.isdigit() and int(partitions) > 0, "default_partitions must be above 0")
    database = parts.path.strip("/") or "0"
    _require(database.isdigit(), "the database must be a number")
    return Address(
        parts.hostname or "", port, int(database), parts.scheme == "rediss",
        _plain(parts.username), _plain(parts.password), Namespace(namespace), int(partitions),
    )  # fmt: skip


def _plain(text: str | None) -> str | None:
    return unquote(text) if text else None


def _refusal(why: str) -> KafkaConfigurationError:
    return KafkaConfigurationError(f"{why}; a Redis URL is {_FORM}")


def _require(condition: object, why: str) -> None:
    if not condition:
        raise _refusal(why)


_REFUSED = {
    "ssl_context": "pass ssl_cafile, ssl_certfile and ssl_keyfile instead",
    "ssl_crlfile": "redis-py has no such option",
    "sasl_kerberos_name": "Redis has no Kerberos",
    "sasl_kerberos_domain_name": "Redis has no Kerberos",
    "sasl_oauth_token_provider": "Redis has no OAuth",
}


def connection_options(address: Address, options: Options) -> dict[str, Any]:
    """Return redis-py's keyword arguments for connecting, `redis_options` applied last.

    Raises:
        KafkaConfigurationError: a security option that Redis cannot honour.

    """
    for name, why in _REFUSED.items():
        if options[name] is not None:
            msg = f"{name} cannot be honoured on Redis: {why}"
            raise KafkaConfigurationError(msg)
    patience = options.seconds("request_timeout_ms")
    if "delivery_timeout_ms" in options:  # a vain attempt must leave time for others
        patience = min(patience, options.seconds("delivery_timeout_ms") / 4)
    settings: dict[str, Any] = {
        "host": address.host,
        "port": address.port,
        "db": address.db,
        "client_name": options["client_id"],
        "socket_timeout": patience,
        "socket_connect_timeout": min(10.0, patience),
        **_login(address, options),
        **_tls(options),
        **options["redis_options"],
    }
    settings.pop("allow_eviction", None)
    return settings


def uses_tls(address: Address, options: Options) -> bool:
    """Return whether to speak TLS: by the URL's scheme or the security protocol."""
    return address.tls or options["security_protocol"] in ("SSL", "SASL_SSL")


def _login(address: Address, options: Options) -> dict[str, Any]:
    if options["sasl_mechanism"] not in (None, "PLAIN"):
        msg = "sasl_mechanism must be PLAIN on Redis: it is sent as AUTH user password"
        raise KafkaConfigurationError(msg)
    user = options["sasl_plain_username"] or address.username
    return {"username": user, "password": options["sasl_plain_password"] or address.password}


def _tls(options: Options) -> dict[str, Any]:
    names = {
        "ssl_cafile": "ssl_ca_certs",
        "ssl_certfile": "ssl_certfile",
        "ssl_keyfile": "ssl_keyfile",
        "ssl_password": "ssl_password",
        "ssl_ciphers": "ssl_ciphers",
    }
    given = {theirs: options[ours] for ours, theirs in names.items() if options[ours]}
    return {**given, "ssl_check_hostname": options["ssl_check_hostname"]}
