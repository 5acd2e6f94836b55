"""What goes on beside the group: a steady producer, and an observer of its commits."""

from __future__ import annotations

import threading
import time
from collections import defaultdict

from streamfacade import Consumer, Producer, TopicPartition
from streamfacade.errors import KafkaError
from streamfacade.testing.harness import PATIENCE

KEYS = 20
PAUSE = 0.02


class Thread(threading.Thread):
    """Repeats `step` until it is stopped; its error comes out of `stop`."""

    def __init__(self):
        super().__init__(daemon=True)
        self._over = threading.Event()
        self._error = None

    def run(self):
        """Go on and on."""
        try:
            while not self._over.wait(PAUSE):
                self.step()
        except BaseException as error:  # noqa: BLE001 - it is raised in `stop`
            self._error = error

    def stop(self):
        """End, and raise what went wrong."""
        self._over.set()
        self.join(PATIENCE)
        assert not self.is_alive()
        if self._error:
            raise self._error

    def step(self):
        """Do it once."""
        raise NotImplementedError


class Source(Thread):
    """Sends numbers, each key's from 0 on."""

    def __init__(self, url, topic):
        super().__init__()
        self._topic = topic
        self._producer = Producer(bootstrap_servers=url, key_serializer=str.encode)
        self._next = 0
        self._futures = []

    def step(self):
        """Send the next number of each of a few keys."""
        for _ in range(5):
            number, key = divmod(self._next, KEYS)
            value = str(number).encode()
            self._futures.append(self._producer.send(self._topic, value, key=f"k{key}"))
            self._next += 1

    def finish(self):
        """Stop; return how many records each partition has, all of them stored."""
        self.stop()
        self._producer.flush(PATIENCE)
        stored = [future.get(PATIENCE) for future in self._futures]
        self._producer.close()
        ends = defaultdict(int)
        for metadata in stored:
            ends[metadata.partition] += 1
        assert sorted((m.partition, m.offset) for m in stored) == sorted(
            (p, offset) for p, end in ends.items() for offset in range(end)
        ), "the producer's own promise: each record once"
        return dict(ends)


class Observer(Thread):
    """Looks at the committed offsets all the time."""

    def __init__(self, url, topic, group, partitions):
        super().__init__()
        self._consumer = Consumer(bootstrap_servers=url, group_id=group, enable_auto_commit=False)
        self._places = [TopicPartition(topic, p) for p in range(partitions)]
        self.seen: dict[int, list[tuple[float, int]]] = defaultdict(list)

    def step(self):
        """Note what is committed now, if that is something new."""
        for place in self._places:
            try:
                offset = self._consumer.committed(place, timeout_ms=2000)
            except KafkaError:
                return  # the server is away
            seen = self.seen[place.partition]
            if offset is not None and (not seen or seen[-1][1] != offset):
                seen.append((time.monotonic(), offset))

    def last(self):
        """Return what was committed when last looked."""
        return {p: seen[-1][1] for p, seen in self.seen.items() if seen}

    def finish(self):
        """Stop looking."""
        self.stop()
        self._consumer.close()
