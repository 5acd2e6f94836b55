"""The shop and its mailer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from examples.orders.__main__ import ORDERS
from examples.orders.mailer import confirm
from examples.orders.shop import place

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["memory", "redis", "kafka"])
def backend(request, monkeypatch):
    """Name the backend in the environment, as a user does."""
    given = f"memory://{uuid4().hex}"
    if request.param != "memory":
        given = request.getfixturevalue(f"{request.param}_url")
    monkeypatch.setenv("STREAMFACADE_URL", given)
    return given


@pytest.fixture
def wait_ms(backend):
    """Return how long a mailer waits: on a server it joins a group first."""
    return 300 if backend.startswith("memory") else 4000


@pytest.fixture
def topic():
    """Name a topic of the test's own."""
    return f"orders-{uuid4().hex}"


def test_every_order_gets_its_mail(topic, wait_ms):
    """Each order is confirmed once, a customer's in their sequence, on every backend."""
    sent = []
    place(topic, ORDERS)
    assert confirm(topic, topic, sent.append, wait_ms) == 3
    assert [m["Subject"] for m in sent if m["To"] == "ada@example.org"] == [
        "Your order 1",
        "Your order 3",
    ]
    assert confirm(topic, topic, sent.append, wait_ms) == 0


def test_a_crash_before_the_commit_repeats_the_mail(topic, wait_ms):
    """An order whose mail failed is tried again by the next mailer."""
    place(topic, ORDERS[:1])

    def fail(_mail):
        raise ConnectionError("the mail server is down")

    with pytest.raises(ConnectionError):
        confirm(topic, topic, fail, wait_ms)
    sent = []
    assert confirm(topic, topic, sent.append, wait_ms) == 1


def test_it_runs_as_a_program(backend, topic):
    """The program places its orders and mails them, on the backend of its environment."""
    program = [sys.executable, "-m", "examples.orders"]
    env = {**os.environ, "ORDERS_TOPIC": topic}
    done = subprocess.run(program, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("3 mails sent\n")
