"""How ansible-core runs the items of a loop, and how they are run ahead of it.

`Executor` runs a loop as its stock class does, with the stock method; but what comes of an
item may have been made already, by a copy of the executor in another thread.
"""

import copy
import os
from collections.abc import Callable, Mapping
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean
from ansible.utils.display import Display

from ansible_econtext.client import client, endpoint
from ansible_econtext.core import actions, plugin_use, task_context
from ansible_econtext.core.versions import ansible_version
from ansible_econtext.pipeline import template_dependencies
from ansible_econtext.pipeline.loop_pipeline import Loop
from ansible_econtext.workers import connection_cache

display = Display()

#: Actions that are one call of a module.
_ACTIONS = frozenset(["command", "shell", "normal"])

#: Modules of ansible-core of which nothing is known to later items but what was registered:
#: they give no facts, and change nothing that a slave needs.
_MODULES = frozenset(
    "ansible.builtin." + name
    for name in """apt apt_key apt_repository assemble blockinfile command cron deb822_repository
    debconf expect file find get_url git group iptables known_hosts lineinfile ping pip replace
    rpm_key shell slurp stat subversion systemd systemd_service sysvinit tempfile wait_for
    yum_repository""".split()
)

#: Attributes of a task that say nothing of what an item does, or are looked at by other means.
_OTHERS = frozenset(
    """changed_when failed_when loop loop_control loop_with name notify register tags until vars
    when""".split()
)


class Executor(connection_cache.Executor):
    """Source: `TaskExecutor._run_loop` and `_execute` in `executor/task_executor.py`, 2.19 to
    2.21, and `TaskContext` in `_internal/_task.py`, 2.21."""

    #: What runs items ahead, while a loop runs for which it may be done.
    _econtext_loop: Loop | None = None
    #: The number of the item that is run next.
    _econtext_number = 0
    _econtext_run_process = 0

    def _run_loop(self, items: list[Any]) -> Any:
        variables = self._econtext_variables()
        if not _may_run_ahead(self._task, variables, items):
            return super()._run_loop(items)
        task, play_context = self._task, self._play_context
        copies: list[Executor] = []

        context = task_context.current() if ansible_version >= (2, 21) else None
        left: dict[str, Any] = {}  # what the last item of the stock way left there

        def runner() -> Callable[[int], Any]:
            made = _copy_of(self)
            copies.append(made)
            left.update({} if left else variables)
            if context is not None:
                return _ItemOf221(made, task, play_context, items, left, context).run
            return _ItemOf219(made, task, play_context, items, left).run

        def connect() -> client.Client:
            return client.borrow(endpoint.of_run(), self._econtext_run_process or os.getpid())

        self._econtext_loop = Loop(len(items), connect, runner)
        try:
            return super()._run_loop(items)
        finally:
            self._econtext_loop.close()
            self._econtext_loop = None
            for each in copies:
                if each._connection is not None:
                    each._connection.close()

    def _execute(self, *args: Any, **kwargs: Any) -> Any:
        loop = self._econtext_loop
        if loop is None:
            return self._econtext_execute(*args, **kwargs)
        number = self._econtext_number
        self._econtext_number += 1
        outcome = loop.run(number, lambda: self._econtext_execute(*args, **kwargs))
        if not isinstance(outcome, _Outcome):
            return outcome
        # The fields of the task as they came to be for this item.
        self._task.__dict__.update(outcome.task.__dict__)
        if ansible_version >= (2, 21):
            task_context.current()._record_result(outcome.result)
        return outcome.result


def _copy_of(executor: Executor) -> Executor:
    """An executor for other items, with a connection of its own."""
    made: Executor = copy.copy(executor)
    made._connection = None
    made._econtext_loop = None
    return made


class _Outcome:
    """What came of an item, and the task that it was."""

    def __init__(self, result: Any, task: Any) -> None:
        self.result = result
        self.task = task


