"""`inspect` knows what it would find out, and goes through no other modules for it."""

import inspect
import os
import sys

import pytest

pytest.importorskip("ansible.release")
from ansible.utils import display  # noqa: E402

from ansible_econtext.patches import inspect_modules  # noqa: E402


def test_a_look_at_the_stack_goes_through_no_other_modules(monkeypatch):
    before = inspect.stack()
    monkeypatch.setattr(inspect, "modulesbyfile", {})
    inspect_modules.tell_of_modules()
    known = dict(inspect.modulesbyfile)
    assert known[os.path.abspath(__file__)] == __name__
    assert known[display.__file__] == display.__name__
    for file, name in known.items():
        assert os.path.abspath(sys.modules[name].__file__) == file
    here = inspect.stack()
    assert inspect.modulesbyfile == known
    assert [each.function for each in here] == [each.function for each in before]
    assert [each.code_context for each in here[1:]] == [each.code_context for each in before[1:]]


def test_what_inspect_knows_already_stays(monkeypatch):
    file = os.path.abspath(__file__)
    monkeypatch.setattr(inspect, "modulesbyfile", {file: "another"})
    inspect_modules.tell_of_modules()
    assert inspect.modulesbyfile[file] == "another"


def test_an_inspect_of_another_kind_is_left_alone(monkeypatch):
    monkeypatch.delattr(inspect, "modulesbyfile")
    inspect_modules.tell_of_modules()
    assert not hasattr(inspect, "modulesbyfile")
