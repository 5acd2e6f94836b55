"""The conformance suite on Kafka."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streamfacade.testing.harness import Harness
from streamfacade.testing.suite import *  # noqa: F403 - the tests

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def backend(kafka_url: str) -> Iterator[Harness]:
    """Run on the Kafka that all tests share."""
    with Harness(kafka_url) as backend:
        yield backend
