"""Fixtures: a directory, the accounts, the sshd, and the transports."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite(f"{__package__}.parity")

from tests.support import processes  # noqa: E402
from tests.support import sshd as sshd_module  # noqa: E402
from tests.support.accounts import Account, myself  # noqa: E402
from tests.support.sshd import Sshd  # noqa: E402

from . import accounts as accounts_module  # noqa: E402
from . import transports  # noqa: E402
from .accounts import Accounts  # noqa: E402
from .play import STOCK  # noqa: E402
from .results import pytest_runtest_makereport  # noqa: E402, F401
from .transports import Transport  # noqa: E402

# The tests are about our strategy, but hold for stock Ansible as well, unless they say otherwise.
STRATEGY = os.environ.get("ECONTEXT_TEST_STRATEGY", "econtext")


@pytest.fixture(scope="session")
def strategy() -> str:
    return STRATEGY


@pytest.fixture(scope="session")
def ours(strategy: str) -> None:
    """For tests of what stock Ansible does not have or does not promise."""
    if strategy in STOCK:
        pytest.skip(f"not a property of stock Ansible's {strategy}")


@contextlib.contextmanager
def short_directory() -> Iterator[pathlib.Path]:
    """A temporary directory with a short path (tmp_path is too long for ssh's control sockets)."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="ectx-"))
    path.chmod(0o755)

    def gone() -> bool:
        # What a run left to its end may still be removing its own directories.
        shutil.rmtree(path, ignore_errors=True)
        return not path.exists()

    try:
        yield path
    finally:
        processes.until(5, gone, f"{path} is removed")


@pytest.fixture
def scratch() -> Iterator[pathlib.Path]:
    with short_directory() as path:
        yield path


@pytest.fixture(scope="session")
def _accounts_or_none() -> Iterator[Accounts | None]:
    if os.geteuid() != 0 or shutil.which("sudo") is None:
        yield None
        return
    with accounts_module.throwaway_accounts() as made:
        yield made


@pytest.fixture(scope="session")
def accounts(_accounts_or_none: Accounts | None) -> Accounts:
    if _accounts_or_none is None:
        pytest.skip("needs root and sudo: makes throwaway accounts")
    return _accounts_or_none


@pytest.fixture(scope="session")
def temporary_directories(_accounts_or_none: Accounts | None) -> Iterator[None]:
    """The accounts' ~/.ansible/tmp: a run that makes it removes it, while others may use it."""
    made = _accounts_or_none
    some = [made.plain, made.guarded, *made.with_shell.values()] if made else []
    for account in some:
        for path in (account.home / ".ansible", account.home / ".ansible" / "tmp"):
            path.mkdir(mode=0o700, exist_ok=True)
            os.chown(path, account.uid, account.gid)
    yield
    for account in some:
        shutil.rmtree(account.home / ".ansible", ignore_errors=True)


@pytest.fixture(scope="session")
def sshd(_accounts_or_none: Accounts | None) -> Iterator[Sshd]:
    """The sshd; it lets in the accounts, and the user who runs the tests."""
    if sshd_module.BINARY is None or shutil.which("ssh-keygen") is None:
        pytest.skip("needs sshd and ssh-keygen")
    made = _accounts_or_none
    # Root's interpreters may be closed to the others.
    users = [*(made.all if made else ()), myself()]
    more = (
        f"AllowUsers {' '.join(user.name for user in users)}\n"
        "PasswordAuthentication no\n"
        "Subsystem sftp internal-sftp\n"
    )
    if made:
        more += f"Match User {made.bare.name}\n  ChrootDirectory {made.bare.root}\n"
    with tempfile.TemporaryDirectory(prefix="ectx-sshd-") as directory:
        with sshd_module.running_sshd(pathlib.Path(directory), more) as running:
            yield running


@pytest.fixture(scope="session")
def login(_accounts_or_none: Accounts | None) -> Account:
    """Who logs in through ssh when nothing special is asked for."""
    return _accounts_or_none.plain if _accounts_or_none else myself()


@pytest.fixture
def ssh(sshd: Sshd, login: Account, scratch: pathlib.Path) -> Transport:
    return transports.ssh(sshd, login, scratch)


@pytest.fixture
def sudo(sshd: Sshd, accounts: Accounts) -> Transport:
    return transports.sudo(sshd, accounts)


@pytest.fixture
def sudo_password(sshd: Sshd, accounts: Accounts) -> Transport:
    return transports.sudo_password(sshd, accounts)


@pytest.fixture
def su_password(sshd: Sshd, accounts: Accounts) -> Transport:
    return transports.su_password(sshd, accounts)


@pytest.fixture
def csh(sshd: Sshd, accounts: Accounts) -> Transport:
    return transports.with_shell("csh", sshd, accounts)


@pytest.fixture
def fish(sshd: Sshd, accounts: Accounts) -> Transport:
    return transports.with_shell("fish", sshd, accounts)


@pytest.fixture
def local(scratch: pathlib.Path) -> Transport:
    return transports.local(scratch)


@pytest.fixture
def remote(login: Account, scratch: pathlib.Path) -> pathlib.Path:
    """A directory on the target that belongs to who logs in through ssh."""
    path = scratch / "remote"
    path.mkdir()
    os.chown(path, login.uid, login.gid)
    return path


@pytest.fixture
def transport(request: pytest.FixtureRequest) -> Transport:
    """For indirect parametrisation: the transport of that name."""
    found: Transport = request.getfixturevalue(request.param)
    return found
