"""A copy of a value is what would come out of a pipe."""

import dataclasses
import datetime
import pickle

import pytest

pytest.importorskip("ansible.release")
from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from ansible_econtext.core import results, values  # noqa: E402
from tests.support.core import needs_2_19  # noqa: E402
from tests.unit.test_field_validation import seen  # noqa: E402

pytestmark = needs_2_19


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


def copy_of(value):
    return results._copied(Sent(value, 1))


@dataclasses.dataclass(frozen=True)
class Sent:
    value: object
    other: object


@given(VALUES)
def test_a_copy_is_as_one_that_was_sent(value):
    made = copy_of(value)
    assert type(made) is Sent and made.other == 1
    assert seen(made.value) == seen(pickle.loads(pickle.dumps(value)))


def test_a_copy_is_its_own():
    value = tagged({"list": tagged([{"inner": []}])})
    made = copy_of(value).value
    made["list"][0]["inner"].append("more")
    made["list"].append("more")
    assert value == {"list": [{"inner": []}]}


def test_what_is_one_thing_stays_one():
    """As the items that `loop_control: {extended: true}` gives to each result."""
    for items in ([{"name": "one"}], tagged([{"name": "one"}])):
        value = {"results": [{"allitems": items} for _ in range(3)], "more": (1, {"set"})}
        for sent in (value, {**value, "more": None}):
            first, *others = (each["allitems"] for each in copy_of(sent).value["results"])
            assert all(each is first for each in others) and first is not items


def test_what_cannot_be_sent_is_refused():
    with pytest.raises((pickle.PicklingError, AttributeError, TypeError)):
        copy_of({"function": lambda: None})


def test_what_holds_itself_does_so_after_it():
    value = []
    value.append(value)
    made = copy_of(value).value
    assert made[0] is made and made is not value


@pytest.mark.parametrize(
    ("value", "may_be"),
    [("{{ x }}", True), ("#jinja2: trim_blocks: true", True), ("text", False), (7, False)],
)
def test_what_may_be_a_template(value, may_be):
    assert values.may_be_template(value) is may_be
