"""Which modules the tasks of a play will need, as far as that can be said before they run."""

import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

from ansible.plugins.loader import module_loader

from ansible_econtext.seams import builds, runs

#: What action plugins of ansible-core run in any case, or nearly so; source: `plugins/action/`,
#: 2.19 to 2.21.  Others choose a module by what is known of the host, or run none.
_OF_ACTIONS = {
    "command": ("command",),
    "copy": ("stat", "copy"),
    "fetch": ("stat",),
    "gather_facts": ("setup",),
    "shell": ("command",),
    "template": ("stat", "copy"),
    "unarchive": ("stat", "unarchive"),
}

#: Actions that a strategy does itself; source: `plugins/strategy/`, 2.19 to 2.21.
_OF_STRATEGIES = frozenset(["import_role", "import_tasks", "include_role", "include_tasks", "meta"])

#: How many tasks to look at.
_TASKS = 16

_OWN = builds.ROOT / "ansible" / "modules"


class Upcoming:
    """The modules that a play's tasks will need, the tasks being those of its iterator."""

    def __init__(self, iterator: Any) -> None:
        self._iterator = iterator
        self._place = 0
        #: By the names of an action.
        self._known: dict[tuple[str, str], list[pathlib.Path]] = {}

    def modules(self, task: Any, count: int) -> tuple[list[pathlib.Path], list[pathlib.Path]]:
        """The files of the modules that a task needs, and of those that some of the next tasks
        need besides; up to this many of both."""
        own = self._of(task)
        following = [module for each in self._tasks_from(task) for module in self._of(each)]
        others = [module for module in dict.fromkeys(following) if module not in own]
        return own, others[: max(0, count - len(own))]

    def _tasks_from(self, task: Any) -> Sequence[Any]:
        """A task and the next ones.

        Source: `PlayIterator.all_tasks`, 2.19 to 2.21, to which the linear strategy adds what is
        included.  A handler is not among them: then what is known of the place stays.
        """
        tasks = list(self._iterator.all_tasks)
        places = range(self._place, len(tasks))
        self._place = next((n for n in places if tasks[n]._uuid == task._uuid), self._place)
        return tasks[self._place : self._place + _TASKS]

    def _of(self, task: Any) -> list[pathlib.Path]:
        names = task._resolved_action, task.action
        if names not in self._known:
            self._known[names] = modules_of(task)
        return self._known[names]


def modules_of(task: Any) -> list[pathlib.Path]:
    """The files of the modules that a task will need, as far as they are ansible-core's own, and
    as far as it is known which they are."""
    action = task._resolved_action or f"ansible.legacy.{task.action}"
    namespace, _, name = action.rpartition(".")
    if namespace not in ("ansible.builtin", "ansible.legacy") or name in _OF_STRATEGIES:
        return []
    # That facts are gathered is a task of ansible-core's, which it does not resolve.
    plugin = runs.action_plugin(task) if task._resolved_action else name
    if plugin == "normal":
        return list(_files([action]))
    if plugin not in _OF_ACTIONS or not runs.is_core_action(plugin):
        return []
    return list(_files([f"ansible.legacy.{module}" for module in _OF_ACTIONS[plugin]]))


def _files(modules: Sequence[str]) -> Iterator[pathlib.Path]:
    for module in modules:
        # As `_configure_module` in `plugins/action/__init__.py` looks for it, 2.19 to 2.21.
        found = module_loader.find_plugin_with_context(module, ".py")
        file = pathlib.Path(found.plugin_resolved_path or "")
        if file.parent == _OWN:
            yield file
