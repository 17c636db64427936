"""Server of emulated ssh: a program that wants ssh is given a command on a slave.

The server listens on a socket in a private directory, where its script takes the place of ssh.
The script starts `econtext.emulation.ssh_client`, which connects: each connection is one command.
All of it is for the loop's thread.
"""

import functools
import os
import shlex
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Mapping
from typing import Any, cast

from econtext.controller.channels import RemoteCommand
from econtext.controller.errors import EcontextError
from econtext.controller.link import Link
from econtext.emulation import ssh_arguments, ssh_client
from econtext.target import codec, flow_control, wire
from econtext.target.loop import Loop, Writer, read

#: Where distributions have the server of sftp, which OpenSSH's daemon runs as a subsystem.
_SFTP_SERVERS = " ".join(
    f"/usr/{directory}/sftp-server"
    for directory in ("lib/openssh", "libexec/openssh", "lib/ssh", "libexec", "lib64/ssh")
)
_SFTP = (
    f'for each in {_SFTP_SERVERS}; do [ -x "$each" ] && exec "$each"; done; '
    "echo 'the host has no sftp-server' >&2; exit 127"
)

_SCRIPT = """#!/bin/sh
exec {python} -IS {client} "$0" {address} "$@"
"""

#: Seconds until the server accepts again, after it had no descriptor for a client.
_PAUSE = 0.1

#: Called with the link to a slave and the command to run there, or with an error and no command.
Found = Callable[[Link | EcontextError, str], None]

#: Returns how to find the slave for what a client wants; None if its arguments lead elsewhere.
Lead = Callable[[ssh_arguments.Wanted], Callable[[Found], None] | None]


class SSHServer:
    """Server whose clients' commands run where `lead` tells."""

    def __init__(self, loop: Loop, lead: Lead) -> None:
        """Listen; raises OSError."""
        self._loop = loop
        self._lead = lead
        self._clients: set[_Client] = set()
        #: The directory with the script alone on its PATH.
        self.directory = tempfile.mkdtemp(prefix="econtext-")
        #: The script in place of ssh.
        self.program = os.path.join(self.directory, "ssh")
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._listen(os.path.join(self.directory, "socket"))
        except BaseException:
            self.close()
            raise

    def _listen(self, address: str) -> None:
        script = _SCRIPT.format(
            python=shlex.quote(sys.executable),
            client=shlex.quote(ssh_client.__file__),
            address=shlex.quote(address),
        )
        with open(self.program, "x", encoding="utf-8", errors="surrogateescape") as file:
            file.write(script)
        os.chmod(self.program, 0o700)
        self._listener.bind(address)
        self._listener.listen()
        self._listener.setblocking(False)
        self._watch()

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except BlockingIOError:  # the client has gone
            return
        except OSError:  # no descriptor is left: the client waits until there is one
            self._loop.remove_reader(self._listener.fileno())
            self._loop.call_later(_PAUSE, self._watch)
            return
        self._clients.add(_Client(self._loop, connection, self._lead, self._clients.discard))

    def _watch(self) -> None:
        if self._listener.fileno() >= 0:
            self._loop.add_reader(self._listener.fileno(), self._accept)

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """Return a copy of variables in which the script is the first ssh of PATH."""
        return {**base, "PATH": f"{self.directory}:{base.get('PATH', os.defpath)}"}

    def close(self) -> None:
        """End the clients and their commands, and remove the directory."""
        if self._listener.fileno() >= 0:
            self._loop.remove_reader(self._listener.fileno())
            self._listener.close()
        for each in list(self._clients):
            each.close()
        shutil.rmtree(self.directory, ignore_errors=True)


class _Client:
    """Connection of one client, and its command."""

    def __init__(
        self,
        loop: Loop,
        connection: socket.socket,
        lead: Lead,
        gone: Callable[["_Client"], None],
    ) -> None:
        connection.setblocking(False)
        self._loop = loop
        self._connection = connection
        self._lead = lead
        self._gone = gone
        self._reader = wire.Reader(frozenset([wire.OPEN, wire.DATA, wire.END]))
        self._writer = Writer(loop, os.dup(connection.fileno()), self._written)
        self._receiving = flow_control.Receiving()
        self._owed = 0  # bytes of output for which the command gets credit when they are taken
        self._command: RemoteCommand | None = None
        loop.add_reader(connection.fileno(), self._receive)

    def _receive(self) -> None:
        data: Any = read(self._connection.fileno())
        if data == b"":
            self.close()
        elif data:
            try:
                for kind, _, body in self._reader.feed(data):
                    self._take(kind, body)
            except (wire.ProtocolError, codec.DecodeError, TypeError) as error:
                self._fail(error)

    def _take(self, kind: int, body: bytes) -> None:
        if kind == wire.OPEN:
            wanted = ssh_arguments.Wanted(*cast(Any, codec.decode(body)))
            find = self._lead(wanted)
            if find is None:
                self._reply(False)
            else:
                find(functools.partial(self._run, wanted.is_subsystem))
        elif self._command is None:
            raise wire.ProtocolError("input in front of a command")
        elif kind == wire.DATA:
            stream, data = wire.split_data(body)
            if not self._receiving.received(len(data)):
                raise wire.ProtocolError("more input than credit was given for")
            self._command.write(stream, data)
        else:
            self._command.end(wire.STDIN)

    def _reply(self, is_led: bool) -> None:
        """Tell the client whether the server runs its command: it reads no input before."""
        self._writer.write(wire.frame(wire.RESULT, 0, codec.encode(is_led)))

    def _run(self, is_subsystem: bool, link: Link | EcontextError, command: str) -> None:
        if self._connection.fileno() < 0:
            return
        self._reply(True)
        try:
            if isinstance(link, EcontextError):
                raise link
            if is_subsystem:
                command = _SFTP if command == "sftp" else "echo no such subsystem >&2; exit 127"
            self._command = RemoteCommand(link, ["/bin/sh", "-c", command], terminal=False)
        except (EcontextError, codec.EncodeError) as error:
            self._fail(error)
            return
        self._command.on_output = self._output
        self._command.on_input_written = self._used
        self._command.on_exit = self._exited

    def _output(self, stream: int, data: bytes) -> None:
        self._owed += len(data)
        self._writer.write(wire.data_frame(0, stream, data))

    def _written(self, size: int) -> None:
        """Give the command credit for its output when the client has taken most of it."""
        if self._command is not None and self._writer.waiting <= flow_control.CLOGGED:
            owed, self._owed = self._owed, 0
            self._command.credit(owed)

    def _used(self, size: int) -> None:
        if grant := self._receiving.used(size):
            self._writer.write(wire.credit_frame(0, grant))

    def _exited(self, status: int) -> None:
        """Tell the client its command's status; ssh's own if a signal has ended that."""
        self._command = None
        self._finish(status if status >= 0 else ssh_client.FAILED)

    def _fail(self, error: Exception) -> None:
        text = f"econtext: {error}\n".encode("utf-8", "replace")[: wire.MAX_DATA]
        self._writer.write(wire.data_frame(0, wire.STDERR, text))
        self._finish(ssh_client.FAILED)

    def _finish(self, status: int) -> None:
        self._writer.write(wire.frame(wire.EXIT, 0, codec.encode(status)))
        self._writer.close()
        self.close()

    def close(self) -> None:
        """Close the connection, and end the command; does nothing the second time."""
        if self._connection.fileno() < 0:
            return
        self._loop.remove_reader(self._connection.fileno())
        self._connection.close()
        self._gone(self)
        if self._command is not None:
            self._command.kill()
