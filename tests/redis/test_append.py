"""The append script alone: every word it answers, and what it leaves in the log."""

from __future__ import annotations

import time

import pytest
import redis

from streamfacade_redis.codec import encode
from tests.redis.tools import HERE, Partition, entry_id

HOUR, DAY = 3_600_000, 86_400_000


def test_ok_names_base_start_epoch_and_time(part):
    """OK has the base offset, the log's start, the leader epoch and no append time."""
    p = part()
    assert p.append([b"a", b"b"]) == [b"OK", 0, 0, 0, b""]
    assert p.append([b"c"], seq=2) == [b"OK", 2, 0, 0, b""]
    assert p.entries() == [(0, 1, [b"v", b"a"]), (1, 1, [b"v", b"b"]), (2, 1, [b"v", b"c"])]


def test_any_of_the_last_five_batches_is_a_duplicate(part):
    """A retry of batch 1 of a window of five is answered with its first offset."""
    p = part()
    bases = [p.append([b"x", b"y"], seq=seq)[1] for seq in (0, 2, 4, 6, 8)]
    again = [p.append([b"x", b"y"], seq=seq) for seq in (0, 2, 4, 6, 8)]
    assert again == [[b"DUP", b"%d" % base] for base in bases]
    assert p.bounds() == (0, 10)


def test_the_sixth_last_batch_is_forgotten(part):
    """A batch that is older than the last five is out of order, not stored again."""
    p = part()
    for seq in range(6):
        p.append(seq=seq)
    assert p.append(seq=0) == [b"OUT_OF_ORDER", 6]
    assert p.bounds() == (0, 6)


def test_a_gap_in_the_sequence_is_refused(part):
    """A batch whose predecessor is missing is refused with the number that is expected."""
    p = part()
    p.append([b"a", b"b"])
    assert p.append(seq=5) == [b"OUT_OF_ORDER", 2]


def test_a_newer_epoch_fences_the_older(part):
    """A new epoch starts at 0; from then on the old one is fenced."""
    p = part()
    p.append()
    assert p.append(epoch=1, seq=7) == [b"OUT_OF_ORDER", 0]
    assert p.append(epoch=1)[0] == b"OK"
    assert p.append(seq=1) == [b"FENCED", 1]


def test_an_unknown_producer_starts_anywhere(part):
    """A producer without history may begin with any sequence number."""
    p = part()
    assert p.append(seq=4711)[0] == b"OK"
    assert p.append(seq=4712)[0] == b"OK"


def test_new_producers_sweep_those_dead_for_a_day(part):
    """An unknown producer removes lines of a day ago, and leaves younger ones."""
    p = part()
    now = int(time.time() * 1000)
    p.raw.hset(p.keys.producers, "dead", f"0 {now - DAY - HOUR} 0:1:0")
    p.raw.hset(p.keys.producers, "alive", f"0 {now - HOUR} 0:1:0")
    for i in range(20):
        p.append(pid=f"new-{i}")
    names = set(p.raw.hkeys(p.keys.producers))
    assert b"dead" not in names
    assert {b"alive", b"_", b"new-0"} <= names


@pytest.mark.parametrize("form", ["uniform", "mixed"])
def test_a_large_record_is_named_and_nothing_is_written(part, form):
    """TOO_LARGE has the record's index; the records before it are not in the log."""
    p = part(max_message_bytes=100)
    values = [b"a", b"b", b"x" * 101, b"c"]
    mixed = [[b"v", value] for value in values]
    reply = p.append(values) if form == "uniform" else p.append_mixed(mixed)
    assert reply == [b"TOO_LARGE", 2]
    assert (p.entries(), p.bounds()) == ([], (0, 0))


def test_too_many_fields_are_named(part):
    """INVALID has the index of an entry that Lua could not unpack."""
    p = part()
    wide = [b"h.x", b""] * 3501
    assert p.append_mixed([[b"v", b"ok"], wide]) == [b"INVALID", 1]
    assert p.append_mixed([[b"v", b"ok"], wide[:7000]])[0] == b"OK"


