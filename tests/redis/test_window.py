"""Batches on their way when one of them is refused or given up: the others are stored once."""

from __future__ import annotations

import time

from streamfacade.testing.harness import until
from tests.redis.tools import Partition

FULL = 500  # records of a full batch, which does not wait for the one before it


def burst(producer, topic, numbers, large=()):
    """Send numbers, some of them too large for the topic."""
    return [producer.send(topic, b"x" * 2000 if n in large else b"%d" % n) for n in numbers]


def test_a_refusal_while_others_await_a_replica(own):
    """Batches that are stored and unconfirmed are not stored again under new numbers."""
    _, house, raw = own(options={"request_timeout_ms": 500})
    part = Partition.of(raw, house.topic(min_insync_replicas=2, max_message_bytes=1000))
    producer = house.producer(delivery_timeout_ms=3000, linger_ms=20, batch_size=1 << 20)
    burst(producer, part.topic, range(4 * FULL), large={2 * FULL + 7})
    producer.flush(10)
    numbers = list(map(int, part.values()))
    assert numbers == sorted(set(numbers))
    assert set(range(2 * FULL)) <= set(numbers)


def test_an_expiry_while_others_may_be_stored(own):
    """A batch behind one that expired on a frozen server is stored, and once."""
    server, house, raw = own(options={"request_timeout_ms": 700, "reconnect_backoff_max_ms": 50})
    part = Partition.of(raw, house.topic())
    producer = house.producer(delivery_timeout_ms=800, linger_ms=20, batch_size=1 << 20)
    producer.send(part.topic, b"0").get(5)
    server.freeze()
    first = burst(producer, part.topic, range(1, FULL + 1))
    time.sleep(0.4)  # the second batch is to be younger than the first by that much
    second = burst(producer, part.topic, range(FULL + 1, 2 * FULL + 1))
    until(lambda: all(future.is_done for future in first), "the first batch expires", 5)
    server.thaw()
    producer.flush(10)
    numbers = list(map(int, part.values()))
    assert numbers == sorted(set(numbers))
    assert all(future.failed() for future in first)
    assert not any(future.failed() for future in second)


def test_many_refusals_in_a_full_window(own):
    """Records refused in every batch of a window: each alone, the order of the rest is kept."""
    _, house, raw = own()
    part = Partition.of(raw, house.topic(max_message_bytes=1000))
    producer = house.producer(linger_ms=20, batch_size=1 << 20)
    large = set(range(13, 10 * FULL, 450))
    futures = burst(producer, part.topic, range(10 * FULL), large)
    producer.flush(20)
    assert {n for n, future in enumerate(futures) if future.failed()} == large
    assert list(map(int, part.values())) == [n for n in range(10 * FULL) if n not in large]
