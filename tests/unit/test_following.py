"""Which tasks can be prepared before their turn."""

import types
from contextlib import nullcontext

import pytest

pytest.importorskip("ansible._internal._task")  # ansible-core 2.19 and later
from ansible.playbook.handler import Handler  # noqa: E402
from ansible.playbook.task import Task  # noqa: E402
from ansible.plugins.strategy import linear  # noqa: E402

from ansible_econtext import independent  # noqa: E402
from ansible_econtext.seams import following, runs  # noqa: E402
from ansible_econtext.seams.versions import ansible_version  # noqa: E402

pytestmark = pytest.mark.usefixtures("names_of_collections")

VARIABLES = {"word": "text", "ansible_user": "somebody"}


def task_of(kind=Task, **keywords):
    if not any(name.startswith("ansible.") for name in keywords):
        keywords["ansible.builtin.command"] = "echo {{ word }}"
    return kind.load(keywords)


@pytest.mark.parametrize(
    "task",
    [
        {},
        {"register": "told", "when": "word == 'text'", "become": True},
        {"ansible.builtin.ping": {}},
        {"changed_when": False},
        {"changed_when": True, "failed_when": False},
        {"ansible.builtin.lineinfile": {"path": "/x", "line": "{{ word }}"}},
        {"ignore_errors": True, "environment": {"WORD": "{{ word | upper }}"}},
        {"ansible.builtin.copy": {"content": "{{ word }}", "dest": "/x"}},
    ],
    ids=str,
)
def test_a_plain_task(task):
    assert following._is_plain(task_of(**task))
    following._check(task_of(**task), VARIABLES, frozenset(["before"]))


@pytest.mark.parametrize(
    "task",
    [
        {"failed_when": "false"},
        {"failed_when": True},
        {"changed_when": "word is defined"},
        {"changed_when": ["word is defined", False]},
        {"notify": "handler"},
        {"loop": [1, 2]},
        {"run_once": True},
        {"ignore_unreachable": True},
        {"ansible.builtin.systemd": {"name": "network"}},
        {"until": "true"},
        {"name": "a {{ word }}"},
        {"async": 10},
        {"delegate_to": "another"},
        {"ansible.builtin.copy": {"content": "x", "dest": "/x"}, "notify": "handler"},
        {"ansible.builtin.fetch": {"src": "/x", "dest": "/y"}},
        {"ansible.builtin.setup": {}},
        {"ansible.builtin.set_fact": {"a": 1}},
        {"ansible.builtin.user": {"name": "somebody"}},
    ],
    ids=str,
)
def test_no_plain_task(task):
    assert not following._is_plain(task_of(**task))


def test_an_action_that_is_none():
    """As that of a task that ansible-core makes itself."""
    task = Task()
    task.action = "gather_facts"
    assert not following._is_plain(task)


def test_no_handler():
    assert not following._is_plain(task_of(Handler, name="handler"))


@pytest.mark.parametrize(
    "task",
    [
        {"when": "told is success"},
        {"when": "ansible_failed_result is defined"},
        {"become": "{{ told.rc == 0 }}"},
        {"environment": {"LAST": "{{ indirectly }}"}},
        {"args": {"chdir": "{{ told.stdout }}"}},
        {"args": {"chdir": "{{ lookup('file', '/etc/motd') }}"}},
        {"when": "hostvars[inventory_hostname].word == 'text'"},
        {"vars": {"econtext_next_task": False}},
    ],
    ids=str,
)
def test_a_task_that_depends_on_the_one_before_it(task):
    variables = {**VARIABLES, "indirectly": "{{ told.rc }}", **task.get("vars", {})}
    with pytest.raises(independent.Dependent):
        following._check(task_of(**task), variables, frozenset(["told"]))


def test_a_host_that_is_reached_by_what_was_registered():
    variables = {**VARIABLES, "ansible_host": "{{ told.stdout }}"}
    with pytest.raises(independent.Dependent):
        following._check(task_of(), variables, frozenset(["told"]))


def test_a_host_that_is_reached_by_what_is_registered():
    with pytest.raises(independent.Dependent):
        following._check(task_of(), VARIABLES, frozenset(["ansible_port"]))


def test_a_file_that_may_be_rendered_with_what_was_registered():
    task = task_of(**{"ansible.builtin.template": {"src": "x.j2", "dest": "/x"}})
    assert following._is_plain(task)
    following._check(task, VARIABLES, frozenset())
    with pytest.raises(independent.Dependent):
        following._check(task, VARIABLES, frozenset(["told"]))


def test_a_copy_by_somebodys_own_module(monkeypatch):
    task = task_of(**{"ansible.builtin.copy": {"content": "x", "dest": "/x"}})
    with monkeypatch.context() as changed:
        changed.setattr(runs, "is_core_module", lambda name: name != "file")
        assert not following._is_plain(task)
    template = task_of(**{"ansible.builtin.template": {"src": "x.j2", "dest": "/x"}})
    monkeypatch.setattr(runs, "is_core_action", lambda name: name != "copy")
    assert not following._is_plain(template)


def test_which_tasks_are_one_call():
    tasks = following.Tasks(Strategy(), iterator())
    assert tasks.is_one_call(task_of())
    assert not tasks.is_one_call(task_of(**{"ansible.builtin.copy": {"src": "x", "dest": "/x"}}))


