"""What a driver's author provides to run the conformance suite, and what the suite works with.

A driver's test file is a fixture `backend` and one import:

    from streamfacade.testing.harness import Harness
    from streamfacade.testing.suite import *

    @pytest.fixture(scope="module")
    def backend(my_url):
        with Harness(my_url) as backend:
            yield backend

The server behind the URL is shared by all tests: each takes topics and groups of its own.
"""

from __future__ import annotations

import functools
import secrets
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, cast

import pytest

from streamfacade import Admin, Consumer, Producer, TopicPartition, _registry
from streamfacade.testing._worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from typing_extensions import Self

    from streamfacade.driver import Capability
    from streamfacade.structs import ConsumerRecord, RecordMetadata

    Record = ConsumerRecord[Any, Any]

T = TypeVar("T")
Test = TypeVar("Test", bound="Callable[..., None]")

PATIENCE = 30.0
"""Seconds after which a test gives up waiting for what must happen."""
_BRIEFLY = 0.01
_BYSTANDER = {"allow_auto_create_topics": False}  # else it may revive a topic that a test deletes


class Harness:
    """Clients of one backend for one test after another, closed when the test ends."""

    session_timeout_ms = 1500
    """How soon the group notices a killed member; what the server allows at least."""

    def __init__(self, url: str, **options: Any) -> None:
        """Run the suite at `url`; `options` are for every client."""
        self.url = url
        self._options = {"bootstrap_servers": url, **options}
        self._backend = _registry.find(url)
        self._shared = ExitStack()
        self._clients = ExitStack()

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What the driver says it can do."""
        return self._backend.capabilities

    # Clients

    def producer(self, **options: Any) -> Producer[Any, Any]:
        """Open a producer for this test."""
        return self._open(Producer(**self._options, **options))

    def consumer(self, *topics: str, **options: Any) -> Consumer[Any, Any]:
        """Open a consumer that starts at the beginning and commits only when told to."""
        return self._open(Consumer(*topics, **self._reading(options)))

    def reader(self, topic: str, *partitions: int, **options: Any) -> Consumer[Any, Any]:
        """Open a consumer with partitions of one topic assigned by hand, 0 if none is named."""
        consumer = self.consumer(**options)
        consumer.assign([TopicPartition(topic, p) for p in partitions or (0,)])
        return consumer

    def admin(self) -> Admin:
        """Open an admin client for this test."""
        return self._open(Admin(**self._options))

    def _reading(self, options: dict[str, Any]) -> dict[str, Any]:
        defaults = {"auto_offset_reset": "earliest", "enable_auto_commit": False}
        return {**self._options, **defaults, **options}

    def _open(self, client: T) -> T:
        self._clients.callback(client.close)  # type: ignore[attr-defined] # all clients have it
        return client

    # Members that may die

    def worker(self, *topics: str, **options: Any) -> Consumer[Any, Any]:
        """Open a consumer that may be killed; its polls and commits answer as any consumer's."""
        worker = Worker(topics, self._reading(options))
        self._clients.callback(worker.kill)
        return cast("Consumer[Any, Any]", worker)

    def kill(self, worker: Consumer[Any, Any]) -> None:
        """End a worker as SIGKILL ends a process: it says goodbye to nobody."""
        cast("Worker", worker).kill()

    def freeze(self, worker: Consumer[Any, Any]) -> None:
        """Stop a worker as SIGSTOP stops a process; nothing of it runs until `thaw`."""
        cast("Worker", worker).freeze()

    def thaw(self, worker: Consumer[Any, Any]) -> None:
        """Let a frozen worker go on, unaware of the time that has passed."""
        cast("Worker", worker).thaw()

    # Topics and records

    def name(self) -> str:
        """Return a name that no topic or group has."""
        return f"suite-{secrets.token_hex(6)}"

    def topic(self, partitions: int = 1, **configs: Any) -> str:
        """Create a topic; configs are written with underscores for dots."""
        name = self.name()
        dotted = {config.replace("_", "."): value for config, value in configs.items()}
        self._admin.create_topics({name: {"num_partitions": partitions, "configs": dotted}})
        return name

    def send(self, topic: str, *values: bytes | None, **rest: Any) -> list[RecordMetadata]:
        """Send values and wait until they are stored; `rest` is for each of them."""
        futures = [self.sender.send(topic, value, **rest) for value in values]
        return [future.get(PATIENCE) for future in futures]

    def end(self, topic: str, partition: int = 0) -> int:
        """Return the offset that the partition's next record will have."""
        place = TopicPartition(topic, partition)
        return self._reader.end_offsets([place])[place]

    @functools.cached_property
    def _admin(self) -> Admin:
        return self._shared.enter_context(Admin(**self._options))

    @functools.cached_property
    def sender(self) -> Producer[Any, Any]:
        """The producer that all tests share; none may close it."""
        return self._shared.enter_context(Producer(**self._options, **_BYSTANDER))

    @functools.cached_property
    def _reader(self) -> Consumer[Any, Any]:
        return self._shared.enter_context(Consumer(**self._options, **_BYSTANDER))

    # Life

    @contextmanager
    def test(self) -> Iterator[Self]:
        """Close what one test opens, the last first, even if a test before could not."""
        with ExitStack() as self._clients:
            yield self

    def __enter__(self) -> Self:
        """Return the harness."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the clients that all tests shared."""
        self._shared.close()


