"""ansible-core finds the frame that it would find."""

import inspect
import traceback

import pytest

pytest.importorskip("ansible.module_utils._internal._stack", reason="ansible-core 2.19 and later")
from ansible.module_utils._internal import _deprecator, _stack  # noqa: E402

from ansible_econtext.patches import caller_frame  # noqa: E402


@pytest.fixture
def patched(monkeypatch):
    monkeypatch.setattr(_stack, "caller_frame", _stack.caller_frame)
    caller_frame.find_it_alone()


def asked():
    _skip_stackwalk = True
    return _stack.caller_frame()


def through_one_more():
    _skip_stackwalk = True
    return asked()


@pytest.mark.parametrize("asks", [asked, through_one_more])
def test_it_is_the_frame_that_has_no_mark(asks, monkeypatch):
    found = []
    for patch in (False, True):
        if patch:
            monkeypatch.setattr(_stack, "caller_frame", caller_frame.caller_frame)
        found.append(asks())
    stock, own = found
    assert own.frame is stock.frame is inspect.currentframe()
    assert (own.filename, own.function) == (stock.filename, stock.function)
    assert traceback.format_stack(own.frame) == traceback.format_stack(stock.frame)


def test_no_source_is_read(patched, monkeypatch):
    monkeypatch.setattr(inspect, "findsource", lambda *_: pytest.fail("the source was read"))
    assert asked().filename == __file__


def test_a_plugin_is_named(patched):
    code = compile(
        "def warn():\n return find()\n", "/x/ansible_collections/a/b/plugins/lookup/c.py", "exec"
    )
    names = {"find": _deprecator.get_best_deprecator}
    exec(code, names)
    assert names["warn"]().resolved_name == "a.b.c"
