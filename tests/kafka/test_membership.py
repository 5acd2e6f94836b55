"""librdkafka's own spelling of a member."""

from __future__ import annotations

import pytest

from streamfacade_kafka.membership import Identity, pack, unpack

from .conftest import fetching


@pytest.mark.parametrize(
    "identity",
    [Identity("g", 7, "m", "i"), Identity("g", 7, "m"), Identity("ü"), Identity("g", 1, "m", "")],
    ids=repr,
)
def test_what_is_packed_can_be_unpacked(identity):
    """Nothing gets lost, also not an instance that is missing or empty."""
    assert unpack(pack(identity)) == identity


def test_another_format_is_refused():
    """A librdkafka that writes it differently is noticed."""
    with pytest.raises(ValueError, match="group metadata"):
        unpack(b"CGMDv9:xxxx")


@pytest.mark.parametrize("instance", [None, "here"])
def test_the_installed_librdkafka_spells_it_so(kafka, instance):
    """What the bindings give for a live member is what `pack` writes."""
    topic = kafka.topic()
    consumer, sink = kafka.consumer(group_id=topic, group_instance_id=instance)
    consumer.subscribe([topic])
    fetching(lambda: sink.has("assigned"), consumer)
    theirs = consumer._consumer.consumer_group_metadata()
    assert pack(unpack(theirs)) == theirs
    assert unpack(theirs).group_id == topic
    assert unpack(theirs).generation > 0
    assert unpack(theirs).instance_id == instance