@pytest.fixture
def harness(backend: Harness) -> Iterator[Harness]:
    """Give a test the backend, and close its clients afterwards."""
    with backend.test():
        yield backend


def requires(capability: Capability) -> Callable[[Test], Test]:
    """Skip a test, by the capability's name, where the backend lacks what it is about."""
    return _only(lambda harness: capability in harness.capabilities, f"lacks {capability.value}")


def lacking(capability: Capability) -> Callable[[Test], Test]:
    """Skip a test, by the capability's name, where the backend has what it does without."""
    return _only(lambda harness: capability not in harness.capabilities, f"has {capability.value}")


def _only(fits: Callable[[Harness], bool], why: str) -> Callable[[Test], Test]:
    def decorate(test: Test) -> Test:
        @functools.wraps(test)
        def run(*args: Any, **fixtures: Any) -> None:
            if not fits(fixtures["harness"]):
                pytest.skip(why)
            test(*args, **fixtures)

        return cast("Test", run)

    return decorate


def label(value: object) -> str:
    """Return a value as part of a test's name: pytest doubles backslashes each time it looks."""
    return ascii(value).replace("\\", "")


def read(consumer: Consumer[Any, Any], count: int, patience: float = PATIENCE) -> list[Record]:
    """Poll until there are `count` records, and return them; fail if there are fewer or more."""
    records: list[Record] = []
    deadline = time.monotonic() + patience
    while len(records) < count and time.monotonic() < deadline:
        for taken in consumer.poll(timeout_ms=500).values():
            records += taken
    if len(records) != count:
        pytest.fail(f"{len(records)} records instead of {count}: {records[-3:]!r:.500}")
    return records


def some(consumer: Consumer[Any, Any]) -> list[Record]:
    """Return the records of the first poll that returns any."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if polled := consumer.poll(timeout_ms=500):
            return [record for records in polled.values() for record in records]
    pytest.fail(f"no record within {PATIENCE} s")


def polling(
    consumer: Consumer[Any, Any],
    condition: Callable[[], object],
    what: str,
    patience: float = PATIENCE,
) -> None:
    """Poll, whatever records come, until something holds; fail, saying what did not, if not."""
    until(lambda: condition() or (consumer.poll(timeout_ms=50) is None), what, patience)


def values(records: list[Record]) -> list[Any]:
    """Return the records' values."""
    return [record.value for record in records]


def until(condition: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
    """Wait until something holds; fail, saying what did not, if it never does."""
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {patience} s: {what}")
        time.sleep(_BRIEFLY)