class _ItemOf219:
    """Runs items of a loop by an executor of its own: ansible-core 2.19 and 2.20."""

    def __init__(
        self,
        executor: Executor,
        task: Any,
        play_context: Any,
        items: list[Any],
        variables: Mapping[str, Any],
    ) -> None:
        self._executor = executor
        self._task = task
        self._play_context = play_context
        self._items = items
        self._variables = variables

    def run(self, number: int) -> _Outcome:
        task = self._task.copy(exclude_parent=True, exclude_tasks=True)
        task._parent = self._task._parent
        self._executor._play_context = self._play_context.copy()
        return _Outcome(self._execute(task, number), task)

    def _execute(self, task: Any, number: int) -> Any:
        from ansible._internal._task import TaskContext
        from ansible._internal._templating._engine import TemplateEngine

        self._executor._task = task
        variables = {**self._variables, **self._loop_variables(number)}
        templar = TemplateEngine(loader=self._executor._loader, variables=variables)
        with TaskContext(self._task):
            return self._executor._execute(templar=templar, variables=variables)

    def _loop_variables(self, number: int) -> dict[str, Any]:
        control = self._task.loop_control
        made = {"ansible_loop_var": control.loop_var, control.loop_var: self._items[number]}
        if control.index_var:
            made |= {"ansible_index_var": control.index_var, control.index_var: number}
        return made


class _ItemOf221(_ItemOf219):
    """In ansible-core 2.21 the state of a loop is in a context, of which each item gets a copy."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args[:-1])
        self._context = args[-1]

    def _execute(self, task: Any, number: int) -> Any:
        context = copy.copy(self._context)
        context._task = task
        context._base_task_vars = dict(self._context._base_task_vars)
        context._active_task_vars = {**context._base_task_vars, **self._loop_variables(number)}
        context._templar = None
        context._item = self._items[number]
        context._item_index = number
        context._raw_loop_results = [None] * number
        context._populate_item_label = lambda result: None  # `_execute` records it once more
        with context:
            return self._executor._execute()


def _may_run_ahead(task: Any, variables: Mapping[str, Any], items: list[Any]) -> bool:
    """Whether the items of a loop can be run ahead without anybody seeing a difference."""
    if len(items) < 3 or os.environ.get("ANSIBLE_ECONTEXT_LOOPS") == "0":
        return False
    try:
        _check_task(task)
        if plugin_use.others_replace(template_dependencies.PURE):
            raise template_dependencies.Dependent(
                "others' filters or tests by names of ansible-core's"
            )
        _check_templates(task, variables)
    except template_dependencies.Dependent as reason:
        display.vvv(f"econtext: items one by one: {reason}")
        return False
    return True


def _check_task(task: Any) -> None:
    """Raise Dependent unless a task is one call of a module of ansible-core's that is known to
    tell nothing but its result."""
    plugin = actions.action_plugin(task)
    if plugin not in _ACTIONS or not actions.is_core_action(plugin):
        raise template_dependencies.Dependent("the action")
    if task._resolved_action not in _MODULES:
        # a user's own one is "ansible.legacy."
        raise template_dependencies.Dependent(f"the module {task._resolved_action}")
    control = task.loop_control
    for name in ("pause", "extended", "break_when"):
        if getattr(control, name, None):
            raise template_dependencies.Dependent(f"loop_control.{name}")
    for name in ("until", "async_val", "delegate_to", "timeout"):
        if getattr(task, name):
            raise template_dependencies.Dependent(name)
    if task.retries is not None:
        raise template_dependencies.Dependent("retries")


def _check_templates(task: Any, variables: Mapping[str, Any]) -> None:
    """Raise Dependent if what an item does, or how its host is reached, may depend on how other
    items went, or if the user's variable `econtext_loops` says so."""
    chosen = variables.get("econtext_loops", True)  # what is no boolean counts as false
    if not isinstance(chosen, (bool, str)) or not boolean(chosen, strict=False):
        raise template_dependencies.Dependent("econtext_loops")
    registered = _registered_by(task)
    attributes = [getattr(task, name) for name in task.fattributes if name not in _OTHERS]
    template_dependencies.check(attributes, task.when or (), variables, registered)
    if any(name.startswith("ansible_") for name in registered):
        raise template_dependencies.Dependent("a variable of Ansible's own")
    options = [
        value
        for name, value in variables.items()
        if name.startswith("ansible_") and isinstance(value, str)
    ]
    template_dependencies.check(options, (), variables, registered)
    own = [task.changed_when or (), task.failed_when or ()]
    template_dependencies.check([task.loop_control.label or ""], own, variables, frozenset())
    template_dependencies.check_items(task.loop, variables, registered)


def _registered_by(task: Any) -> frozenset[str]:
    """The variables in which a task's result will be."""
    registers = task.register or ()  # from 2.21 on, names with an expression each
    return frozenset([registers] if isinstance(registers, str) else registers)
