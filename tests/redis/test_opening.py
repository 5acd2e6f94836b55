"""Opening a client: what is refused, how soon, in which words; never with the password."""

from __future__ import annotations

import logging
import socket
import subprocess
import time
from contextlib import contextmanager

import pytest
import redis

from streamfacade import Admin, Consumer, Producer
from streamfacade.errors import (
    ClusterAuthorizationFailedError,
    InvalidConfigurationError,
    KafkaConfigurationError,
    KafkaError,
    NoBrokersAvailable,
    SaslAuthenticationFailedError,
    UnsupportedVersionError,
)
from streamfacade.testing.harness import until
from tests.brokers.server import HOST, free_port
from tests.redis.tools import in_thread

SECRET = "s3cr3t-word"
LIMIT = 700
CLIENTS = [Producer, Consumer, Admin]


def refused(url, error, caplog, client=Admin, **options):
    """Open a client in vain, within the bootstrap time; return the message."""
    caplog.set_level(logging.DEBUG)
    options.setdefault("bootstrap_timeout_ms", LIMIT)
    began = time.monotonic()
    with pytest.raises(error) as caught:
        client(bootstrap_servers=url, **options)
    took = time.monotonic() - began
    assert took < options["bootstrap_timeout_ms"] / 1000 + 0.5
    said = f"{caught.value} {caught.value!r} {caught.value.__cause__!r} {caplog.text}"
    assert SECRET not in said
    return str(caught.value)


def credentials(server, user="", password=SECRET):
    """Return a server's URL with a user and a password in it."""
    return server.url.replace("//", f"//{user}:{password}@")


@contextmanager
def listening(answer):
    """Serve connections on a port with a function of the socket; give the port."""
    with socket.create_server((HOST, 0)) as server:

        def serve():
            connections = []
            while True:
                try:
                    connections.append(server.accept()[0])
                except OSError:
                    break
                try:
                    answer(connections[-1])
                except OSError:
                    continue
            for connection in connections:
                connection.close()

        thread = in_thread(serve)
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize("client", CLIENTS)
def test_nobody_there(caplog, client):
    """Where nothing listens, opening waits as long as it may, then names the address."""
    port = free_port()
    url = f"redis://user:{SECRET}@{HOST}:{port}/3"
    message = refused(url, NoBrokersAvailable, caplog, client)
    assert f"redis://{HOST}:{port}/3" in message
    assert "refused" in message


def test_a_server_that_comes_in_time_will_do(private_redis):
    """Opening goes on trying while the bootstrap time lasts."""
    server = private_redis()
    server.stop()
    thread = in_thread(lambda: (time.sleep(0.3), server.start()))
    Admin(bootstrap_servers=server.url, bootstrap_timeout_ms=10_000).close()
    thread.join()


@pytest.mark.parametrize("client", CLIENTS)
def test_silence(caplog, client):
    """A server that accepts and says nothing is given up after the bootstrap time."""
    with listening(lambda _connection: None) as port:
        url = f"redis://u:{SECRET}@{HOST}:{port}"
        assert str(port) in refused(url, NoBrokersAvailable, caplog, client)


def test_not_redis(caplog):
    """A web server is told apart at once."""

    def web(connection):
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nServer: web\r\n\r\n<html>no</html>")

    with listening(web) as port:
        began = time.monotonic()
        url = f"redis://{HOST}:{port}"
        message = refused(url, NoBrokersAvailable, caplog, bootstrap_timeout_ms=20_000)
        assert "not Redis" in message
        assert time.monotonic() - began < 2


def test_a_server_that_hangs_up(caplog):
    """A server that closes every connection is nobody."""
    with listening(lambda connection: connection.close()) as port:
        refused(f"redis://{HOST}:{port}", NoBrokersAvailable, caplog)


@pytest.mark.parametrize("client", CLIENTS)
def test_a_wrong_password(private_redis, caplog, client):
    """A wrong password is said at once, without the password."""
    server = private_redis(args=["--requirepass", "right"])
    url = credentials(server)
    message = refused(url, SaslAuthenticationFailedError, caplog, client)
    assert "password" in message
    assert f"{HOST}:{server.port}" in message