def test_a_timestamp_of_the_future_is_named(part):
    """TIMESTAMP has the index of a record more than an hour ahead; half an hour is fine."""
    p = part()
    now = int(time.time() * 1000)
    assert p.append([b"a", b"b"], stamps=[now, now + 2 * HOUR]) == [b"TIMESTAMP", 1]
    assert p.entries() == []
    assert p.append([b"a"], stamps=[now + HOUR // 2])[0] == b"OK"


def test_another_incarnation_is_unknown(part):
    """A topic id that is not the state's is refused by every partition script."""
    p = part()
    assert p.append(topic_id="1other") == [b"UNKNOWN_TOPIC"]
    assert p.trim(topic_id="1other") == [b"UNKNOWN_TOPIC"]
    assert p.repair(topic_id="1other") == [b"UNKNOWN_TOPIC"]


def test_a_log_that_is_ahead_is_repaired(part):
    """LOG_AHEAD writes nothing; after repair the log goes on behind the foreign entry."""
    p = part()
    p.append([b"a"])
    p.raw.xadd(p.keys.log, {"v": "by hand"}, entry_id(4))
    assert p.append([b"b"], seq=1)[0] == b"LOG_AHEAD"
    assert p.bounds() == (0, 1)
    assert p.repair() == [b"OK", 5, 0]
    assert p.append([b"b"], seq=1)[:2] == [b"OK", 5]


def test_repair_leaves_a_sound_log_alone(part):
    """Repair of a log that agrees with its state changes nothing."""
    p = part()
    assert p.repair() == [b"OK", 0, 0]
    p.append([b"a", b"b"])
    assert p.repair() == [b"OK", 2, 0]


def test_repair_creates_a_log_that_is_gone(part):
    """After DEL of the log, repair makes an empty one whose start is its end."""
    p = part()
    p.append([b"a", b"b"])
    p.raw.delete(p.keys.log)
    assert p.repair() == [b"OK", 2, 2]
    assert p.raw.exists(p.keys.log)


def test_repair_refuses_a_log_whose_ids_are_used_up(part):
    """DAMAGED names the last id, when no more than re-creation helps."""
    p = part()
    far = f"{10**14}-1"
    p.raw.xadd(p.keys.log, {"v": "far"}, far)
    assert p.repair() == [b"DAMAGED", far.encode()]


def test_appending_goes_on_where_the_log_was_deleted(part):
    """DEL of the log is a trim: the next record takes the next offset."""
    p = part()
    p.append([b"a", b"b"])
    p.raw.delete(p.keys.log)
    assert p.append([b"c"], seq=2)[:2] == [b"OK", 2]
    assert p.entries() == [(2, 1, [b"v", b"c"])]


def test_another_server_starts_a_leader_epoch(part):
    """An append that names another run id starts an epoch at the end of the log."""
    p = part()
    p.append([b"a", b"b"])
    assert p.append([b"c"], seq=2)[3] == 0
    assert p.append([b"d"], seq=3, run="run-2")[3] == 1
    assert p.raw.hget(p.keys.state, "e").split() == [b"0:0", b"1:3"]


def test_both_forms_store_the_same(part):
    """What the uniform form stores is what the mixed form stores."""
    p, q = part(), part()
    records = [(b"k%d" % i, b"v%d" % i, None, None, None) for i in range(3)]
    stamps = [10, 20, 30]
    short = encode(records, stamps)
    long = [0, *(x for (k, v, *_), t in zip(records, stamps, strict=True)
                 for x in (1, t, 4, b"k", k, b"v", v))]  # fmt: skip
    assert short[0] == 2
    assert p.call_append(short, 3, "p", 0, 0, HERE, "") == q.call_append(
        long, 3, "p", 0, 0, HERE, ""
    )
    assert p.entries() == q.entries()


def test_memory_full_writes_nothing(own):
    """OOM refuses the append before it starts."""
    _, house, raw = own(args=["--maxmemory-policy", "noeviction"])
    p = Partition.of(raw, house.topic())
    raw.config_set("maxmemory", "1")
    with pytest.raises(redis.exceptions.OutOfMemoryError):
        p.append()
    assert (p.entries(), p.bounds()) == ([], (0, 0))
    assert p.fence("solo", "g", offset=0)[0] == b"OK"
