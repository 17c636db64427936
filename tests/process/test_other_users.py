"""Another account of the same machine: it reaches no broker, and reads no module's files."""

from __future__ import annotations

import ctypes
import os
import pathlib
import socket
import stat
import tempfile
import traceback
from collections.abc import Callable, Iterator

import pytest

import econtext
from ansible_econtext.client import connector, messages, rendezvous
from ansible_econtext.client.launcher import Endpoint
from ansible_econtext.target import memfd
from econtext.target import wire

from . import waiting

#: No account has this number, nor the next.
OTHER = 65533


def as_user(user: int, function: Callable[[], object]) -> None:
    """Call a function in a fork that is another account's; fails if it raises."""
    if os.geteuid() != 0:
        pytest.skip("needs root: becomes another account")
    process = os.fork()
    if process == 0:
        status = 1
        try:
            os.setgroups([])
            os.setgid(user)
            os.setuid(user)
            function()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0


@pytest.fixture
def directory() -> Iterator[pathlib.Path]:
    """A directory that all accounts can enter, and write to."""
    with tempfile.TemporaryDirectory(prefix="ectx-") as made:
        path = pathlib.Path(made)
        path.chmod(0o777)
        yield path


@pytest.fixture
def broker(directory: pathlib.Path) -> Iterator[Endpoint]:
    endpoint = Endpoint(str(directory / "endpoint"), 60)
    before = os.umask(0)
    try:
        connection = connector.connect(endpoint, os.getpid())
    finally:
        os.umask(before)
    yield endpoint
    connection.close()
    waiting.to_be_ended(rendezvous.broker_of(endpoint.directory))
    waiting.end_all()


def test_a_socket_is_closed_to_others_whatever_the_umask(broker: Endpoint) -> None:
    path = pathlib.Path(broker.directory)
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert stat.S_IMODE((path / rendezvous.SOCKET).stat().st_mode) == 0o600


def test_a_broker_serves_no_other_account(broker: Endpoint) -> None:
    """Even if the modes of its files let one in."""
    path = pathlib.Path(broker.directory)
    path.chmod(0o755)
    (path / rendezvous.SOCKET).chmod(0o666)
    request = wire.frame(wire.OPEN, 1, messages.encode(messages.Alive()))

    def ask() -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(20)
            connection.connect(str(path / rendezvous.SOCKET))
            try:
                connection.sendall(request)
                assert connection.recv(100) == b""
            except (BrokenPipeError, ConnectionResetError):
                pass

    as_user(OTHER, ask)
    with pytest.raises(AssertionError):  # but it does serve its own
        as_user(os.geteuid(), ask)


def test_a_client_asks_no_broker_of_another_account(directory: pathlib.Path) -> None:
    """One that stands where its own would be might read passwords."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with listener:

        def listen() -> None:
            listener.bind(str(directory / rendezvous.SOCKET))
            listener.listen()

        as_user(OTHER, listen)
        assert connector.connect_if_running(str(directory)) is None


def test_a_nameless_file_is_read_by_its_own_account_alone() -> None:
    """A module, its arguments and its output are in such files."""
    reading, writing = os.pipe()
    ending, end = os.pipe()
    holder = os.fork()
    if holder == 0:
        try:
            os.setgroups([])
            os.setgid(OTHER)
            os.setuid(OTHER)
            # As after an exec: the kernel keeps a process that was root's from all others.
            ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE
            path = memfd.program("it", b"#!/bin/sh\n# secret\n")
            os.write(writing, str(path).encode())
            os.close(end)
            os.read(ending, 1)
        finally:
            os._exit(0)
    os.close(writing)
    os.close(ending)
    try:
        path = os.read(reading, 200).decode()
        assert path.startswith("/proc/")
        as_user(OTHER, lambda: pathlib.Path(path).read_bytes().index(b"secret"))

        def read() -> None:
            with pytest.raises(PermissionError):
                pathlib.Path(path).read_bytes()

        as_user(OTHER - 1, read)
    finally:
        os.close(end)
        os.close(reading)
        os.waitpid(holder, 0)


def test_an_emulated_ssh_runs_nothing_for_others() -> None:
    """Its directory is closed to them."""
    with econtext.Router() as router, router.local().emulated_ssh() as ssh:
        address = os.path.join(os.path.dirname(ssh.program), "socket")

        def connect() -> None:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.connect(address)

        def fail() -> None:
            with pytest.raises(PermissionError):
                connect()

        as_user(OTHER, fail)
        as_user(os.geteuid(), connect)
