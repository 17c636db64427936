"""Fixtures: the hosts of the process that takes cells, and a directory."""

from __future__ import annotations

import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator

import pytest

from tests.support import accounts, processes
from tests.support import sshd as sshd_module

from .hosts import Hosts, running


@pytest.fixture(scope="session")
def hosts() -> Iterator[Hosts]:
    if os.geteuid() != 0 or not (shutil.which("sudo") and sshd_module.BINARY):
        pytest.skip("needs root, sudo and sshd: makes a throwaway account")
    with accounts.removed_at_the_end("faulty"):
        account = accounts.made_with_sudo("faulty")
        account.root.mkdir()
        with running(account, None) as usual:
            yield Hosts(usual)


@pytest.fixture
def scratch(hosts: Hosts) -> Iterator[pathlib.Path]:
    """A directory that is not below /tmp, which some cells take away."""
    path = pathlib.Path(tempfile.mkdtemp(dir=hosts.account.root))
    path.chmod(0o755)

    def gone() -> bool:
        shutil.rmtree(path, ignore_errors=True)
        return not path.exists()

    yield path
    processes.until(5, gone, f"{path} is removed")
