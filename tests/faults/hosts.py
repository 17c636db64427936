"""The host of a cell: its account, an sshd, and the proxy before it."""

from __future__ import annotations

import contextlib
import pathlib
import tempfile
from collections.abc import Iterator
from typing import Any
from unittest import mock

from tests.support import sshd as sshd_module
from tests.support.accounts import Account
from tests.support.sshd import Sshd

from .faults import Fault
from .proxy import Proxy, passing_on
from .target import Target

#: Starts an sshd by a script, in a mount namespace of its own.
_SERVER = """\
#!/bin/sh
HOME={home} exec unshare -m /bin/sh -ec '{script}' sh {sshd} "$@"
"""


class Host:
    """An sshd that runs, the proxy, and the account that logs in."""

    def __init__(self, sshd: Sshd, proxy: Proxy, account: Account) -> None:
        self._sshd = sshd
        self.proxy = proxy
        self.account = account

    def variables(self, target: Target) -> dict[str, Any]:
        found = self._sshd.variables(self.account)
        found |= {
            "ansible_port": self.proxy.port,
            "ansible_python_interpreter": str(target.python),
            # So that what the superuser leaves is told from what others do on this machine.
            "ansible_become_flags": f"-H -S -n -g {self.account.name}",
        }
        # The proxy's port is not the one that the key is known for.
        found["ansible_ssh_common_args"] += " -o HostKeyAlias=faults"
        return found


@contextlib.contextmanager
def running(account: Account, fault: Fault | None) -> Iterator[Host]:
    """A host, with what the fault has its sshd be."""
    with contextlib.ExitStack() as stack:
        directory = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(dir=account.root)))
        more = f"AllowUsers {account.name}\nPasswordAuthentication no\n"
        if fault and fault.server:
            script = directory / "sshd"
            text = _SERVER.format(home=account.home, script=fault.server, sshd=sshd_module.BINARY)
            script.write_text(text, encoding="ascii")
            script.chmod(0o755)
            stack.enter_context(mock.patch.object(sshd_module, "BINARY", str(script)))
        more += fault.config if fault else ""
        sshd = stack.enter_context(sshd_module.running_sshd(directory, more))
        known = sshd.known_hosts.read_text(encoding="ascii")
        sshd.known_hosts.write_text("faults " + known.partition(" ")[2], encoding="ascii")
        yield Host(sshd, stack.enter_context(passing_on(sshd.port)), account)


class Hosts:
    """The usual host, and another one for each fault that needs it."""

    def __init__(self, usual: Host) -> None:
        self._usual = usual
        self.account = usual.account

    @contextlib.contextmanager
    def for_fault(self, fault: Fault | None) -> Iterator[Host]:
        if fault is None or not (fault.config or fault.server):
            yield self._usual
            return
        with running(self._usual.account, fault) as host:
            yield host
