"""A member in a process of its own: `python -m tests.groups.member JSON`.

It writes what happens to it line by line: when (seconds of the machine's clock), what, details.

    ready | joined ID | assigned P.. | revoked P.. | lost P..
    got P OFFSET KEY NUMBER | refused | late

What it got it writes before it commits it. SIGTERM makes it leave in good order.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from contextlib import suppress

from streamfacade import Consumer, ConsumerRebalanceListener
from streamfacade.errors import CommitFailedError, KafkaTimeoutError, RebalanceInProgressError


class Diary(ConsumerRebalanceListener):
    """A file of lines, each written at once and whole."""

    def __init__(self, path, stuck_in):
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._stuck_in = stuck_in

    def note(self, *lines):
        """Write lines, all of this moment."""
        now = time.monotonic()
        os.write(self._file, "".join(f"{now} {line}\n" for line in lines).encode())

    def on_partitions_assigned(self, assigned):
        """Note what came."""
        self._tell("assigned", assigned)

    def on_partitions_revoked(self, revoked):
        """Note what goes."""
        self._tell("revoked", revoked)

    def on_partitions_lost(self, lost):
        """Note what is gone."""
        self._tell("lost", lost)

    def _tell(self, what, partitions):
        self.note(" ".join([what, *(str(p.partition) for p in sorted(partitions))]))
        if what == self._stuck_in:
            signal.pause()


def work(consumer, diary, stopping, *, commits, batch):
    """Read, note and commit until it is time to go."""
    known, dirty = "", False
    while not stopping.is_set():
        polled = consumer.poll(100, max_records=batch)
        records = [record for records in polled.values() for record in records]
        diary.note(*(f"got {r.partition} {r.offset} {r.key} {r.value}" for r in records))
        member = consumer.group_metadata().member_id
        if member and member != known:
            diary.note(f"joined {member}")
            known = member
        dirty = bool(commits and (records or dirty)) and not commit(consumer, diary)


def commit(consumer, diary):
    """Commit what was read, and return whether it was; if not, the next poll may say why."""
    try:
        consumer.commit(timeout_ms=5000)
    except (CommitFailedError, RebalanceInProgressError):
        diary.note("refused")
    except KafkaTimeoutError:
        diary.note("late")
    else:
        return True
    return False


def main():
    """Live as a member until SIGTERM."""
    order = json.loads(sys.argv[1])
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    diary = Diary(order["diary"], order["stuck_in"])
    diary.note("ready")
    consumer = Consumer(key_deserializer=bytes.decode, value_deserializer=int, **order["options"])
    consumer.subscribe([order["topic"]], listener=diary)
    commits = not order["options"]["enable_auto_commit"]
    work(consumer, diary, stopping, commits=commits, batch=order["batch"])
    with suppress(KafkaTimeoutError):
        consumer.close(timeout_ms=5000)


if __name__ == "__main__":
    main()
