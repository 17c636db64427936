"""Faults of the controller's system: each has a clear error, and none makes the broker spin."""

import errno
import os
import pathlib
import resource
import shutil
import socket
import subprocess
import sys

import pytest

pytest.importorskip("ansible.release")

from ansible_econtext.broker import open_files  # noqa: E402
from ansible_econtext.broker.server import Broker  # noqa: E402
from ansible_econtext.client import client, connector, endpoint, launcher, rendezvous  # noqa: E402
from tests.process import waiting  # noqa: E402

ROOT = pathlib.Path(__file__).parents[2]

#: Starts a broker for itself, asks for its process number and ends it.
STARTS = """
import os, sys
sys.path[:0] = [sys.argv[1]]
from ansible_econtext.client import client, connector, launcher
found = connector.connect(launcher.Endpoint(sys.argv[2], 0), os.getpid())
print(found.status().process)
found.end_broker()
found.wait_for_end()
"""


@pytest.mark.timeout(60)
def test_a_checkout_may_have_a_colon_in_its_path(tmp_path):
    """As a directory of builds has that is named by a time or a tag."""
    copy = tmp_path / "12:30"
    for package in ("econtext", "ansible_econtext"):
        shutil.copytree(ROOT / package, copy / package)
    command = [sys.executable, "-c", STARTS, str(copy), str(tmp_path / "broker")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50)
    assert done.returncode == 0 and int(done.stdout) > 0, done.stderr


@pytest.mark.parametrize("directory", ["/proc/econtext", "/dev/null/econtext", "/nowhere/econtext"])
def test_a_directory_that_cannot_be_made_is_told(directory):
    """As on a read-only disk, or over a quota."""
    with pytest.raises(client.BrokerGone) as told:
        connector.connect(launcher.Endpoint(directory, 0), os.getpid())
    assert directory in str(told.value) and "on the controller" in str(told.value)
    assert "`local_tmp`" in str(told.value)


def test_a_python_that_cannot_be_started_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(client.BrokerGone, match="needs /nowhere/python"):
        connector.connect(launcher.Endpoint(str(tmp_path / "broker"), 0), os.getpid())


def full(*_, **__):
    raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))


def test_a_home_that_takes_no_directory_is_not_used(tmp_path, monkeypatch):
    """The run's own directory may be on another disk."""
    monkeypatch.setattr(endpoint, "private_home", lambda: tmp_path)
    monkeypatch.setattr(endpoint.settings, "seconds", lambda name: 60.0)
    assert endpoint.of_run.__wrapped__().directory.startswith(str(tmp_path))
    monkeypatch.setattr(pathlib.Path, "mkdir", full)
    found = endpoint.of_run.__wrapped__()
    assert not found.directory.startswith(str(tmp_path)) and found.persist == 0


@pytest.mark.parametrize("has_proc", [True, False])
def test_a_path_too_long_for_a_socket_is_shortened(has_proc, tmp_path, monkeypatch):
    directory = tmp_path / (100 * "x")
    directory.mkdir()
    is_there = os.path.isdir
    monkeypatch.setattr(os.path, "isdir", lambda path: is_there(path) and has_proc)
    with socket.socket(socket.AF_UNIX) as listening, socket.socket(socket.AF_UNIX) as client:
        with rendezvous.address(str(directory)) as path:
            listening.bind(path)
            listening.listen()
            client.connect(path)
    assert [each.name for each in directory.iterdir()] == [rendezvous.SOCKET]
    assert has_proc == path.startswith("/proc/") and not os.path.exists(path)


def test_a_system_without_a_list_of_descriptors_has_room(monkeypatch):
    def missing(path):
        raise FileNotFoundError(path)

    monkeypatch.setattr(os, "listdir", missing)
    assert open_files.has_room()


class NoDescriptor:
    """Time in which this process can open nothing."""

    def __enter__(self):
        self.held = []
        while not self.held or self.held[-1] < 32:
            self.held.append(os.open(os.devnull, os.O_RDONLY))
        self.limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (32, self.limits[1]))

    def __exit__(self, *_):
        resource.setrlimit(resource.RLIMIT_NOFILE, self.limits)
        for fd in self.held:
            os.close(fd)


@pytest.fixture
def broker(tmp_path):
    made = Broker(str(tmp_path), os.getpid(), -1, 0)
    made._listener.bind(str(tmp_path / "socket"))
    made._listener.listen()
    made._listener.setblocking(False)
    made._listen()
    yield made
    for connection in list(made._connections):
        connection.close()
    made._listener.close()


@pytest.mark.timeout(60)
def test_a_worker_waits_while_the_broker_has_no_descriptor(broker, tmp_path, capsys):
    """The broker would spin: the socket stays readable."""
    with socket.socket(socket.AF_UNIX) as worker:
        worker.connect(str(tmp_path / "socket"))
        with NoDescriptor():
            broker.loop.run_once()
            assert broker._listener.fileno() not in broker.loop._readers
        assert not broker._connections
        waiting.run_until(broker.loop, lambda: broker._connections)
    assert "Too many open files" in capsys.readouterr().err


@pytest.mark.timeout(60)
def test_a_connection_that_cannot_be_kept_is_closed(broker, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(os, "dup", full)
    with socket.socket(socket.AF_UNIX) as worker:
        worker.connect(str(tmp_path / "socket"))
        broker.loop.run_once()
        worker.settimeout(30)
        assert worker.recv(1) == b"" and not broker._connections
    assert "quota" in capsys.readouterr().err
