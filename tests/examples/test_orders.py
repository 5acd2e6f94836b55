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
WAIT_MS = 4000  # enough to join a group


@pytest.fixture(params=["memory", "redis", "kafka"])
def backend(request, monkeypatch):
    """Name the backend in the environment, as a user does."""
    given = f"memory://{uuid4().hex}"
    if request.param != "memory":
        given = request.getfixturevalue(f"{request.param}_url")
    monkeypatch.setenv("STREAMFACADE_URL", given)
    return given


@pytest.fixture
def topic():
    """Name a topic of the test's own."""
    return f"orders-{uuid4().hex}"


def test_every_order_gets_its_mail(backend, topic):
    """Each order is confirmed once, a customer's in their sequence, on every backend."""
    sent = []
    place(topic, ORDERS)
    assert confirm(topic, topic, sent.append, WAIT_MS) == 3
    assert [m["Subject"] for m in sent if m["To"] == "ada@example.org"] == [
        "Your order 1",
        "Your order 3",
    ]
    assert confirm(topic, topic, sent.append, WAIT_MS) == 0


def test_a_crash_before_the_commit_repeats_the_mail(backend, topic):
    """An order whose mail failed is tried again by the next mailer."""
    place(topic, ORDERS[:1])

    def fail(_mail):
        raise ConnectionError("the mail server is down")

    with pytest.raises(ConnectionError):
        confirm(topic, topic, fail, WAIT_MS)
    sent = []
    assert confirm(topic, topic, sent.append, WAIT_MS) == 1


def test_it_runs_as_a_program(backend, topic):
    """The program places its orders and mails them; on a server a second run only new ones."""
    env = {**os.environ, "ORDERS_TOPIC": topic}
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-m", "examples.orders"],
            cwd=ROOT, env=env, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.endswith("3 mails sent\n")
