"""One group under fire: its members, its producer, its observer, and the verdict."""

from __future__ import annotations

import secrets
from contextlib import ExitStack

import pytest

from streamfacade import Admin
from streamfacade.testing.harness import PATIENCE, until
from tests.groups import verdict
from tests.groups.crew import Crew
from tests.groups.watch import Observer, Source

PARTITIONS = 6


class Field:
    """A topic being written, a group reading it, and somebody who watches."""

    def __init__(self, url, folder, **options):
        self.topic, self.group = (f"{what}-{secrets.token_hex(4)}" for what in ("topic", "group"))
        with Admin(bootstrap_servers=url) as admin:
            admin.create_topics({self.topic: {"num_partitions": PARTITIONS}})
        self.source = Source(url, self.topic)
        self.observer = Observer(url, self.topic, self.group, PARTITIONS)
        self.crew = Crew(url, self.topic, self.group, folder, **options)
        self.source.start()
        self.observer.start()

    def finish(self, patience=PATIENCE):
        """Let the members read and commit everything; return the tenures and the duplicates."""
        ends = self.source.finish()
        until(lambda: self.observer.last() == ends, "everything is committed", patience)
        self.crew.end()
        self.observer.finish()
        found = verdict.tenures(self.crew)
        verdict.check_complete(found, ends)
        verdict.check_order(found)
        verdict.check_commits(self.observer.seen)
        return found, verdict.check_duplicates(found, self.observer.seen)

    def close(self):
        """Leave nothing running."""
        self.crew.close()


@pytest.fixture
def field(tmp_path):
    """Lay out a field at a URL: `field(url, enable_auto_commit=True)`."""
    with ExitStack() as stack:

        def lay(url, **options):
            laid = Field(url, tmp_path, **options)
            stack.callback(laid.close)
            return laid

        yield lay


@pytest.fixture(params=["redis", "kafka"])
def backend(request):
    """Name each server in turn."""
    return request.param


@pytest.fixture
def url(request, backend):
    """Give the server that all tests of the run share."""
    return request.getfixturevalue(f"{backend}_url")
