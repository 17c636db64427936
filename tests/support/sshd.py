"""A private sshd on a free loopback port, with keys, configuration and log of its own."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
from collections.abc import Iterator
from typing import Any

from . import processes
from .accounts import Account

#: Some systems keep it out of the PATH of ordinary users.
BINARY = shutil.which("sshd", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")

#: Without it an sshd that root starts ends at once; a package's start script would make it.
#: It stays at the end: another sshd may have come to need it meanwhile, for each connection.
PRIVILEGE_SEPARATION = pathlib.Path("/run/sshd")

#: Has a program end with whoever started it: a test process may be killed.
END_WITH_US = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []

CONFIG = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {directory}/host_key
AuthorizedKeysFile {directory}/authorized_keys
PidFile none
LogLevel VERBOSE
StrictModes no
UsePAM no
UseDNS no
PermitUserEnvironment yes
KbdInteractiveAuthentication no
MaxStartups 100
"""


class Sshd:
    """A server that runs, and what a client of it needs."""

    def __init__(self, directory: pathlib.Path, port: int) -> None:
        self.port = port
        self.directory = directory
        self.key = directory / "key"
        self.wrong_key = directory / "wrong_key"
        self.known_hosts = directory / "known_hosts"

    def log(self) -> str:
        return (self.directory / "log").read_text(encoding="utf-8", errors="replace")

    def accepted(self, account: Account) -> int:
        """How many connections were ever accepted for this account."""
        return self.log().count(f"Accepted publickey for {account.name} from")

    def sessions(self, account: Account) -> int:
        """How many commands were ever started for this account, over whatever connection."""
        return sum(
            "Starting session: " in line and f" for {account.name} from" in line
            for line in self.log().splitlines()
        )

    def variables(self, account: Account) -> dict[str, Any]:
        """Inventory variables of a host reached through this sshd as this account."""
        options = (
            f"-F none -o IdentitiesOnly=yes -o UserKnownHostsFile={self.known_hosts}"
            " -o GlobalKnownHostsFile=/dev/null"
        )
        return {
            "ansible_connection": "ssh",
            "ansible_host": "127.0.0.1",
            "ansible_port": self.port,
            "ansible_user": account.name,
            "ansible_ssh_private_key_file": str(self.key),
            "ansible_ssh_common_args": options,
        }

    def options(self, known_hosts: str = "known_hosts", key: str | None = "key") -> dict[str, Any]:
        """Arguments for `Router.ssh`; nothing of the user's own configuration counts."""
        arguments: dict[str, Any] = {
            "hostname": "127.0.0.1",
            "port": self.port,
            "ssh_args": (
                *("-F", "none"),
                *("-o", f"UserKnownHostsFile={self.directory / known_hosts}"),
                *("-o", "GlobalKnownHostsFile=/dev/null"),
            ),
        }
        if key is None:
            arguments["ssh_args"] += ("-o", "PubkeyAuthentication=no")
        else:
            arguments["identity_file"] = str(self.directory / key)
        return arguments


@contextlib.contextmanager
def running_sshd(directory: pathlib.Path, more: str) -> Iterator[Sshd]:
    """An sshd that lets in whoever has the key; `more` is added to its configuration."""
    directory.chmod(0o755)  # it reads authorized_keys as the account that logs in
    for name in ("host_key", "key", "wrong_key"):
        make_key(directory / name, "ed25519", "econtext test")
    shutil.copy(directory / "key.pub", directory / "authorized_keys")
    sshd = Sshd(directory, free_port())
    host_key = (directory / "host_key.pub").read_text(encoding="ascii")
    sshd.known_hosts.write_text(f"[127.0.0.1]:{sshd.port} {host_key}", encoding="ascii")
    config = CONFIG.format(port=sshd.port, directory=directory) + more
    with serving(directory, sshd.port, config):
        yield sshd


@contextlib.contextmanager
def serving(directory: pathlib.Path, port: int, config: str) -> Iterator[None]:
    """An sshd with this configuration, which names the port; its log is in the directory."""
    if os.geteuid() == 0:
        PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)
    file, log = directory / "sshd_config", directory / "log"
    file.write_text(config, encoding="ascii")
    server = subprocess.Popen(
        [*END_WITH_US, str(BINARY), "-D", "-f", str(file), "-E", str(log)],
        stdin=subprocess.DEVNULL,
    )
    try:
        processes.until(20, lambda: _answers(server, port, log), "sshd answers")
        yield
    finally:
        # Its sessions too: ssh masters on the other end then leave as well.
        processes.end(processes.family(server.pid))
        server.wait(20)


def make_key(path: pathlib.Path, kind: str, comment: str) -> None:
    command = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", comment, "-f", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=30)


def free_port() -> int:
    """A port of the loopback interface on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(server: subprocess.Popen[bytes], port: int, log: pathlib.Path) -> bool:
    if server.poll() is not None:
        said = log.read_text(encoding="utf-8", errors="replace")
        raise RuntimeError(f"sshd ended with status {server.returncode}: {said}")
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as peer:
            return peer.recv(4) == b"SSH-"
    except OSError:
        return False
