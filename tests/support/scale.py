"""How much is tested: one switch, the environment variable ECONTEXT_TEST_ALL.

Without it, as in `make test`, each kind of case is tested. With it, as in `make matrix`, each kind
is tested at each scale, by each route to the host, and by each Python.
"""

from __future__ import annotations

import os
from collections.abc import Container, Iterable
from typing import Any

import pytest

ALL = bool(os.environ.get("ECONTEXT_TEST_ALL"))

#: Marks a test, or a set of its parameters, whose kind other tests have; without the switch
#: tests/conftest.py deselects it.
more_of_a_kind = pytest.mark.more_of_a_kind


def parameters(values: Iterable[Any], always: Container[Any]) -> list[Any]:
    """Return parameters with these values; those that are not in `always` are more of a kind.

    A tuple is the values of several parameters of a test.
    """
    return [
        pytest.param(
            *(each if isinstance(each, tuple) else (each,)),
            marks=[] if each in always else more_of_a_kind,
        )
        for each in values
    ]


#: In which many tasks run at once.
MANY_HOSTS = 8 if ALL else 3


def a_part(values: list[Any]) -> list[Any]:
    """Return each tenth of these, from that on which ECONTEXT_TEST_TENTH names; all without it."""
    tenth = os.environ.get("ECONTEXT_TEST_TENTH")
    return values[int(tenth) :: 10] if tenth else values
