"""Opening a client: connect within the bootstrap time, and refuse servers that cannot serve.

Refusals come here, once and early, in one sentence that says what to do.
"""

from __future__ import annotations

import time
import uuid
from math import inf
from typing import TYPE_CHECKING, Any

from streamfacade.errors import (
    InvalidConfigurationError,
    KafkaConnectionError,
    KafkaError,
    NoBrokersAvailable,
    UnsupportedVersionError,
)
from streamfacade_redis.address import connection_options, uses_tls
from streamfacade_redis.connection import Link
from streamfacade_redis.keys import LAYOUT

if TYPE_CHECKING:
    from streamfacade.config import Options
    from streamfacade_redis.address import Address

_OLDEST = (7, 0)
_EVICTING = "allkeys-"
_MOMENT = 0.05
_MAYBE_TLS = ("SSL", "reset by peer", "closed by server", "no answer")


def connected(address: Address, options: Options) -> Link:
    """Return an open link to a server that can serve.

    Raises:
        NoBrokersAvailable: nobody answered within `bootstrap_timeout_ms`.
        KafkaError: who answers cannot serve, and why.

    """
    tls = uses_tls(address, options)
    link = Link(address, connection_options(address, options), tls=tls)
    patient = link.settings
    _connect(link, address, options)
    try:
        _check(link, address, allow_eviction=bool(options["redis_options"].get("allow_eviction")))
    except KafkaError:
        link.close()
        raise
    if link.settings != patient:
        link.settings = patient
        link.close()  # it opens again when used, as patient as it should be
    return link


def _connect(link: Link, address: Address, options: Options) -> None:
    limit = options.seconds("bootstrap_timeout_ms")
    deadline = time.monotonic() + limit
    pause = options.seconds("reconnect_backoff_ms")
    patient, told = link.settings, None
    while True:
        link.settings = _hurried(patient, deadline - time.monotonic())
        try:
            link.connect()
        except KafkaConnectionError as error:
            if time.monotonic() + pause > deadline or not _may_change(error):
                raise _nobody(address, error) from error
            told = error
            time.sleep(pause)
            pause = min(pause * 2, 1.0)
        except KafkaError as error:
            if not error.retriable:
                raise
            # The last attempt has little time; what an earlier one was told says more.
            raise _nobody(address, told or error) from error
        else:
            return


def _hurried(settings: dict[str, Any], left: float) -> dict[str, Any]:
    """Return settings under which connecting ends within `left` seconds."""
    names = ("socket_timeout", "socket_connect_timeout")
    short = {n: max(left, _MOMENT) for n in names if (settings[n] or inf) > left + _MOMENT}
    return {**settings, **short} if short else settings


def _may_change(error: KafkaConnectionError) -> bool:
    """Return whether waiting may help: not where the peer speaks another protocol."""
    return not any(sign in str(error) for sign in ("is not Redis", "SSL", "Protocol error"))


def _nobody(address: Address, error: KafkaError) -> NoBrokersAvailable:
    text = str(error.args[0]).removeprefix(f"{address}: ")
    if any(sign in text for sign in _MAYBE_TLS) and "certificate" not in text.lower():
        text += " (does this port speak TLS? redis:// is without, rediss:// with)"
    return NoBrokersAvailable(f"no usable Redis at {address}: {text}")


def _check(link: Link, address: Address, *, allow_eviction: bool) -> None:
    info = link.info
    version = info.get("valkey_version") or info.get("redis_version", "0.0")
    if tuple(int(part) for part in version.split(".")[:2]) < _OLDEST:
        msg = f"{address}: Redis {version} is too old: 7.0 or newer is needed"
        raise UnsupportedVersionError(msg)
    if info.get("redis_mode") == "cluster":
        msg = f"{address}: Redis Cluster is not supported: connect to a single primary"
        raise UnsupportedVersionError(msg)
    policy = info.get("maxmemory_policy", "")
    if policy.startswith(_EVICTING) and info.get("maxmemory") != "0" and not allow_eviction:
        msg = (
            f"{address}: maxmemory-policy {policy} may evict streams, and with them records: set"
            " noeviction or a volatile-* policy, or pass redis_options={'allow_eviction': True}"
        )
        raise InvalidConfigurationError(msg)
    _check_layout(link, address)


def _check_layout(link: Link, address: Address) -> None:
    """Leave our layout version in a new namespace; refuse one that is too new for us."""
    meta = address.namespace.meta
    needed = link.call("HGET", meta, "min_reader")
    if needed is None:
        link.pipeline([
            ("HSETNX", meta, "v", LAYOUT),
            ("HSETNX", meta, "cluster_id", str(uuid.uuid4())),
            ("HSETNX", meta, "min_reader", LAYOUT),
        ])  # fmt: skip
        needed = LAYOUT.encode()
    needed = needed.decode()
    if needed > LAYOUT:
        msg = f"{address}: the data is of layout {needed}: upgrade streamfacade"
        raise UnsupportedVersionError(msg)
