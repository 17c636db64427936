"""A private sshd on loopback for targets that log in to localhost.

ansible-test expects one on port 22 that lets root in; targets copy root's
`authorized_keys` to accounts that they make, and `delegate_to` wants more addresses.
Ours has a free port; `ssh`, `scp` and `sftp` in front of the real ones tell them which,
and with which key.
"""

from __future__ import annotations

import contextlib
import pathlib
import shutil
import tempfile
from collections.abc import Iterator

from support import sshd

from .source import Tree

_SERVER = """\
ListenAddress 127.0.0.1
ListenAddress 127.0.0.3
ListenAddress 127.0.0.4
ListenAddress 127.0.0.254
Port {port}
HostKey {key}
PidFile none
PermitRootLogin prohibit-password
StrictModes no
# Accounts without a password count as locked where there is no PAM.
UsePAM yes
UseDNS no
MaxStartups 100
Subsystem sftp internal-sftp
"""

_CLIENT = """\
Host localhost 127.0.0.* ::1
    AddressFamily inet
    Port {port}
    IdentityFile {key}
    UserKnownHostsFile {directory}/known_hosts
    StrictHostKeyChecking no
"""

_CLIENTS = ("ssh", "scp", "sftp")


@contextlib.contextmanager
def login(tree: Tree) -> Iterator[int | None]:
    """Run the server and make the clients; gives its port, None where there is no sshd."""
    if sshd.BINARY is None:
        yield None
        return
    with contextlib.ExitStack() as stack:
        directory = pathlib.Path(tempfile.mkdtemp(prefix="upstream-"))
        stack.callback(shutil.rmtree, directory)
        _make_key(tree.key)
        public = tree.key.with_suffix(".pub").read_text(encoding="ascii")
        stack.enter_context(_authorized(public))
        port = sshd.free_port()
        config = _SERVER.format(port=port, key=tree.key)
        stack.enter_context(sshd.serving(directory, port, config))
        stack.enter_context(_clients(tree, directory, port))
        yield port


def _make_key(path: pathlib.Path) -> None:
    """The server's and the client's: it is let in by nobody but ourselves."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        sshd.make_key(path, "rsa", "ansible-test")


@contextlib.contextmanager
def _authorized(public: str) -> Iterator[None]:
    """Let our key in, as the current account, for the time."""
    keys = pathlib.Path.home() / ".ssh" / "authorized_keys"
    keys.parent.mkdir(mode=0o700, exist_ok=True)
    there = keys.exists()
    before = keys.read_text(encoding="utf-8") if there else ""
    keys.write_text(before.replace(public, "") + public, encoding="utf-8")
    try:
        yield
    finally:
        # Another run, of another ansible-core, may have its key there by now.
        text = keys.read_text(encoding="utf-8").replace(public, "")
        if text or there:
            keys.write_text(text, encoding="utf-8")
        else:
            keys.unlink()


@contextlib.contextmanager
def _clients(tree: Tree, directory: pathlib.Path, port: int) -> Iterator[None]:
    directory.chmod(0o755)
    config = directory / "ssh_config"
    config.write_text(
        _CLIENT.format(port=port, key=tree.key, directory=directory), encoding="ascii"
    )
    commands = [tree.commands / name for name in _CLIENTS]
    try:
        for command in commands:
            real = shutil.which(command.name)
            command.write_text(f'#!/bin/sh\nexec {real} -F {config} "$@"\n', encoding="ascii")
            command.chmod(0o755)
        yield
    finally:
        for command in commands:
            command.unlink(missing_ok=True)