def test_a_missing_password(private_redis, caplog):
    """A server that wants a password, asked without one, is an authentication error."""
    server = private_redis(args=["--requirepass", "right"])
    refused(server.url, SaslAuthenticationFailedError, caplog)


def test_the_password_of_the_options_serves(private_redis):
    """`sasl_plain_*` is AUTH."""
    server = private_redis(args=["--user", "app", "on", ">open-sesame", "~*", "&*", "+@all"])
    Admin(
        bootstrap_servers=server.url, sasl_mechanism="PLAIN",
        sasl_plain_username="app", sasl_plain_password="open-sesame",
    ).close()  # fmt: skip


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("rights", ["~* +ping +client", "~nothing:* +@all"])
def test_a_user_without_rights(private_redis, caplog, client, rights):
    """A user who lacks commands or keys gets one sentence about the ACL."""
    server = private_redis(args=["--user", "weak", "on", f">{SECRET}", *rights.split()])
    url = credentials(server, "weak")
    assert "ACL" in refused(url, ClusterAuthorizationFailedError, caplog, client)


@pytest.fixture
def certificate(tmp_path):
    """Make a certificate for 127.0.0.1; give the paths of it and of its key."""
    paths = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
            "-addext", "subjectAltName=IP:127.0.0.1",
            "-out", paths[0], "-keyout", paths[1],
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    return paths


@pytest.fixture
def encrypted(private_redis, certificate):
    """Give a Redis with a second port that speaks TLS, and that port."""
    cert, key = map(str, certificate)
    port = free_port()
    tls = ["--tls-port", str(port), "--tls-cert-file", cert, "--tls-key-file", key]
    return private_redis(args=[*tls, "--tls-auth-clients", "no"]), port


def test_tls(encrypted, certificate):
    """`rediss://` speaks TLS and checks the certificate against `ssl_cafile`."""
    _, port = encrypted
    url = f"rediss://{HOST}:{port}"
    cafile = str(certificate[0])
    with Producer(bootstrap_servers=url, ssl_cafile=cafile, bootstrap_timeout_ms=5000) as producer:
        assert producer.send("t", b"v").get(5).offset == 0
    options = {"security_protocol": "SSL", "ssl_cafile": cafile}
    Admin(bootstrap_servers=f"redis://{HOST}:{port}", **options).close()


def test_an_unknown_certificate(encrypted, caplog):
    """A certificate that nobody vouches for is refused at once."""
    _, port = encrypted
    message = refused(f"rediss://u:{SECRET}@{HOST}:{port}", NoBrokersAvailable, caplog)
    assert "certificate" in message


def test_tls_to_a_plain_port(private_redis, caplog):
    """TLS spoken to a port without is told with a hint at the scheme."""
    server = private_redis()
    url = credentials(server).replace("redis:", "rediss:")
    assert "redis:// is without" in refused(url, NoBrokersAvailable, caplog)


def test_plain_to_a_tls_port(encrypted, caplog):
    """Plain Redis spoken to a port with TLS is told with a hint at the scheme."""
    _, port = encrypted
    url = f"redis://u:{SECRET}@{HOST}:{port}"
    assert "rediss://" in refused(url, NoBrokersAvailable, caplog)


def test_a_replica(private_redis, caplog):
    """A replica is refused: it may be behind, and takes no commits."""
    server = private_redis(args=["--replicaof", HOST, str(free_port())])
    assert "replica" in refused(server.url, NoBrokersAvailable, caplog)


