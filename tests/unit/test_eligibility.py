"""Which tasks have their items sent ahead."""

import pytest

pytest.importorskip("ansible._internal._task")  # ansible-core 2.19 and later
from ansible.playbook.task import Task  # noqa: E402
from ansible.utils.display import Display  # noqa: E402

from ansible_econtext.pipeline import eligibility  # noqa: E402

pytestmark = pytest.mark.usefixtures("names_of_collections")

ITEMS = [1, 2, 3, 4]
VARIABLES = {"word": "text", "ansible_user": "somebody"}


def may_run_ahead(variables=None, items=ITEMS, **task):
    if not any(name.startswith("ansible.") for name in task):
        task["ansible.builtin.command"] = "echo {{ item }}"
    made = {"loop": ITEMS, **task}
    return eligibility.may_run_ahead(Task.load(made), {**VARIABLES, **(variables or {})}, items)


@pytest.mark.parametrize(
    "task",
    [
        {},
        {"register": "told", "failed_when": "told.rc > 1", "changed_when": "'x' in told.stdout"},
        {"when": ["item > 2", "word is defined"], "become": True, "become_user": "{{ word }}"},
        {"environment": [{"NUMBER": "{{ item }}"}], "no_log": "{{ item > 2 }}"},
        {"loop_control": {"label": "{{ told.rc | default(0) }}", "index_var": "number"}},
        {"ansible.builtin.stat": {"path": "/{{ item }}"}},
        {"ansible.builtin.shell": {"cmd": "echo {{ item }}"}},
        {"loop": "{{ query('fileglob', '/tmp/*') }}"},
    ],
    ids=str,
)
def test_items_that_do_not_matter_to_each_other(task):
    assert may_run_ahead(**task)


@pytest.mark.parametrize(
    "task",
    [
        {"until": "told is success", "register": "told"},
        {"retries": 2},
        {"delegate_to": "{{ item }}"},
        {"loop_control": {"pause": 1}},
        {"loop_control": {"extended": True}},
        {"loop_control": {"break_when": ["item == 2"]}},
        {"register": "told", "when": "told is not defined"},
        {"register": "told", "environment": {"LAST": "{{ told.stdout }}"}},
        {"register": "told", "loop": ["{{ told.rc | default(0) }}", 1, 2]},
        {"register": "told", "variables": {"ansible_host": "{{ told.stdout }}"}},
        {"register": "told", "variables": {"econtext_terminal": "{{ told.rc == 0 }}"}},
        {"failed_when": "lookup('file', '/etc/motd') == item"},
        {"ansible.builtin.getent": {"database": "passwd"}},
        {"ansible.builtin.copy": {"content": "x", "dest": "/x"}},
        {"variables": {"econtext_loops": False}},
        {"variables": {"econtext_loops": "no"}},
        {"items": [1, 2]},
    ],
    ids=str,
)
def test_items_that_may(task):
    assert not may_run_ahead(**task)


def test_the_environment_turns_it_off(monkeypatch):
    monkeypatch.setenv("ANSIBLE_ECONTEXT_LOOPS", "0")
    assert not may_run_ahead()


def test_the_reason_is_told(monkeypatch):
    told = []
    monkeypatch.setattr(Display, "vvv", lambda self, text, **kwargs: told.append(text))
    may_run_ahead(retries=2)
    assert told == ["econtext: items one by one: retries"]
