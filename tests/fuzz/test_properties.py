"""The properties, by a few inputs in each run; `make fuzz` tries many (scripts/fuzz)."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.scale import ALL

from . import corpus
from .properties import PROPERTIES

pytestmark = pytest.mark.timeout(120)


def hypothesis_test(name: str):
    """A property as a test of hypothesis, of which the fuzzer takes `fuzz_one_input` as well."""

    @settings(
        deadline=None,
        max_examples=500 if ALL else 50,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example],
    )
    @given(st.binary(max_size=2000))
    def test(data: bytes) -> None:
        PROPERTIES[name](data)

    return test


@pytest.mark.parametrize("name", PROPERTIES)
def test_inputs_of_hypothesis(name: str) -> None:
    check = hypothesis_test(name)
    check()


@pytest.mark.parametrize("name", PROPERTIES)
def test_inputs_of_the_corpus(name: str) -> None:
    inputs = corpus.read(name)
    assert inputs
    for data in inputs:
        PROPERTIES[name](data)


def test_each_file_of_the_corpus_is_of_a_property() -> None:
    assert {path.stem for path in corpus.DIRECTORY.iterdir()} == set(PROPERTIES)
