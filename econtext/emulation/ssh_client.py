"""The emulated ssh's process: passes input and output between its parent and a server.

rsync, git, scp or sftp start it in the place of ssh, by the script of `controller/ssh_server.py`.
The server either runs the command on a slave, or tells that the arguments lead elsewhere: then
this process becomes the real ssh.

Two threads, as the parent may write before it reads: the main thread takes what the server sends,
the other one sends the input.
"""

import os
import select
import socket
import sys
import threading
from collections.abc import Iterator

# The script starts this file by its path, in isolation.
sys.path.insert(0, os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..")))

from econtext.emulation import ssh_arguments  # noqa: E402
from econtext.target import codec, compat, flow_control, wire  # noqa: E402

#: Exit status of ssh for all that goes wrong before or beside the command.
FAILED = 255


def main(script: str, address: str, *words: str) -> int:
    """Run a command as ssh would; return its exit status, or become the real ssh.

    `script` is the path of the script that takes the place of ssh, `address` that of the server's
    socket.
    """
    try:
        wanted = ssh_arguments.parse([compat.from_native(word) for word in words])
    except ssh_arguments.Unknown:
        return _become_ssh(script, words)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(address)
        connection.sendall(wire.frame(wire.OPEN, 0, codec.encode(tuple(wanted))))
        frames = _frames(connection)
        kind, body = next(frames)
        if kind == wire.RESULT and not codec.decode(body):
            return _become_ssh(script, words)
        return _serve(connection, frames)
    except (OSError, wire.ProtocolError, codec.DecodeError) as error:
        os.write(2, f"econtext: {error}\n".encode())
        return FAILED


def _become_ssh(script: str, words: tuple[str, ...]) -> int:
    """Run the first ssh of PATH that is not the script; return a status if there is none."""
    for directory in os.get_exec_path():
        path = os.path.join(directory, "ssh")
        if os.access(path, os.X_OK) and not os.path.samefile(path, script):
            os.execv(path, ["ssh", *words])
    os.write(2, b"ssh: not found\n")
    return FAILED


def _frames(connection: socket.socket) -> Iterator[tuple[int, bytes]]:
    """Yield the kind and body of each message; raises OSError when the server closes."""
    reader = wire.Reader(frozenset([wire.RESULT, wire.DATA, wire.CREDIT, wire.EXIT]))
    while data := connection.recv(262144):
        for kind, _, body in reader.feed(data):
            yield kind, body
    raise OSError("the process that leads to the host ended")


def _serve(connection: socket.socket, frames: Iterator[tuple[int, bytes]]) -> int:
    """Pass input and output until the command ends; return its status."""
    window = _Window()
    threading.Thread(target=_send_input, args=(connection, window), daemon=True).start()
    while True:
        kind, body = next(frames)
        if kind == wire.DATA:
            stream, data = wire.split_data(body)
            _write(1 if stream == wire.STDOUT else 2, data)
        elif kind == wire.CREDIT:
            window.grant(wire.credit_amount(body))
        else:
            return codec.decode(body)  # type: ignore[return-value]


def _send_input(connection: socket.socket, window: "_Window") -> None:
    """Send this process's input; ends with the process."""
    try:
        while data := _read(window.take(wire.MAX_DATA)):
            window.sent(len(data))
            connection.sendall(wire.data_frame(0, wire.STDIN, data))
        connection.sendall(wire.frame(wire.END, 0, wire.stream_byte(wire.STDIN)))
    except OSError:
        pass  # the server has gone, of which the main thread tells


# A parent may have made these files not wait, which is left as it is: others may write to them.


def _read(size: int) -> bytes:
    while True:
        try:
            return os.read(0, size)
        except BlockingIOError:
            select.select([0], [], [])


def _write(descriptor: int, data: bytes) -> None:
    """Write all, as long as there is a reader: without one the command still ends by itself."""
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:
            select.select([], [descriptor], [])
        except BrokenPipeError:
            return


class _Window:
    """Bytes of input that may be on their way, for both threads."""

    def __init__(self) -> None:
        self._sending = flow_control.Sending()
        self._changed = threading.Condition()

    def take(self, most: int) -> int:
        """Wait until there is credit; return how many bytes to read."""
        with self._changed:
            self._changed.wait_for(lambda: self._sending.credit > 0)
            return min(most, self._sending.credit)

    def sent(self, size: int) -> None:
        with self._changed:
            self._sending.sent(size)

    def grant(self, size: int) -> None:
        with self._changed:
            self._sending.granted(size)
            self._changed.notify()


if __name__ == "__main__":
    # At once: a thread may wait for input.
    os._exit(main(*sys.argv[1:]))
