"""What a user reads about a host that was not reached."""

from ansible_econtext.client.messages import FailureCode, NotReached
from ansible_econtext.connection import errors
from econtext.boot import first_stage


def not_reached(stderr: str) -> NotReached:
    return NotReached(FailureCode.NOT_STARTED, "it did not start", 0, "ssh", 1, stderr, None)


def test_a_python_without_input_names_what_to_do():
    error = errors.error_of(not_reached(first_stage.NO_BUNDLE.decode()), None, "")
    assert isinstance(error, errors.NoPython)
    assert "ansible_pipelining set to false" in error.stderr


def test_other_words_are_those_of_the_host():
    error = errors.error_of(not_reached("sh: 1: exec: python: not found"), None, "")
    assert isinstance(error, errors.NoPython)
    assert error.stderr == "sh: 1: python: not found\n"
