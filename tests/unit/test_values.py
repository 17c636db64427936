"""A copy of a value is what would come out of a pipe."""

import datetime
import pickle

import pytest

pytest.importorskip("ansible.release")
from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from ansible_econtext.seams import values, versions  # noqa: E402
from tests.unit.test_fields import seen  # noqa: E402

pytestmark = pytest.mark.skipif(
    not versions.is_known_since((2, 19)), reason="ansible-core 2.19 and later"
)


def tagged(value):
    from ansible._internal._datatag._tags import Origin

    return Origin(path="/play.yml", line_num=7).tag(value)


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    st.binary(),
    st.just(datetime.date(2026, 1, 2)),
)
NAMES = st.text() | st.text().map(lambda name: tagged(name) if name else name)
LEAVES = SCALARS | st.text().map(tagged) | st.integers().map(tagged)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tagged),
        st.dictionaries(NAMES, inner, max_size=4),
        st.dictionaries(NAMES, inner, max_size=4).map(tagged),
        st.lists(inner, max_size=3).map(tuple),
        st.frozensets(SCALARS, max_size=3),
    ),
    max_leaves=15,
)


@given(VALUES)
def test_a_copy_is_as_one_that_was_sent(value):
    made = values.copied(value)
    assert seen(made) == seen(pickle.loads(pickle.dumps(value)))


def test_a_copy_is_its_own():
    value = tagged({"list": tagged([{"inner": []}])})
    made = values.copied(value)
    made["list"][0]["inner"].append("more")
    made["list"].append("more")
    assert value == {"list": [{"inner": []}]}


def test_what_cannot_be_sent_is_refused():
    with pytest.raises((pickle.PicklingError, AttributeError, TypeError)):
        values.copied({"function": lambda: None})


def test_what_holds_itself_is_told():
    value = []
    value.append(value)
    with pytest.raises(RecursionError):
        values.copied(value)
