"""Deep copies of variables are the copies that `copy.deepcopy` made before."""

import copy

import pytest

pytest.importorskip("ansible.module_utils._internal._datatag", reason="ansible-core 2.19 and later")
from ansible.module_utils._internal import _datatag  # noqa: E402
from ansible.module_utils._internal._datatag import _tags  # noqa: E402

from ansible_econtext.patches import deep_copies  # noqa: E402

ORIGIN = _tags.Deprecated(msg="in a file")


def tagged(value):
    return _datatag.AnsibleTagHelper.tag(value, [ORIGIN])


def tags_of(value):
    """The type and tags of a value and of all in it."""
    members = []
    if isinstance(value, dict):
        members = [(tags_of(name), tags_of(each)) for name, each in value.items()]
    elif isinstance(value, list | tuple):
        members = [tags_of(each) for each in value]
    return type(value), _datatag.AnsibleTagHelper.tags(value), members


class Mutable:
    """Object of a type that Ansible knows nothing of."""

    def __init__(self):
        self.found = [tagged("x")]

    def __eq__(self, other):
        return self.found == other.found

    __hash__ = None


@pytest.mark.parametrize(
    "value",
    [
        tagged("text"),
        tagged(3),
        [tagged("text"), None, True],
        tagged({"a": tagged(["b", tagged("c")]), tagged("d"): {"e": tagged(1.5)}}),
        {"a": (tagged("b"), [1])},
        {"a": tagged([Mutable()])},
    ],
)
def test_a_copy_is_what_it_was(value):
    stock = copy.deepcopy(value)
    with deep_copies.shared_scalars():
        made = copy.deepcopy(value)
    assert made == stock == value
    assert tags_of(made) == tags_of(stock)


def test_what_can_change_is_not_shared():
    value = tagged({"a": tagged([tagged({"b": "c"})]), "d": Mutable()})
    with deep_copies.shared_scalars():
        made = copy.deepcopy(value)
    made["a"][0]["b"] = "other"
    made["a"].append("other")
    made["d"].found.append("other")
    made["e"] = "other"
    assert value == {"a": [{"b": "c"}], "d": Mutable()}


def test_what_stands_twice_stands_twice_in_the_copy():
    inner = tagged(["x"])
    value = tagged({"a": inner, "b": [inner]})
    value["itself"] = value
    with deep_copies.shared_scalars():
        made = copy.deepcopy(value)
    assert made["a"] is made["b"][0] is not inner
    assert made["itself"] is made


def test_nothing_is_left():
    before = dict(copy._deepcopy_dispatch)
    with pytest.raises(KeyboardInterrupt), deep_copies.shared_scalars():
        assert copy._deepcopy_dispatch != before
        raise KeyboardInterrupt
    assert copy._deepcopy_dispatch == before