@pytest.mark.parametrize(
    "variables, may_be_discovered",
    [
        ({}, True),
        ({"ansible_python_interpreter": "auto_silent"}, True),
        ({"ansible_python_interpreter": "{{ python | default('auto') }}"}, True),
        ({"ansible_python_interpreter": "/usr/bin/python3"}, False),
        ({"ansible_facts": {"discovered_interpreter_python": "/usr/bin/python3"}}, False),
    ],
    ids=str,
)
def test_an_interpreter_that_the_present_task_may_find(variables, may_be_discovered):
    expected = pytest.raises(independent.Dependent) if may_be_discovered else nullcontext()
    with expected:
        following._check_discovery(variables)


@pytest.mark.parametrize("name", ["local", "ansible.builtin.local"])
def test_the_controllers_own_host(name):
    with pytest.raises(independent.Dependent):
        following._check(task_of(), {**VARIABLES, "ansible_connection": name}, frozenset())


class Strategy(linear.StrategyModule):
    def __init__(self, step=False):
        self._step = step


def iterator(batch_size=1, vars_files=()):
    play = types.SimpleNamespace(get_vars_files=lambda: list(vars_files))
    return types.SimpleNamespace(batch_size=batch_size, _play=play)


def test_only_with_a_linear_strategy_and_one_host():
    def may(strategy, iterator):
        return following.Tasks(strategy, iterator).may_precede(task_of())

    assert may(Strategy(), iterator())
    assert not may(object(), iterator())
    assert not may(Strategy(step=True), iterator())
    assert not may(Strategy(), iterator(batch_size=2))
    assert not may(Strategy(), iterator(vars_files=["some.yml"]))


@pytest.mark.skipif(ansible_version < (2, 21), reason="ansible-core 2.21 and later")
def test_what_is_registered_by_an_expression_may_fail():
    assert not following._is_plain(task_of(register={"told": "_task.result.stdout_lines[1]"}))


class Iterator:
    """Goes through tasks; where it is in them is a number in a list."""

    batch_size = 1
    _play = types.SimpleNamespace(get_vars_files=list)

    def __init__(self, *tasks):
        self._tasks = tasks
        self.place = 0

    def get_next_task_for_host(self, host, peek):
        assert peek
        return self._get_next_task_from_state([0], host)

    def get_host_state(self, host):
        return [self.place]

    def _get_next_task_from_state(self, state, host):
        state[0] += 1
        return state, self._tasks[state[0] - 1] if state[0] <= len(self._tasks) else None


@pytest.fixture
def three(monkeypatch):
    """What comes after a task, of which there are three; the arguments of that task."""
    strategy = Strategy()
    strategy._tqm = types.SimpleNamespace(_terminated=False, _failed_hosts={})
    strategy._hosts_cache = strategy._hosts_cache_all = []
    given = {**VARIABLES, "ansible_python_interpreter": "/usr/bin/python3"}
    strategy._variable_manager = types.SimpleNamespace(get_vars=lambda **keywords: dict(given))
    monkeypatch.setattr(strategy, "add_tqm_variables", lambda variables, play: None)
    monkeypatch.setattr(following.builds, "is_built", lambda module: module.stem == "command")
    tasks = [task_of(), task_of(), task_of(**{"ansible.builtin.ping": {}})]
    return following.Tasks(strategy, Iterator(*tasks)), tasks, {"host": None, "task": task_of()}


def test_one_task_after_the_other(three):
    following_tasks, tasks, arguments = three
    found, state = following_tasks.after(arguments, frozenset())
    assert found["task"] is tasks[0] and state == [1]
    found, after_it = following_tasks.after(found, frozenset(), state)
    assert found["task"] is tasks[1] and after_it == [2]
    assert state == [1]  # it may be asked again


def test_further_ahead_than_the_next_one_nothing_is_built(three):
    following_tasks, tasks, arguments = three
    arguments = {**arguments, "task": tasks[1]}
    assert following_tasks.after(arguments, frozenset(), [2]) is None
    following.builds.is_built = lambda module: True
    found, _ = following_tasks.after(arguments, frozenset(), [2])
    assert found["task"] is tasks[2]


def test_further_ahead_than_the_next_one_the_interpreter_is_to_be_known(three):
    following_tasks, _, arguments = three
    following_tasks._strategy._variable_manager.get_vars = lambda **keywords: dict(VARIABLES)
    assert following_tasks.after(arguments, frozenset()) is not None
    assert following_tasks.after(arguments, frozenset(), [0]) is None


def test_what_is_given_is_the_same_task_come_to_in_the_same_way(three):
    following_tasks, tasks, _ = three
    prepared = {"host": "host", "task": tasks[0], "play_context": "context"}
    given = dict(prepared)
    assert not following_tasks.is_as_expected(prepared, [1], given)
    following_tasks._iterator.place = 1
    assert following_tasks.is_as_expected(prepared, [1], given)
    for name, other in (("host", "another"), ("task", tasks[1]), ("play_context", "another")):
        assert not following_tasks.is_as_expected(prepared, [1], {**given, name: other})


def test_nothing_is_after_the_last_one_or_what_depends_on_those_before(three):
    following_tasks, _, arguments = three
    assert following_tasks.after(arguments, frozenset(), [3]) is None
    assert following_tasks.after(arguments, frozenset(["word"])) is None
