"""A private ssh server: own keys, own configuration, a free port of the local machine."""

import os
import socket
import subprocess
import time
from pathlib import Path

from bench import processes
from bench.target import Target

PROGRAM = "/usr/sbin/sshd"

CONFIGURATION = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {work}/keys/host
PidFile none
AuthorizedKeysFile {work}/target/authorized_keys
AuthenticationMethods publickey
PermitRootLogin yes
UsePAM no
UseDNS no
StrictModes no
PrintMotd no
PrintLastLog no
MaxStartups 500
MaxSessions 500
LogLevel ERROR
Subsystem sftp internal-sftp
"""


class Server:
    """A running server. It ends with everything that was started through it."""

    def __init__(self, work: Path, target: Target) -> None:
        self.work = work
        self.target = target
        self.key = work / "keys" / "user"
        self.port = 0

    def __enter__(self) -> "Server":
        (self.work / "keys").mkdir(mode=0o700)
        for name in ("host", "user"):
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "benchmark"]
            subprocess.run([*command, "-f", str(self.work / "keys" / name)], check=True)
        public_key = self.key.with_suffix(".pub").read_text()
        (self.target.directory / "authorized_keys").write_text(public_key)
        if self.target.throwaway:
            # Where sshd locks itself in before a login. It is the same for all servers of the
            # machine, so it stays: another one may have come to need it.
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        self.start()
        return self

    def start(self) -> None:
        """Start the server on a free port, and wait until it listens."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        text = CONFIGURATION.format(port=self.port, work=self.work)
        if not self.target.throwaway:
            text += f"SetEnv HOME={self.target.home}\n"
        configuration = self.work / "sshd_config"
        configuration.write_text(text)
        with open(self.work / "sshd.log", "wb") as log:
            self.process = subprocess.Popen(
                [PROGRAM, "-D", "-e", "-f", str(configuration)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={"PATH": os.defpath},
            )
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except ConnectionRefusedError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.05)
        self.__exit__()
        raise RuntimeError(f"sshd did not start:\n{(self.work / 'sshd.log').read_text()}")

    def end_sessions(self) -> None:
        """Wait until all sessions are over, and end what stays.

        A session ends by itself when its connection is gone. What does not would meet the next run,
        and would make it warm or slow.
        """
        processes.end_descendants(frozenset([self.process.pid]), patience=5.0)

    def __exit__(self, *error) -> None:
        self.process.terminate()
        self.process.wait()
        processes.end_descendants()
