"""What is sent: keys of 8 bytes, values of 100, the same for every peer."""

from __future__ import annotations

import random
from itertools import cycle, islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    Pair = tuple[bytes, bytes]

VALUE_BYTES = 100
BATCH = 500

_dice = random.Random(7)
# Keys repeat, as keys do; made beforehand, as making them is not what is measured.
_POOL = [(b"%08d" % number, _dice.randbytes(VALUE_BYTES)) for number in range(1000)]


def pairs(count: int) -> Iterator[Pair]:
    """Give so many keys and values."""
    return islice(cycle(_POOL), count)


def batches(count: int) -> Iterator[list[Pair]]:
    """Give so many keys and values, at most 500 at a time."""
    left = pairs(count)
    return iter(lambda: list(islice(left, BATCH)), [])
