"""A private sshd on loopback for targets that want to log in to localhost.

ansible-test expects one on port 22 that lets root in with its own key.  Ours has a free
port; `ssh`, `scp` and `sftp` in front of the real ones tell them which.
"""

from __future__ import annotations

import contextlib
import pathlib
import shutil
import tempfile
from collections.abc import Iterator

from integration import accounts, sshd

from .source import Tree

_SERVER = "PermitRootLogin prohibit-password\n"

_CLIENT = """\
Host localhost 127.0.0.1 ::1
    AddressFamily inet
    Port {port}
    IdentityFile {key}
    UserKnownHostsFile {known_hosts}
    StrictHostKeyChecking no
"""


@contextlib.contextmanager
def login(tree: Tree) -> Iterator[int | None]:
    """Run the server and make the clients; gives its port, None where there is no sshd."""
    if sshd.BINARY is None:
        yield None
        return
    directory = pathlib.Path(tempfile.mkdtemp(prefix="upstream-"))
    try:
        with sshd.running_sshd(directory, [accounts.myself()], _SERVER) as server:
            tree.key.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(server.key, tree.key)
            shutil.copy(f"{server.key}.pub", f"{tree.key}.pub")
            hosts = directory / "clients_known_hosts"
            config = directory / "client_config"
            config.write_text(
                _CLIENT.format(port=server.port, key=server.key, known_hosts=hosts),
                encoding="ascii",
            )
            for name in ("ssh", "scp", "sftp"):
                command = tree.commands / name
                command.write_text(
                    f'#!/bin/sh\nexec {shutil.which(name)} -F {config} "$@"\n', encoding="ascii"
                )
                command.chmod(0o755)
            yield server.port
    finally:
        for name in ("ssh", "scp", "sftp"):
            (tree.commands / name).unlink(missing_ok=True)
        shutil.rmtree(directory, ignore_errors=True)
