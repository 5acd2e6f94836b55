"""Every error of librdkafka has a meaning here."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError as Cause
from confluent_kafka import KafkaException

from streamfacade import errors
from streamfacade_kafka.codes import NOT_A_MEMBER
from streamfacade_kafka.errors import LOCAL, commit_failed, translated

CODES = {
    name: code
    for name in dir(Cause)
    if name.isupper() and isinstance(code := getattr(Cause, name), int)
}
LOCAL_CODES = {name: code for name, code in CODES.items() if name.startswith("_")}
SERVER_CODES = {name: code for name, code in CODES.items() if code > 0}


@pytest.mark.parametrize("name", sorted(LOCAL_CODES))
def test_every_local_code_is_mapped(name):
    """Librdkafka has no code of its own that falls through."""
    assert LOCAL_CODES[name] in LOCAL


def test_nothing_else_is_mapped():
    """The map has no code that librdkafka does not."""
    assert set(LOCAL) == set(LOCAL_CODES.values())


@pytest.mark.parametrize("name", sorted(LOCAL_CODES))
def test_local_errors_carry_their_text_and_cause(name):
    """The message says what was tried and librdkafka's words; the cause is its exception."""
    raised = KafkaException(Cause(LOCAL_CODES[name], "in its words"))
    error = translated(raised, "try it")
    assert isinstance(error, errors.KafkaError)
    assert error.__cause__ is raised
    assert "try it: in its words" in str(error)


@pytest.mark.parametrize("name", sorted(SERVER_CODES))
def test_server_codes_mean_the_same_on_both_sides(name):
    """A number of the protocol becomes the class of that number."""
    error = translated(Cause(SERVER_CODES[name], "words"))
    assert type(error) is errors.for_code(SERVER_CODES[name])
    assert isinstance(error.__cause__, KafkaException)


@pytest.mark.parametrize("code", sorted(NOT_A_MEMBER))
def test_a_commit_of_a_stranger_failed(code):
    """Whatever says "not a member" is CommitFailedError when it answers a commit."""
    assert isinstance(commit_failed(Cause(code, "words"), "commit"), errors.CommitFailedError)


def test_other_commit_errors_keep_their_class():
    """A rebalance is no eviction."""
    error = commit_failed(Cause(Cause.REBALANCE_IN_PROGRESS, "words"), "commit")
    assert type(error) is errors.RebalanceInProgressError


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("_TIMED_OUT", errors.KafkaTimeoutError),
        ("_MSG_TIMED_OUT", errors.KafkaTimeoutError),
        ("_TRANSPORT", errors.KafkaConnectionError),
        ("_FENCED", errors.ProducerFencedError),
        ("_STATE", errors.IllegalStateError),
        ("_AUTO_OFFSET_RESET", errors.OffsetOutOfRangeError),
        ("_AUTHENTICATION", errors.SaslAuthenticationFailedError),
    ],
)
def test_what_applications_catch(code, error):
    """The common ones are kafka-python's classes."""
    assert type(translated(Cause(CODES[code]))) is error
