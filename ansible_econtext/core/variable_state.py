"""State of all hosts' variables as of a task's start, which a fork would have.

Without it a task's thread would see what other hosts' results change meanwhile.

Source: `VariableManager` in `vars/manager.py` and `HostVars` in `vars/hostvars.py`, 2.19 to 2.21.
"""

import contextlib
import functools
from collections.abc import Iterator
from typing import Any

from ansible.vars.manager import VariableManager

from ansible_econtext.core import values
from ansible_econtext.core.patch import replaced

#: The attribute of VariableManager that each of its methods changes in place.
_CHANGES = {
    "set_host_facts": "_fact_cache",
    "set_nonpersistent_facts": "_nonpersistent_fact_cache",
    "set_host_variable": "_vars_cache",
}


def _shallow(value: Any) -> Any:
    """Return a copy without a call of the class's constructor or `__setstate__`."""
    made = object.__new__(type(value))
    vars(made).update(vars(value))
    return made


def _copied(cache: Any) -> Any:
    """Return a cache of facts with a copy of what it keeps by host, as far as it is known how."""
    if hasattr(cache, "__wrapped__"):  # of another than `memory`, 2.19 and later
        return type(cache)(_copied(cache.__wrapped__))
    if not hasattr(cache, "_cache"):
        return cache
    made = _shallow(cache)
    made._cache = cache._cache.copy()
    return made


@contextlib.contextmanager
def replaced_on_change() -> Iterator[None]:
    """Replace a host's values where a VariableManager would change them in place.

    So copies of its dicts stay as they are.  For the time of a play; the methods are called in the
    main thread.  A cache plugin that is not ansible-core's may keep its facts elsewhere: tasks that
    read these have a process (`plugin_use`).
    """

    def changing(stock: Any, attribute: str) -> Any:
        @functools.wraps(stock)
        def change(manager: Any, host: str, *args: Any, **kwargs: Any) -> Any:
            cache = getattr(manager, attribute)
            entries = cache if isinstance(cache, dict) else getattr(cache, "_cache", {})
            if host in entries:
                entries[host] = dict(entries[host])
            return stock(manager, host, *args, **kwargs)

        return change

    made = {n: changing(getattr(VariableManager, n), each) for n, each in _CHANGES.items()}
    with replaced(VariableManager, **made):
        yield


def of_now(arguments: dict[str, Any], loader: Any) -> dict[str, Any]:
    """Return copies of the variables and of the manager among WorkerProcess's `arguments`.

    `loader` is the thread's own.
    """
    manager = _shallow(arguments["variable_manager"])
    manager._loader = loader
    manager._fact_cache = _copied(manager._fact_cache)
    manager._nonpersistent_fact_cache = manager._nonpersistent_fact_cache.copy()
    manager._vars_cache = manager._vars_cache.copy()
    variables = dict(arguments["task_vars"])
    if manager._hostvars is not None:
        hosts = manager._hostvars = _shallow(manager._hostvars)
        hosts._variable_manager = manager
        variables["hostvars"] = hosts
        every = variables.get("vars")
        if isinstance(every, dict):  # from 2.21 on marked as deprecated
            variables["vars"] = values.types().tag_copy(every, {**every, "hostvars": hosts})
    return {"variable_manager": manager, "task_vars": variables}
