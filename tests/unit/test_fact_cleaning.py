"""Facts are cleaned as ansible-core cleans them."""

import copy
import os

import pytest

pytest.importorskip("ansible.module_utils._internal._datatag", reason="ansible-core 2.19 and later")
from ansible.module_utils._internal import _datatag  # noqa: E402
from ansible.module_utils._internal._datatag import _tags  # noqa: E402
from ansible.plugins.loader import connection_loader  # noqa: E402
from ansible.utils.display import Display  # noqa: E402
from ansible.vars import clean, manager  # noqa: E402

from ansible_econtext.patches import fact_cleaning  # noqa: E402


def tagged(value):
    return _datatag.AnsibleTagHelper.tag(value, [_tags.Deprecated(msg="in a file")])


FACTS = {
    "ansible_facts_of": {"a": [1, {"_ansible_inner": 1, "kept": None}], 3: "three"},
    "ansible_local": {"own": {"_ansible_x": 1, "y": ["z"]}},
    "_ansible_internal": 1,
    "ansible_ssh_port": 22,
    "ansible_ssh_host_key_rsa_public": "AAAA",
    "ansible_ssh_bridge": {"device": "ssh_bridge"},
    "ansible_become_user": "deploy",
    "ansible_python_interpreter": "/usr/bin/python3",
    "ansible_user": "deploy",
    "ansible_rsync_path": "rsync",
    "text": tagged("text"),
    "of_a_file": tagged({"a": tagged([tagged({"_ansible_no": 1, "b": tagged("c")})])}),
    "tuple": ({"_ansible_stays": 1},),
    "number": 1.5,
}


@pytest.fixture
def warned(monkeypatch):
    """Collect the texts of warnings."""
    said = []
    monkeypatch.setattr(Display, "warning", lambda self, text, *more, **others: said.append(text))
    return said


def cleaned(facts):
    """Return the second result of the patched `clean_facts` for the same facts."""
    with fact_cleaning.named_once():
        manager.clean_facts(facts)
        return manager.clean_facts(facts)


@pytest.mark.parametrize("facts", [FACTS, {}, tagged(FACTS)], ids=["many", "none", "tagged"])
def test_what_is_left_is_the_same(facts, warned):
    stock = clean.clean_facts(facts)
    ours = cleaned(facts)
    assert ours == stock
    assert list(ours) == list(stock)
    assert type(ours) is type(stock)
    for name, value in stock.items():
        assert type(ours[name]) is type(value), name
        assert _datatag.AnsibleTagHelper.tags(ours[name]) == _datatag.AnsibleTagHelper.tags(value)


def test_the_same_is_warned_of(warned):
    clean.clean_facts(FACTS)
    stock, warned[:] = sorted(warned), []
    with fact_cleaning.named_once():
        manager.clean_facts(FACTS)
    assert sorted(warned) == stock
    assert any("ansible_become_user" in text for text in stock)


def test_the_result_is_a_copy(warned):
    facts = copy.deepcopy(FACTS)
    ours = cleaned(facts)
    ours["ansible_facts_of"]["a"][1]["kept"] = "changed"
    ours["ansible_local"]["own"]["y"].append("changed")
    ours["of_a_file"]["a"].append("changed")
    ours["more"] = 1
    assert facts == FACTS


def test_values_are_never_kept(warned):
    with fact_cleaning.named_once():
        assert manager.clean_facts({"a": [1]}) == {"a": [1]}
        assert manager.clean_facts({"a": [2]}) == {"a": [2]}


def test_a_connection_plugin_that_comes_later_counts(tmp_path, monkeypatch, warned):
    facts = {"ansible_late_port": 1, "ansible_later_port": 2}
    monkeypatch.setattr(connection_loader, "_extra_dirs", list(connection_loader._extra_dirs))
    monkeypatch.setattr(connection_loader, "_paths", None)
    (tmp_path / "late.py").touch()
    os.utime(tmp_path, ns=(1, 1))  # the next change must not come in the same tick of the clock
    with fact_cleaning.named_once():
        assert manager.clean_facts(facts) == facts
        connection_loader.add_directory(str(tmp_path))
        assert manager.clean_facts(facts) == {"ansible_later_port": 2}
        (tmp_path / "later.py").touch()
        assert manager.clean_facts(facts) == {}
    monkeypatch.undo()
    connection_loader._paths = None


def test_nothing_is_left():
    stock = manager.clean_facts
    with fact_cleaning.named_once():
        assert manager.clean_facts is not stock
    assert manager.clean_facts is stock
