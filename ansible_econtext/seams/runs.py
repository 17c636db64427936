"""What a run of ansible-core is set up with, and how it runs a task."""

import contextlib
import functools
import os
import pathlib
import sys
import threading
from collections.abc import Callable
from typing import Any

import ansible.modules
import ansible.plugins.action
from ansible import constants
from ansible.plugins.loader import (
    action_loader,
    become_loader,
    connection_loader,
    module_loader,
    shell_loader,
)
from ansible.utils.display import Display

from ansible_econtext.seams.versions import ansible_version, is_known_since

display = Display()

#: Seconds; who has the lock for longer waits for somebody to read what is printed.
_LONGEST_PRINT = 5.0


def keeps_remote_files() -> bool:
    """Source: `ConnectionBase.is_pipelining_enabled` in 2.19 and later, ActionBase before."""
    return bool(constants.DEFAULT_KEEP_REMOTE_FILES)


def own_directory() -> pathlib.Path:
    """A directory of this run alone, mode 0700, known to its workers and removed at exit.

    Source: `DEFAULT_LOCAL_TMP` in `config/base.yml`, whose type is tmppath.
    """
    return pathlib.Path(constants.DEFAULT_LOCAL_TMP)


def home_directory() -> pathlib.Path:
    """Where Ansible keeps what outlives a run; source: `ANSIBLE_HOME` in `config/base.yml`."""
    return pathlib.Path(constants.ANSIBLE_HOME)


def load_ahead() -> None:
    """Load what each worker would load for itself, once, before any is forked.

    Source: a profile of workers of 2.19: the plugins of almost every task, and
    from 2.19 on the modules of the serialization profile.
    """
    for loader, name in (
        (connection_loader, "ssh"),
        (connection_loader, "local"),
        (shell_loader, "sh"),
        (action_loader, "normal"),
        (become_loader, "sudo"),
    ):
        with contextlib.suppress(Exception):  # one of a play's own: the task will be told
            loader.get(name, class_only=True)
    with contextlib.suppress(ImportError, AttributeError):  # up to 2.18 there are no profiles
        from ansible.module_utils.common import json

        for direction in json.Direction:
            json.get_module_encoder("legacy", direction)
            json.get_module_decoder("legacy", direction)


def keep_output() -> None:
    """Let no other thread print any more, at the exit of a run.

    Source: `Display` in `utils/display.py`, 2.16 to 2.21: whatever is printed takes its lock, and
    so does the last flush of an interpreter that ends. A thread of an interrupted run that has
    it then is stopped for good, and nobody could end.
    """
    if any(thread.daemon for thread in threading.enumerate()):
        display._lock.acquire(timeout=_LONGEST_PRINT)


def name_strategy(iterator: Any, stock: type) -> None:
    """Have a play say that it runs under the stock strategy of this class.

    Source: the `default` callback, 2.16 to 2.21, looks there for `free` and
    `host_pinned`, under which it prints a task's banner for each host again.
    """
    iterator._play.strategy = stock.__module__.rpartition(".")[2]


def can_run_tasks() -> bool:
    """Whether `run_task` knows this ansible-core: 2.19 to 2.21."""
    return is_known_since((2, 19))


def has_known_templates() -> bool:
    """Whether Jinja2 has no other extensions than ansible-core gives it."""
    return list(constants.DEFAULT_JINJA2_EXTENSIONS or ()) == []


def run_task(arguments: dict[str, Any], kind: Any, before_sending: Callable[[], None]) -> None:
    """Run a task and send its result, as a worker process does but for leaving its process.

    `arguments` are those of WorkerProcess, `kind` is TaskExecutor or derived from it.
    Source: `WorkerProcess._run` in `executor/process/worker.py`, 2.19 to 2.21, with its reply to
    a result that cannot be sent left out: the thread then counts as dead.
    """
    task, host, final_queue = arguments["task"], arguments["host"], arguments["final_q"]
    common = (
        arguments["play_context"],
        arguments["loader"],
        arguments["shared_loader_obj"],
        final_queue,
        arguments["variable_manager"],
    )
    from ansible._internal import _task

    if ansible_version < (2, 21):
        from ansible.executor.task_result import _RawTaskResult

        variables = arguments["task_vars"]
        with _task.TaskContext(task):
            result = kind(host, task, variables, *common).run()
            before_sending()
            final_queue.send_task_result(
                _RawTaskResult(
                    host=host, task=task, return_data=result, task_fields=task.dump_attrs()
                )
            )
        return
    with _task.TaskContext.create(task=task, task_vars=arguments["task_vars"], host_name=host.name):
        task.squash()
        result = kind(host, *common).run()
        result.finalize_registered_values()
        before_sending()
        task.ignore_errors = result.ignore_errors
        task.ignore_unreachable = result.ignore_unreachable
        final_queue.send_task_result(host, task, result)


def action_plugin(task: Any) -> str:
    """The name of the action plugin that will run a task; "normal" for a module without one.

    Source: `TaskExecutor._get_action_handler_with_module_context`, 2.19 to 2.21.  A plugin that
    is not ansible-core's own is "unknown".
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


def is_core_module(name: str) -> bool:
    """Whether the module that ansible-core's action plugins mean by this name is its own."""
    return _is_core_module(name, tuple(module_loader._extra_dirs))


@functools.lru_cache(maxsize=1000)
def _is_core_module(name: str, directories: tuple[str, ...]) -> bool:
    path = module_loader.find_plugin(f"ansible.legacy.{name}")
    return path is not None and os.path.dirname(path) in ansible.modules.__path__
