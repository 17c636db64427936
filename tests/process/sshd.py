"""A private sshd on a free loopback port, with keys, configuration and log of its own."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from typing import Any

from . import waiting

#: Some systems keep it out of the PATH of ordinary users.
BINARY = shutil.which("sshd", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")

#: Without it an sshd that root starts ends at once; a package's start script would make it.
#: It stays: another sshd may have come to need it meanwhile.
PRIVILEGE_SEPARATION = pathlib.Path("/run/sshd")

#: Has a program end with whoever started it: a test process may be killed.
END_WITH_US = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []

CONFIG = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {directory}/host_key
AuthorizedKeysFile {directory}/authorized_keys
PidFile none
StrictModes no
UsePAM no
UseDNS no
PasswordAuthentication yes
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
MaxStartups 100
Banner {directory}/banner
"""

BANNER = "A banner of the host: your Password: is not asked for here\n"


class Sshd:
    """A server that runs, and what a client of it needs."""

    def __init__(self, directory: pathlib.Path, port: int) -> None:
        self.port = port
        self.directory = directory
        self.log = directory / "log"

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


def free_port() -> int:
    """A port of the loopback interface on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running_sshd(directory: pathlib.Path) -> Iterator[Sshd]:
    """An sshd that lets in whoever has the key, or an account's password."""
    directory.chmod(0o755)  # it reads authorized_keys as the account that logs in
    if os.geteuid() == 0:
        PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)
    for name in ("host_key", "key", "wrong_key"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(directory / name)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=30)
    shutil.copy(directory / "key.pub", directory / "authorized_keys")
    (directory / "banner").write_text(BANNER, encoding="ascii")

    sshd = Sshd(directory, free_port())
    key = (directory / "host_key.pub").read_text(encoding="ascii")
    (directory / "known_hosts").write_text(f"[127.0.0.1]:{sshd.port} {key}", encoding="ascii")
    config = directory / "sshd_config"
    config.write_text(CONFIG.format(port=sshd.port, directory=directory), encoding="ascii")
    server = subprocess.Popen(
        [*END_WITH_US, str(BINARY), "-D", "-f", str(config), "-E", str(sshd.log)],
        stdin=subprocess.DEVNULL,
    )
    try:
        waiting.until(lambda: _answers(server, sshd), "sshd answers")
        yield sshd
    finally:
        sessions = waiting.family(server.pid)
        for each in sessions:
            with contextlib.suppress(ProcessLookupError):
                os.kill(each.pid, signal.SIGKILL)
        server.wait(20)
        waiting.gone(sessions)


def _answers(server: subprocess.Popen[bytes], sshd: Sshd) -> bool:
    if server.poll() is not None:
        raise RuntimeError(f"sshd ended: {sshd.log.read_text(errors='replace')}")
    try:
        with socket.create_connection(("127.0.0.1", sshd.port), timeout=5) as peer:
            return peer.recv(4) == b"SSH-"
    except OSError:
        return False
