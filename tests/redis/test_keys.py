"""Names and ids: the layout, which can never change."""

from __future__ import annotations

import re

import pytest

from streamfacade_redis.keys import BIAS, Namespace, after, escaped, new_topic_id


def tag(key):
    """Return the part of a key that Redis Cluster hashes."""
    return re.search(r"\{(.*?)\}", key).group(1)


def test_the_layout():
    """These names are what other versions and people with redis-cli rely on."""
    keys = Namespace("sf").partition("orders", "1abc", 2)
    assert keys.all == (
        "sf:t:{orders:2}:1abc:s", "sf:t:{orders:2}:1abc:log", "sf:t:{orders:2}:1abc:p",
        "sf:t:{orders:2}:1abc:x", "sf:t:{orders:2}:1abc:g",
    )  # fmt: skip
    names = Namespace("x")
    assert (names.meta, names.topics, names.groups) == ("x:meta", "x:topics", "x:groups")
    assert names.group("billing", "h") == "x:g:{billing}:h"


def test_keys_of_a_partition_share_a_tag():
    """All keys of one partition are in one slot, those of others elsewhere."""
    keys = Namespace().partition("a.b_c-d", "1x", 0)
    assert {tag(key) for key in keys.all} == {"a.b_c-d:0"}


@pytest.mark.parametrize("group", ["plain", "{}", "}x{", "a{b}c", "%7B", "ü {x} y", "orders:0"])
def test_keys_of_a_group_share_a_tag(group):
    """No group id can break the tag open or leave it empty."""
    names = Namespace()
    assert {tag(names.group(group, part)) for part in "hmdoe"} == {escaped(group)}
    assert tag(names.group(group, "h"))


def test_escaping_keeps_groups_apart():
    """Two group ids never share a key."""
    groups = ["{", "%7B", "%", "%25", "}", "%7D", "{}", "%257B"]
    assert len({escaped(group) for group in groups}) == len(groups)


def test_a_topic_id_tells_its_layout():
    """Ids begin with the layout version, sort by time, and differ."""
    ids = [new_topic_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert all(re.fullmatch(r"1[0-9a-z]{8}[0-9a-z]{4}", topic_id) for topic_id in ids)


def test_ids_sort_above_a_persons():
    """Every record's id is above what `XADD *` would give for a thousand years."""
    assert after(0) == f"{BIAS - 1}-18446744073709551615"
    assert 10**13 == BIAS > 32_503_680_000_000 // 4
