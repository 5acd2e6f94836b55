"""The fence script alone: who may commit, and what XINFO GROUPS shows of it."""

from __future__ import annotations

from tests.redis.tools import entry_id

NONE = b"-1"


def test_a_claim_gets_what_is_committed(part):
    """The claim and the reading of the offset are one step."""
    p = part()
    p.append([b"a", b"b"])
    assert p.fence("claim", "g", "A", 5) == [b"OK", NONE, NONE, b"", b"2", b"0", b" 0:0"]
    p.fence("commit", "g", "A", 5, 1, offset=2, epoch=0, metadata="note of A")
    assert p.fence("claim", "g", "B", 7)[:4] == [b"OK", b"2", b"0", b"note of A"]


def test_an_old_owner_is_fenced(part):
    """After a claim with a higher fence, claims and commits of the lower are refused."""
    p = part()
    p.fence("claim", "g", "A", 5)
    p.fence("claim", "g", "B", 7)
    p.fence("commit", "g", "B", 7, 1, offset=200)
    assert p.fence("commit", "g", "A", 5, 9, offset=150) == [b"FENCED", b"7"]
    assert p.fence("claim", "g", "A", 5) == [b"FENCED", b"7"]
    assert p.fence("commit", "g", "C", 7, 9, offset=1) == [b"FENCED", b"7"]
    assert p.fence("claim", "g", "B", 7)[1] == b"200"


def test_a_commit_that_was_overtaken_changes_nothing(part):
    """A counter that is not higher is answered OK and ignored."""
    p = part()
    p.fence("claim", "g", "A", 5)
    p.fence("commit", "g", "A", 5, 2, offset=20)
    assert p.fence("commit", "g", "A", 5, 1, offset=10)[:2] == [b"OK", b"20"]
    assert p.fence("commit", "g", "A", 5, 2, offset=10)[:2] == [b"OK", b"20"]


def test_a_new_fence_counts_anew(part):
    """The counter belongs to its fence."""
    p = part()
    p.fence("commit", "g", "A", 5, 100, offset=20)
    assert p.fence("commit", "g", "B", 6, 1, offset=30)[1] == b"30"


def test_a_commit_with_a_higher_fence_claims(part):
    """A claim lost in a failover is made up for by the next commit."""
    p = part()
    assert p.fence("commit", "g", "A", 5, 1, offset=3)[0] == b"OK"
    assert p.fence("claim", "g", "B", 5) == [b"FENCED", b"5"]


def test_a_released_partition_belongs_to_nobody(part):
    """After a release others may commit alone; the fence stays."""
    p = part()
    p.fence("claim", "g", "A", 5)
    assert p.fence("solo", "g", offset=1) == [b"OWNED", b"A"]
    p.fence("release", "g", "A", 5)
    assert p.fence("solo", "g", offset=1)[:2] == [b"OK", b"1"]
    assert p.fence("commit", "g", "Z", 4, 9, offset=9) == [b"FENCED", b"5"]


def test_a_late_commit_after_release_takes_nothing_back(part):
    """A commit under the own released fence is stored, and the partition stays free."""
    p = part()
    p.fence("claim", "g", "A", 5)
    p.fence("release", "g", "A", 5, 1)
    assert p.fence("commit", "g", "A", 5, 2, offset=4)[1] == b"4"
    assert p.fence("solo", "g", offset=5)[0] == b"OK"


def test_two_alone_overwrite_each_other(part):
    """Of two consumers without membership the last wins, as in Kafka."""
    p = part()
    assert p.fence("solo", "g", counter=50, offset=9)[1] == b"9"
    assert p.fence("solo", "g", counter=1, offset=3)[1] == b"3"


def test_clear_removes_a_dead_owner(part):
    """`clear` with a higher fence empties the owner and keeps the offset."""
    p = part()
    p.fence("commit", "g", "dead", 5, 1, offset=8)
    assert p.fence("clear", "g", fence=5)[0] == b"OK"
    assert p.fence("solo", "g", offset=9)[0] == b"OWNED"
    assert p.fence("clear", "g", fence=6)[1] == b"8"
    assert p.fence("solo", "g", offset=9)[1] == b"9"
    assert p.fence("commit", "g", "dead", 5, 2, offset=1) == [b"FENCED", b"6"]


def test_a_share_group_is_refused(part):
    """A group that is of type share cannot be committed for."""
    p = part()
    p.raw.hset(p.keys.groups, "t:g", "share")
    assert p.fence("claim", "g", "A", 5) == [b"TYPE", b"share"]


def test_groups_do_not_meet(part):
    """Each group has its own fence and offset, also with spaces in its name."""
    p = part()
    p.fence("commit", "my group", "A", 5, 1, offset=1)
    p.fence("commit", "my", "B", 3, 1, offset=2)
    assert p.fence("claim", "my group", "A", 5)[1] == b"1"
    assert p.fence("claim", "my", "B", 3)[1] == b"2"


def test_metadata_keeps_its_spaces(part):
    """Notes come back as they were, empty ones too."""
    p = part()
    p.fence("solo", "g", offset=1, metadata="a  b\nc ")
    assert p.fence("claim", "g", "A", 1)[3] == b"a  b\nc "


def test_the_commit_shows_in_xinfo_groups(part):
    """The Redis group of the same name stands at the committed offset, its lag is true."""
    p = part()
    p.append([b"v"] * 10)
    p.fence("solo", "g", offset=4)
    group = p.group("g")
    assert (group["entries-read"], group["lag"]) == (4, 6)
    assert group["last-delivered-id"].startswith(entry_id(3).split("-")[0].encode())
    p.append([b"v"] * 5, seq=10)
    assert p.group("g")["lag"] == 11


def test_rewinds_show_in_xinfo_groups(part):
    """A commit of 0 or of less than before moves the Redis group back."""
    p = part()
    p.append([b"v"] * 10)
    lags = []
    for offset in (10, 3, 0):
        p.fence("solo", "g", offset=offset)
        lags.append(p.group("g")["lag"])
    assert lags == [0, 7, 10]


def test_a_commit_beyond_the_end_is_kept(part):
    """The offset is stored as given; the Redis group shows no lag."""
    p = part()
    p.append([b"v"] * 10)
    assert p.fence("solo", "g", offset=99)[1] == b"99"
    assert p.group("g")["lag"] == 0


def test_lag_is_true_after_trimming(part):
    """Records that retention dropped do not disturb the lag of those committed behind them."""
    p = part(retention_ms=-1)
    p.append([b"v"] * 10)
    p.fence("solo", "g", offset=6)
    p.trim(4)
    assert p.group("g")["lag"] == 4
    p.trim(10)
    p.fence("solo", "g", offset=10)
    assert p.group("g")["lag"] == 0


def test_the_mirror_heals(part):
    """After XGROUP DESTROY, or DEL of the log, the next commit makes the group again."""
    p = part()
    p.append([b"v"] * 3)
    p.fence("solo", "g", offset=1)
    p.raw.xgroup_destroy(p.keys.log, "g")
    assert p.fence("solo", "g", offset=2)[0] == b"OK"
    assert p.group("g")["lag"] == 1
    p.raw.delete(p.keys.log)
    assert p.fence("solo", "g", offset=3)[0] == b"OK"


def test_a_broken_mirror_breaks_no_commit(part):
    """What the log key has become does not matter to a commit."""
    p = part()
    p.raw.set(p.keys.log, "by hand")
    assert p.fence("solo", "g", offset=3)[1] == b"3"
