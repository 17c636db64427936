"""Bastions: hosts of the inventory through whose slaves other hosts are reached."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

from ansible import constants, context
from ansible.errors import AnsibleError
from ansible.module_utils.common.text.converters import to_text
from ansible.plugins.loader import connection_loader

from ansible_econtext.client.route import Route
from ansible_econtext.connection.carried_connection import CarriedConnection
from ansible_econtext.core import plugins
from econtext.boot import first_stage

#: Variables by which ansible-core takes a host's password from a play context.
_PASSWORDS = constants.MAGIC_VARIABLE_MAPPING["password"]

#: Makes a carried class of a stock one; None if there is no such class.
Carried = Callable[[type], type | None]


def hops(
    connection: CarriedConnection, play_context: Any, carried: Carried, options: dict[str, Any]
) -> Route:
    """Return the hops to the host that a connection's `econtext_via` names, the first one first.

    A bastion may be behind another.  `play_context` is the connection's, `options` are the
    arguments of its `set_options`.  Its own password is none of theirs.  Raises AnsibleError if a
    bastion is not in the inventory, is behind itself, or has a connection that is not carried.
    """
    found: Route = []
    names: list[str] = []
    keys = {**(options.get("task_keys") or {}), "password": play_context.password}
    if _has_own_password(connection._econtext_variables):
        keys["password"] = None
    name = connection._econtext_via
    while name:
        names.append(name)
        if name in names[:-1]:
            raise AnsibleError(f"econtext_via: {' behind '.join(names)} has no beginning")
        hostvars = connection._econtext_variables["hostvars"]
        if name not in hostvars:
            raise AnsibleError(f"econtext_via: the inventory has no host {name!r}")
        variables = hostvars[name]
        bastion = _connection(name, variables, play_context, carried, keys)
        via = to_text(variables.get("econtext_via") or "")
        bastion._econtext_via = "" if via == name else via
        found.insert(0, bastion._econtext_hop(_pythons(variables)).replace(name=name))
        name = bastion._econtext_via
    return found


def _has_own_password(variables: Mapping[str, Any]) -> bool:
    """Return whether a host's password is its own, and not that of all hosts.

    Source: `PlayContext.update_vars` in `playbook/play_context.py`, 2.16 to 2.21, by which a reset
    puts that of all hosts into the variables, by each name.
    """
    if all(name in variables for name in _PASSWORDS):
        variables = variables["hostvars"][variables["inventory_hostname"]]
    return any(name in variables for name in _PASSWORDS)


def _connection(
    name: str,
    variables: Mapping[str, Any],
    play_context: Any,
    carried: Carried,
    keys: dict[str, Any],
) -> Any:
    """Return a connection to a bastion, with the options of its variables, and those of the task.

    Source: `_get_connection` and `_set_connection_options` in `executor/task_executor.py`, 2.16 to
    2.21.
    """
    kind = to_text(variables.get("ansible_connection") or "ssh")
    stock = connection_loader.get(kind, class_only=True)
    own = stock if stock and issubclass(stock, CarriedConnection) else stock and carried(stock)
    if own is None:
        raise AnsibleError(f"econtext_via: {name} has the connection {kind}, which has no slaves")
    own_context = copy.copy(play_context)
    own_context.remote_addr = to_text(variables.get("ansible_host") or name)
    own_context.password = keys["password"]
    made = own(own_context, new_stdin=None)
    known = constants.config.get_plugin_vars("connection", plugins.plugin_name(stock))
    own_options = {each: variables[each] for each in known if each in variables}
    made.set_options(task_keys={**keys, "timeout": _timeout(variables)}, var_options=own_options)
    return made


def _timeout(variables: Mapping[str, Any]) -> Any:
    """Return the timeout of a bastion's login, which ansible-core takes from a play context."""
    names = constants.MAGIC_VARIABLE_MAPPING["timeout"]
    given = [variables[name] for name in names if name in variables]
    return given[0] if given else context.CLIARGS.get("timeout") or constants.DEFAULT_TIMEOUT


def _pythons(variables: Mapping[str, Any]) -> list[str]:
    """Return the Pythons to look for on a bastion, whose slave runs no module."""
    given = to_text(variables.get("ansible_python_interpreter") or "auto")
    return list(first_stage.PYTHONS) if given.startswith("auto") else [given]