def test_a_server_that_loads(private_redis, caplog):
    """A server that loads its data is waited for."""
    server = private_redis(aof=True)
    with redis.Redis(port=server.port) as raw:
        pipeline = raw.pipeline(transaction=False)
        for i in range(1000):
            pipeline.rpush(f"list-{i}", *(["x"] * 400))
        pipeline.execute()
        raw.bgrewriteaof()
        until(
            lambda: not raw.info("persistence")["aof_rewrite_in_progress"], "the AOF is rewritten"
        )
    server.kill()
    server._args += ["--key-load-delay", "4000", "--loading-process-events-interval-bytes", "1024"]
    thread = in_thread(server.start)
    until(lambda: loading(server.port), "the server loads")
    assert "loading" in refused(server.url, NoBrokersAvailable, caplog, bootstrap_timeout_ms=1000)
    Admin(bootstrap_servers=server.url, bootstrap_timeout_ms=20_000).close()
    thread.join()


def loading(port):
    """Whether the server says that it is loading."""
    try:
        with redis.Redis(port=port) as raw:
            return raw.info("persistence")["loading"]
    except redis.ConnectionError:
        return False


def test_a_server_that_evicts(private_redis, caplog):
    """`allkeys-*` with a limit may drop records: refused with the remedy, unless allowed."""
    server = private_redis(args=["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"])
    message = refused(server.url, InvalidConfigurationError, caplog)
    assert "allow_eviction" in message
    Admin(bootstrap_servers=server.url, redis_options={"allow_eviction": True}).close()


@pytest.mark.parametrize(
    "memory", [["--maxmemory-policy", "allkeys-lru"],
               ["--maxmemory", "100mb", "--maxmemory-policy", "volatile-lru"]],
)  # fmt: skip
def test_a_server_that_evicts_nothing_of_ours(private_redis, memory):
    """Without a limit, or by a policy for keys with a TTL, nothing of ours is evicted."""
    Admin(bootstrap_servers=private_redis(args=memory).url).close()


def test_a_newer_layout(own, caplog):
    """Data that needs a newer reader is refused; another namespace of that server is not."""
    server, _, raw = own()
    raw.hset("sf:meta", "min_reader", "2")
    assert "upgrade" in refused(server.url, UnsupportedVersionError, caplog)
    Admin(bootstrap_servers=f"{server.url}?namespace=other").close()
    assert raw.hget("other:meta", "v") == b"1"


@pytest.mark.parametrize("redirected", ["", "0"])
def test_a_meta_key_of_another_type(own, caplog, redirected):
    """Where somebody has a key of our name, opening says so."""
    server, _, raw = own()
    raw.set("sf:meta", redirected)
    assert "another type" in refused(server.url, KafkaError, caplog)


@pytest.mark.parametrize(
    "rest",
    [
        "@:1/0", "@h:x/0", "@h:99999/0", "@h/zero", "@h?unknown=1", "@h?db=3",
        "@h?cluster_enabled=1", "@h?namespace=a{b", "@h?namespace=", "@h?default_partitions=0",
        "@h?default_partitions=x", "@h,redis://other",
    ],
)  # fmt: skip
def test_bad_urls(rest, caplog):
    """What a URL says that means nothing here is refused without connecting."""
    refused(f"redis://user:{SECRET}{rest}", KafkaConfigurationError, caplog)


def test_the_url_names_what_is_wrong(caplog):
    """An unknown parameter is named."""
    assert "tls" in refused("redis://h?tls=1", KafkaConfigurationError, caplog)


@pytest.mark.parametrize(
    "options",
    [{"ssl_crlfile": "x"}, {"sasl_mechanism": "SCRAM-SHA-256"}, {"sasl_kerberos_name": "x"},
     {"sasl_oauth_token_provider": object()}, {"ssl_context": object()}],
)  # fmt: skip
def test_security_that_redis_lacks(options, caplog):
    """A security option that cannot be honoured is refused, never ignored."""
    (name,) = options
    assert name in refused(f"redis://{HOST}", KafkaConfigurationError, caplog, **options)


def test_the_namespace_and_the_partitions_of_the_url(redis_url, raw):
    """`namespace` is the first word of every key; `default_partitions` is for new topics."""
    url = f"{redis_url}?namespace=elsewhere&default_partitions=3"
    with Producer(bootstrap_servers=url) as producer:
        assert producer.partitions_for("three") == {0, 1, 2}
    assert raw.hget("elsewhere:topics", "three")
