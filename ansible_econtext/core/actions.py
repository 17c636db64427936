"""Which action plugin runs a task, and whether it and its modules are ansible-core's own."""

import functools
import os
import sys
from typing import Any

import ansible.modules
import ansible.plugins.action
from ansible import constants
from ansible.plugins.loader import action_loader, module_loader


def resolved_name(task: Any) -> str:
    """Return the full name of what a task's action resolved to, or nothing.

    Source: `Task.preprocess_data` in `playbook/task.py`, 2.19 to 2.21.
    """
    return task._resolved_action or ""


def action_plugin(task: Any) -> str:
    """The name of the action plugin that will run a task; "normal" for a module without one.

    Source: `TaskExecutor._get_action_handler_with_module_context`, 2.19 to 2.21.  A plugin that
    is not ansible-core's own is "unknown".
    """
    resolved = resolved_name(task)
    namespace, _, name = resolved.rpartition(".")
    if namespace in ("ansible.builtin", "ansible.legacy"):
        return name if action_loader.has_plugin(resolved) else _normal()
    where = {"collection_list": task.collections}
    module = module_loader.find_plugin_with_context(task.action, **where)
    may_have_one = (
        not module.resolved
        or module.action_plugin
        or action_loader.has_plugin(task.action, **where)
        or task.action.rpartition(".")[2].partition("_")[0] in constants.NETWORK_GROUP_MODULES
    )
    return "unknown" if may_have_one else _normal()


def _normal() -> str:
    return "normal" if is_core_action("normal") else "unknown"


def is_core_action(name: str) -> bool:
    """Whether a plugin is ansible-core's own: a play may have one of the same name beside it."""
    return _is_core_action(name, tuple(action_loader._extra_dirs))


@functools.lru_cache(maxsize=1000)
def _is_core_action(name: str, directories: tuple[str, ...]) -> bool:
    """`directories` are those of roles, which come as roles are loaded."""
    try:
        kind = action_loader.get(f"ansible.legacy.{name}", class_only=True)
    except Exception:  # it cannot be loaded: the task will be told
        return False
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    return file is not None and os.path.dirname(file) in ansible.plugins.action.__path__
