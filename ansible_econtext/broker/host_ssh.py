"""Emulated ssh to one host, while a module of this machine runs that may start ssh."""

import functools
import os
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from ansible_econtext.broker import target_modules
from ansible_econtext.broker.calls import CollectingCall
from ansible_econtext.broker.pooled_slave import PooledSlave
from ansible_econtext.broker.slave_pool import SlavePool
from ansible_econtext.client.messages import NotReached, SSHAccount
from econtext.controller.errors import CallError, EcontextError
from econtext.controller.ssh_server import Found, SSHServer
from econtext.emulation.ssh_arguments import Wanted
from econtext.target import wire
from econtext.target.loop import Loop


class HostSSH:
    """Emulated ssh that leads to a host's accounts, and uses their slaves until it is closed."""

    #: The slaves are in use for the module, not for removals.
    tidies_up = False

    def __init__(self, loop: Loop, slaves: SlavePool, accounts: list[SSHAccount]) -> None:
        """Begin to serve; raises OSError."""
        self._slaves = slaves
        self._accounts = accounts
        self._used: set[PooledSlave] = set()
        self._is_closed = False
        self._server = SSHServer(loop, self._lead)

    def environment(self, given: dict[str, str]) -> dict[str, str]:
        """Return a module's environment in which the emulated ssh is the first of PATH."""
        path = given.get("PATH") or os.environ.get("PATH", os.defpath)
        return self._server.environment({**given, "PATH": path})

    def _lead(self, wanted: Wanted) -> Callable[[Found], None] | None:
        for account in self._accounts:
            if leads_to(account, wanted):
                return functools.partial(self._find, account, wanted.command)
        return None

    def _find(self, account: SSHAccount, command: str, found: Found, is_anew: bool = False) -> None:
        """Find an account's slave, which is replaced if a fresh login would differ."""

        def run(slave: PooledSlave) -> None:
            found(slave.link, account.instead + command[len(account.prefix) :])

        def looked(slave: PooledSlave, future: "Future[Any]") -> None:
            error = future.exception()
            if isinstance(error, CallError) and error.kind in target_modules.REPLACED_FOR:
                self._slaves.retire(slave)
                self._find(account, command, found, is_anew=True)
            elif isinstance(error, EcontextError):
                found(error, "")
            else:
                run(slave)

        def use(slave: PooledSlave | NotReached) -> None:
            if self._is_closed:
                return
            if isinstance(slave, NotReached):
                said = f"{slave.text}\n{slave.stderr}" if slave.stderr else slave.text
                found(EcontextError(said), "")
                return
            slave.users.add(self)
            self._used.add(slave)
            if is_anew:
                run(slave)
                return
            try:
                target_modules.provide(slave.link)
                call = CollectingCall(slave.link, target_modules.FRESHNESS, "look")
            except EcontextError as error:  # it has just ended
                found(error, "")
                return
            call.future.add_done_callback(functools.partial(looked, slave))
            call.end(wire.STDIN)

        self._slaves.find(account.route, use)

    def close(self) -> None:
        """End the commands, and remove the program."""
        self._is_closed = True
        self._server.close()
        for slave in self._used:
            slave.release(self)
        self._used, self._accounts = set(), []


def leads_to(account: SSHAccount, wanted: Wanted) -> bool:
    """Return whether ssh's arguments ask for a command of this account, and for nothing else."""
    return (
        wanted.host == account.host
        and wanted.user in ("", account.user)
        and wanted.port in (0, account.port)
        and wanted.identity in ("", account.identity)
        and set(wanted.options) <= set(account.options)
        and wanted.command.startswith(account.prefix)
    )
