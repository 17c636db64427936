"""A private sshd on a free loopback port, with its own keys, configuration and log."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from typing import Any

from . import processes
from .accounts import Account

# Some systems keep it out of the PATH of ordinary users.
BINARY = shutil.which("sshd", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
# sshd started by root refuses to run without it; a package's start script would make it. It stays
# at the end, as it does there: another session's sshd needs it for each connection.
PRIVILEGE_SEPARATION = pathlib.Path("/run/sshd")

# Has a program end with whoever started it: a test process may be killed.
END_WITH_US = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []

CONFIG = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {directory}/host_key
AuthorizedKeysFile {directory}/authorized_keys
PidFile none
LogLevel VERBOSE
AllowUsers {users}
StrictModes no
UsePAM no
UseDNS no
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxStartups 100
Subsystem sftp internal-sftp
"""


class Sshd:
    def __init__(self, directory: pathlib.Path, port: int) -> None:
        self.port = port
        self.key = directory / "key"
        self.wrong_key = directory / "wrong_key"
        self.known_hosts = directory / "known_hosts"
        self._log = directory / "log"

    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

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


@contextlib.contextmanager
def running_sshd(
    directory: pathlib.Path, users: Sequence[Account], extra_config: str = ""
) -> Iterator[Sshd]:
    """An sshd for these users, who all log in with the same key."""
    directory.chmod(0o755)  # sshd reads authorized_keys as the user who logs in
    if os.geteuid() == 0:
        PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)
    for name in ("host_key", "key", "wrong_key"):
        _make_key(directory / name)
    shutil.copy(directory / "key.pub", directory / "authorized_keys")

    sshd = Sshd(directory, _free_port())
    host_key = (directory / "host_key.pub").read_text(encoding="ascii")
    sshd.known_hosts.write_text(f"[127.0.0.1]:{sshd.port} {host_key}", encoding="ascii")
    config = directory / "sshd_config"
    names = " ".join(user.name for user in users)
    config.write_text(
        CONFIG.format(port=sshd.port, directory=directory, users=names) + extra_config,
        encoding="ascii",
    )
    server = subprocess.Popen(
        [*END_WITH_US, str(BINARY), "-D", "-f", str(config), "-E", str(directory / "log")],
        stdin=subprocess.DEVNULL,
    )
    try:
        processes.until(10, lambda: _answers(server, sshd), "sshd answers")
        yield sshd
    finally:
        # Its sessions too: ssh masters on the other end then leave as well.
        itself = processes.process(server.pid)
        processes.end(processes.with_descendants([itself] if itself else []))
        server.wait(10)


def _make_key(path: pathlib.Path) -> None:
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "econtext test", "-f", path]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=30)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(server: subprocess.Popen[bytes], sshd: Sshd) -> bool:
    if server.poll() is not None:
        raise RuntimeError(f"sshd ended with status {server.returncode}: {sshd.log()}")
    try:
        with socket.create_connection(("127.0.0.1", sshd.port), timeout=1) as peer:
            return peer.recv(4) == b"SSH-"
    except OSError:
        return False
