"""Action plugins of tasks, and whether they are ansible-core's own."""

import functools
from typing import Any

import ansible.plugins.action
from ansible import constants
from ansible.plugins.loader import action_loader, module_loader

from ansible_econtext.core import plugins


def action_plugin(task: Any) -> str:
    """Return the name of the action plugin of a task.

    It is "normal" for a module without one, and may be "unknown" for a plugin that is not
    ansible-core's own.  Source: `TaskExecutor._get_action_handler_with_module_context` in
    `executor/task_executor.py` and `Task.preprocess_data` in `playbook/task.py`, 2.19 to 2.21.
    """
    resolved = task._resolved_action or ""
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
    """Return whether an action plugin is ansible-core's, not one of the same name."""
    return _is_core_action(name, tuple(action_loader._extra_dirs))


@functools.lru_cache(maxsize=1000)
def _is_core_action(name: str, directories: tuple[str, ...]) -> bool:
    """Answer as `is_core_action`, for the `directories` that roles have added."""
    try:
        kind = action_loader.get(f"ansible.legacy.{name}", class_only=True)
    except Exception:  # it cannot be loaded, which the task reports
        return False
    return plugins.is_core_plugin(kind, ansible.plugins.action)
