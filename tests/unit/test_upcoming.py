"""Which modules the next tasks will need."""

import pytest

pytest.importorskip("ansible._internal._task")  # ansible-core 2.19 and later
from ansible.playbook.task import Task  # noqa: E402
from ansible.plugins.loader import action_loader, module_loader  # noqa: E402

from ansible_econtext.seams import builds, upcoming  # noqa: E402

pytestmark = pytest.mark.usefixtures("names_of_collections")

OWN = builds.ROOT / "ansible" / "modules"


def task_of(action, **keywords):
    return Task.load({action: {}, **keywords})


def names_of(task):
    files = upcoming.modules_of(task)
    assert all(file.parent == OWN and file.is_file() for file in files)
    return [file.stem for file in files]


@pytest.mark.parametrize(
    ("action", "modules"),
    [
        ("ansible.builtin.ping", ["ping"]),
        ("ansible.legacy.ping", ["ping"]),
        ("lineinfile", ["lineinfile"]),
        ("ansible.builtin.copy", ["stat", "copy"]),
        ("template", ["stat", "copy"]),
        ("ansible.builtin.shell", ["command"]),
        ("command", ["command"]),
        ("setup", ["setup"]),
        ("ansible.builtin.debug", []),
        ("ansible.builtin.set_fact", []),
        ("ansible.builtin.service", []),
        ("ansible.builtin.meta", []),
        ("include_tasks", []),
    ],
)
def test_what_an_action_runs(action, modules):
    assert names_of(task_of(action)) == modules


def test_the_gathering_of_facts_runs_one():
    """It is a task that ansible-core makes, with an action that it does not resolve."""
    task = Task()
    task.action = "gather_facts"
    assert names_of(task) == ["setup"]


@pytest.fixture
def library(tmp_path):
    """A play's own plugins beside those of ansible-core, under two of their names."""
    for name in ("stat", "ping"):
        (tmp_path / f"{name}.py").write_text("from ansible.module_utils.basic import *\n")
    (tmp_path / "command.py").write_text("from ansible.plugins.action.normal import ActionModule\n")
    paths = {loader: list(loader._extra_dirs) for loader in (module_loader, action_loader)}
    for loader in paths:
        loader.add_directory(str(tmp_path))
    yield
    for loader, before in paths.items():
        loader._extra_dirs[:] = before
        loader._paths = None
        loader._plugin_path_cache.clear()


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(
    ("action", "modules"),
    [
        ("ansible.legacy.ping", []),
        ("ansible.builtin.ping", ["ping"]),
        ("ansible.builtin.copy", ["copy"]),
        ("ansible.builtin.command", []),
    ],
)
def test_modules_and_actions_of_others_are_left_alone(action, modules):
    assert names_of(task_of(action)) == modules


class Tasks:
    """An iterator of a play, as much of it as matters here."""

    def __init__(self, *actions):
        self.all_tasks = [task_of(action) for action in actions]
        self._upcoming = upcoming.Upcoming(self)

    def modules(self, place, count=6, task=None):
        own, others = self._upcoming.modules(task or self.all_tasks[place], count)
        return [file.stem for file in own], [file.stem for file in others]


def test_the_next_ones_in_their_order_and_each_once():
    tasks = Tasks("ping", "copy", "debug", "template", "command", "ping")
    assert tasks.modules(0) == (["ping"], ["stat", "copy", "command"])
    assert tasks.modules(3) == (["stat", "copy"], ["command", "ping"])
    assert tasks.modules(5) == (["ping"], [])


def test_not_more_than_some():
    tasks = Tasks("ping", "copy", "command", *["ping"] * 30, "lineinfile")
    assert tasks.modules(0, count=3) == (["ping"], ["stat", "copy"])
    assert tasks.modules(1, count=1) == (["stat", "copy"], [])
    assert tasks.modules(3) == (["ping"], [])


def test_what_is_included_later_is_seen():
    tasks = Tasks("ping", "command")
    assert tasks.modules(0) == (["ping"], ["command"])
    tasks.all_tasks[1:1] = [task_of("stat")]
    assert tasks.modules(0) == (["ping"], ["stat", "command"])


def test_a_handler_leaves_the_place_as_it_is():
    tasks = Tasks("ping", "command", "stat")
    tasks.modules(1)
    assert tasks.modules(None, task=task_of("setup")) == (["setup"], ["command", "stat"])


def test_a_build_of_ours_is_found_by_a_tasks_own(tmp_path, monkeypatch):
    from ansible import constants

    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    (module,) = upcoming.modules_of(task_of("ping"))
    assert not builds.is_built(module) and builds.archive_built(module) is None
    builds.build(module)
    assert builds.is_built(module)
    archive = builds.archive_built(module)
    found = []

    def recursive_finder(*args, **kwargs):
        found.append(args)

    monkeypatch.setattr(builds.module_common, "recursive_finder", recursive_finder)
    made = builds.module_common.modify_module(
        module_name="ping",
        module_path=str(module),
        module_args={"data": "x"},
        templar=None,
        task_vars={"ansible_playbook_python": "/usr/bin/python3"},
        module_compression=builds._compression(),
        remote_is_local=True,
    )
    assert not found and archive in made.b_module_data
