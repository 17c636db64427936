"""Carried connection plugins: stock ones with a mixin in front.

`carried(stock)` makes one of the class of a stock connection plugin.
"""

import functools
from typing import Any

import ansible.plugins.connection
from ansible.utils.path import unfrackpath

from ansible_econtext.client import route
from ansible_econtext.connection import bastions, containers, ssh_accounts
from ansible_econtext.connection.carried_connection import CarriedConnection
from ansible_econtext.core import plugins, versions


class CarriedSSH(CarriedConnection):
    """Mixin for ansible-core's ssh plugin."""

    def _econtext_begin(self, arguments: dict[str, Any]) -> None:
        super()._econtext_begin(arguments)
        ssh_accounts.note(self._play_context, self)

    def _econtext_make_hop(self, pythons: list[str]) -> route.Hop:
        argv = plugins.ssh_command(self, is_behind=bool(self._econtext_via))
        password, prompt = plugins.ssh_password(self), plugins.ssh_password_prompt(self)
        timeout = float(self.get_option("timeout"))
        return route.ssh_hop(self.host, argv, password, prompt, pythons, timeout)

    def _econtext_bastions(self, options: dict[str, Any]) -> route.Route:
        return bastions.hops(self, self._play_context, carried, options)


class CarriedLocal(CarriedConnection):
    """Mixin for ansible-core's local plugin, whose paths and commands start at `cwd`.

    The plugin watches a become command until that has succeeded: a session repeats one that fails
    the stock way, for the plugin's own words.
    """

    def _econtext_begin(self, arguments: dict[str, Any]) -> None:
        super()._econtext_begin(arguments)
        if self._econtext is not None:
            self._econtext.has_stock_words = True
            self._econtext.ssh_accounts = functools.partial(ssh_accounts.noted, self._play_context)

    def _econtext_make_hop(self, pythons: list[str]) -> route.Hop:
        return route.local_hop(pythons)

    def _econtext_bastions(self, options: dict[str, Any]) -> route.Route:
        return []  # this machine is behind none, whatever its groups' variables say

    def _econtext_path(self, path: str) -> str:
        return str(unfrackpath(path, basedir=self._econtext_directory()))


_MIXINS = {"ssh": CarriedSSH, "local": CarriedLocal}

_carried: dict[type, type] = {}


def _mixin(stock: type) -> type | None:
    if plugins.is_core_plugin(stock, ansible.plugins.connection):
        return _MIXINS.get(getattr(stock, "transport", ""))
    return containers.MIXINS.get(plugins.collection_name(stock))


def carried(stock: type) -> type | None:
    """Return the class that carries a stock one; None if econtext has no mixin for it.

    The first call patches ansible-core 2.16 (`plugins.tell_of_variables`).
    """
    if stock not in _carried:
        versions.warn_of_unknown_version()
        with versions.stock_if_unknown():
            plugins.tell_of_variables()
        mixin = _mixin(stock)
        if mixin is None:
            return None  # a plugin of another kind, or a carried one
        _carried[stock] = type("Connection", (mixin, stock), {})
    return _carried[stock]
