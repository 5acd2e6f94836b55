"""Segments, and what retention and `trim` drop: whole segments, from the head."""

from __future__ import annotations

import time
from types import SimpleNamespace

from streamfacade.testing.harness import until
from streamfacade_redis.janitor import Janitor
from streamfacade_redis.keys import BIAS

HOUR = 3_600_000
KB = b"x" * 1000


def fill(p, segments, *, seq=0, stamps=None):
    """Append so many segments of 4,096 records, and return the next number."""
    for _ in range(segments * 8):
        n = 512
        assert p.append([b"v"] * n, seq=seq, stamps=[stamps or 1] * n)[0] == b"OK"
        seq += n
    return seq


def segments(p):
    """Return (base, newest, bytes) of the closed segments."""
    lines = p.raw.zrange(p.keys.segments, 0, -1)
    return [tuple(map(int, line.split())) for line in lines if line != b"~"]


def test_a_segment_is_closed_at_4096_records(part):
    """Segments roll by records."""
    p = part(retention_ms=-1)
    fill(p, 2)
    assert segments(p) == [(0, 1, 4096), (4096, 1, 4096)]


def test_a_segment_is_closed_at_a_mebibyte(part):
    """Segments roll by bytes."""
    p = part()
    now = int(time.time() * 1000)
    for seq in range(0, 1500, 500):
        p.append([KB] * 500, seq=seq, stamps=[now] * 500)
    assert segments(p) == [(0, now, 1_500_000)]


def test_maxlen_keeps_at_least_so_many_records(part):
    """A segment goes when the records behind it are enough."""
    p = part(maxlen=4096, retention_ms=-1)
    seq = fill(p, 1)
    assert p.bounds() == (0, 4096)
    fill(p, 1, seq=seq)
    assert p.bounds() == (4096, 8192)
    assert p.entries()[0][0] == 4096


def test_retention_bytes_keeps_at_least_so_many(part):
    """A segment goes when the bytes behind it are enough."""
    p = part(retention_bytes=4000, retention_ms=-1)
    fill(p, 2)
    assert p.bounds() == (4096, 8192)


def test_retention_ms_drops_what_is_old(part):
    """A segment goes when its newest record is too old; a young one stays."""
    p = part(retention_ms=HOUR)
    now = int(time.time() * 1000)
    seq = fill(p, 1, stamps=now - 2 * HOUR)
    assert p.bounds() == (4096, 4096)
    fill(p, 1, seq=seq, stamps=now)
    assert p.bounds() == (4096, 8192)


def test_an_append_drops_two_segments_at_most(part):
    """The work of one append is bounded, however much has expired."""
    p = part(retention_ms=-1)
    seq = fill(p, 4)
    p.raw.hset(p.keys.state, "c", f"{HOUR} -1 -1 1048588 0 {HOUR}")
    p.append(seq=seq, stamps=[int(time.time() * 1000)])
    assert p.bounds()[0] == 8192
    assert p.trim(-1, 1) == [b"OK", 12288, 1]
    assert p.trim(-1, 1) == [b"OK", 16384, 0]


def test_trim_closes_an_idle_segment_that_has_expired(part):
    """Old records go although nobody appends any more."""
    p = part(retention_ms=1)
    p.append([b"a", b"b"], stamps=[1, 1])
    until(lambda: p.trim() == [b"OK", 2, 0], "retention drops the idle segment")
    assert (p.bounds(), p.entries()) == ((2, 2), [])
    assert p.append([b"c"], seq=2)[:2] == [b"OK", 2]


def test_trim_to_an_offset_cuts_inside_a_segment(part):
    """`trim` to an offset keeps exactly what is at it and behind it."""
    p = part(retention_ms=-1)
    p.append([b"a", b"b", b"c"])
    assert p.trim(2) == [b"OK", 2, 0]
    assert [offset for offset, _, _ in p.entries()] == [2]
    assert p.trim(1) == [b"OK", 2, 0]
    assert p.trim(99) == [b"OK", 3, 0]


def test_trim_to_an_offset_takes_several_calls_for_many_segments(part):
    """The reply says that there is more to drop."""
    p = part(retention_ms=-1)
    fill(p, 3)
    assert p.trim(3 * 4096 - 1, 1) == [b"OK", 4096, 1]
    assert p.trim(3 * 4096 - 1, 1) == [b"OK", 12287, 0]


def test_a_segment_by_time_is_found_after_retention(part, house):
    """Looking up an offset by time never answers one that retention has dropped."""
    p = part(retention_ms=HOUR)
    now = int(time.time() * 1000)
    seq = fill(p, 1, stamps=now - 2 * HOUR)
    p.append([b"new"], seq=seq, stamps=[now])
    reader = house.reader(p.topic)
    (place,) = reader.assignment()
    found = reader.offsets_for_times({place: now - 3 * HOUR})[place]
    assert (found.offset, found.timestamp) == (4096, now)


def test_a_trimmed_log_keeps_its_last_id(part):
    """Retention that empties a log loses no offset."""
    p = part(retention_ms=1)
    p.append([b"a"], stamps=[1])
    p.trim()
    last = p.raw.xinfo_stream(p.keys.log)["last-generated-id"]
    assert last == b"%d-1" % BIAS


def test_a_janitor_trims_what_has_gone_quiet(part):
    """Nobody appends any more, and still what is too old goes."""
    p = part(retention_ms=1000)
    now = int(time.time() * 1000)
    fill(p, 1, stamps=now)
    quiet = SimpleNamespace(topic_id=p.topic_id, keys=p.keys)
    janitor = Janitor(p.script, interval=0)

    def swept():
        janitor.sweep(lambda: [quiet])
        return p.bounds() == (4096, 4096)

    until(swept, "the log is empty")
    assert p.raw.xlen(p.keys.log) == 0
