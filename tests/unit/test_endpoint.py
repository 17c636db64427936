"""The directory in which runs meet brokers is closed to other accounts."""

import pathlib
import stat

import pytest

pytest.importorskip("ansible.release")

from ansible_econtext.client import endpoint  # noqa: E402
from ansible_econtext.core import run  # noqa: E402


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "home_directory", lambda: tmp_path / "home")
    monkeypatch.setattr(run, "own_directory", lambda: tmp_path / "own")
    monkeypatch.setenv("ANSIBLE_ECONTEXT_PERSIST", "60")
    endpoint.of_run.cache_clear()
    yield tmp_path / "home" / "econtext"
    monkeypatch.setattr(endpoint, "_is_shared_left", False)
    endpoint.of_run.cache_clear()


def test_it_is_made_for_this_account_alone(home):
    assert pathlib.Path(endpoint.of_run().directory).parent == home
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o710, 0o701, 0o777])
def test_one_that_is_open_to_others_is_not_used(home, tmp_path, mode):
    home.mkdir(parents=True)
    home.chmod(mode)
    assert endpoint.of_run() == (str(tmp_path / "own" / "econtext"), 0)


def test_a_link_to_a_directory_is_not_used(home, tmp_path):
    (tmp_path / "another").mkdir(mode=0o700)
    home.parent.mkdir()
    home.symlink_to(tmp_path / "another")
    assert endpoint.of_run() == (str(tmp_path / "own" / "econtext"), 0)


def test_one_that_another_account_made_is_not_used(home, tmp_path, monkeypatch):
    home.mkdir(parents=True, mode=0o700)
    monkeypatch.setattr(endpoint.os, "geteuid", lambda: home.stat().st_uid + 1)
    assert endpoint.of_run() == (str(tmp_path / "own" / "econtext"), 0)


def test_a_run_may_leave_it(home, tmp_path):
    """As one whose broker does not answer."""
    assert endpoint.of_run().persist == 60
    endpoint.leave_shared()
    assert endpoint.of_run() == (str(tmp_path / "own" / "econtext"), 0)
