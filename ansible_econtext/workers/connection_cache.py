"""How a host is reached, found out once for all tasks and items that reach it alike.

For each of them ansible-core makes a play context, a connection and their options anew, of
fields of the task and of variables.  Where none of these is a template, the same come of the
same: then a copy of what was made before does as well.
"""

import copy
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any, NamedTuple

from ansible import constants
from ansible.executor.task_executor import TaskExecutor

from ansible_econtext.connection.plugin import CarriedConnection
from ansible_econtext.core import task_context, values
from ansible_econtext.core.versions import ansible_version

#: Fields of a task that play contexts and plugins take nothing from.
_OTHERS = frozenset(
    """action args async async_val changed_when delay failed_when ignore_errors
    ignore_unreachable loop loop_control loop_with module_defaults name notify poll register
    retries tags until vars when""".split()
)

#: Variables that ansible-core looks at itself.
_VARIABLES = frozenset(
    """ansible_become ansible_become_method ansible_connection ansible_delegated_vars
    ansible_interpreter_python_fallback ansible_network_os ansible_python_interpreter
    ansible_shell_type""".split()
)

#: Plugins whose options are looked at; another one's hosts are reached anew each time.
_PLUGINS = (("connection", "ssh"), ("connection", "local"), ("shell", "sh"), ("become", "sudo"))

#: What is kept at the most.
_MOST = 1000

Key = tuple[Any, ...]


class Reached(NamedTuple):
    """What was made for one task.

    Source: `TaskExecutor._execute_internal` in `executor/task_executor.py`, 2.19 to 2.21: a play
    context is overridden and validated, and overridden once more for the connection.
    """

    connection: CarriedConnection
    #: The names of variables that `_set_connection_options` gives.
    names: list[str]
    context: Any
    connection_context: Any

    def again(self) -> "Reached":
        """Copies for a task of its own: the play context gives what it gave."""
        context, of_connection = copy.copy(self.context), copy.copy(self.connection_context)
        answers = iter((context, of_connection))
        context.set_task_and_variable_override = lambda *_, **__: next(answers, of_connection)
        context.post_validate = lambda templar: None
        connection: Any = self.connection._econtext_copy()
        connection._play_context = context
        connection._connected = True  # or ansible-core would make another one
        return Reached(connection, self.names, context, of_connection)


class Ways:
    """What was made in a play, by all that it was made of."""

    def __init__(self) -> None:
        self._kept: dict[Key, Reached] = {}
        self._fields: dict[type, list[str]] = {}
        self._names = _VARIABLES.union(
            *constants.MAGIC_VARIABLE_MAPPING.values(),
            *(constants.config.get_plugin_vars(*plugin) for plugin in _PLUGINS),
        )

    def key(
        self, host: Any, play_context: Any, task: Any, variables: Mapping[str, Any]
    ) -> Key | None:
        """What makes out how a task reaches its host; None where that may change."""
        facts = variables.get("ansible_facts") or {}
        if not isinstance(facts, dict):
            return None
        key = [host.name, play_context]
        looked_at = [facts.get("discovered_interpreter_python")]
        for name in self._names:
            if name in variables:
                looked_at += (name, variables[name])
        kind = type(task)
        if kind not in self._fields:
            self._fields[kind] = [name for name in task.fattributes if name not in _OTHERS]
        looked_at += [getattr(task, name) for name in self._fields[kind]]
        return tuple(key) if _add(key, looked_at) else None

    def find(self, key: Key | None) -> Reached | None:
        return self._kept.get(key) if key is not None else None

    def keep(self, key: Key, reached: Reached) -> None:
        if not self._names.issuperset(reached.names):
            return  # of another shell, whose options nobody looked at
        if len(self._kept) >= _MOST:
            self._kept.clear()
        self._kept[key] = reached


class Executor(TaskExecutor):  # type: ignore[misc]
    """Runs a task or an item by the stock methods, with what is known of the way to its host."""

    _connection: Any
    #: What was made in this play; None where nothing is to be kept.
    econtext_ways: Ways | None = None
    _econtext_reached: Reached | None = None
    #: The connection that was made for what is run just now.
    _econtext_fresh: Any = None
    #: The play context that the strategy gave: an item has a copy.
    _econtext_context: Any = None

    def run(self) -> Any:
        self._econtext_context = self._play_context
        return super().run()

    def _econtext_execute(self, *args: Any, **kwargs: Any) -> Any:
        ways, variables = self.econtext_ways, kwargs.get("variables")
        if ways is None:
            return super()._execute(*args, **kwargs)
        if variables is None:
            variables = self._econtext_variables()
        key = ways.key(self._host, self._econtext_context, self._task, variables)
        found, self._econtext_reached, self._econtext_fresh = ways.find(key), None, None
        if found is not None:
            if self._connection is not None:
                self._connection.close()
            self._econtext_reached = found = found.again()
            self._connection, self._play_context = found.connection, found.context
        result = super()._execute(*args, **kwargs)
        made = self._econtext_reached
        if found is None and made is not None and key is not None and _went_well(result):
            context, of_connection = self._play_context, self._connection._play_context
            ways.keep(key, made._replace(context=context, connection_context=of_connection))
        return result

    def _get_connection(self, *args: Any) -> Any:
        self._econtext_fresh = super()._get_connection(*args)
        return self._econtext_fresh

    def _set_connection_options(self, variables: Any, templar: Any) -> list[str]:
        found = self._econtext_reached
        if found is not None and found.connection is self._connection:
            return list(found.names)
        names: list[str] = super()._set_connection_options(variables, templar)
        is_fresh = self._connection is self._econtext_fresh
        if is_fresh and isinstance(self._connection, CarriedConnection):
            self._econtext_reached = Reached(self._connection._econtext_copy(), names, None, None)
        return names

    def _set_become_plugin(self, variables: Any, templar: Any, connection: Any) -> None:
        found = self._econtext_reached
        if found is None or found.connection is not connection:
            super()._set_become_plugin(variables, templar, connection)
        else:
            connection._connected = False  # ansible-core has asked for it by now

    def _econtext_variables(self) -> dict[str, Any]:
        if ansible_version >= (2, 21):
            return task_context.current().task_vars  # type: ignore[no-any-return]
        return self._job_vars  # type: ignore[no-any-return]


def _went_well(result: Any) -> bool:
    if isinstance(result, dict):
        return not (result.get("failed") or result.get("unreachable") or result.get("skipped"))
    return not (result.failed or result.unreachable or result.skipped)


def _add(key: list[Any], looked_at: Iterable[Any]) -> bool:
    """Add values to a key; False where one of them may be another the next time."""
    fixed = values.types().fixed
    for value in looked_at:
        kind = type(value)
        if kind in fixed:
            if values.may_be_template(value):
                return False
            key += (kind, value)
        elif isinstance(value, (list, tuple, dict)):
            key += (kind, len(value))
            inner = chain(*value.items()) if isinstance(value, dict) else value
            if not _add(key, inner):
                return False
        else:
            return False
    return True
