"""The broker's limit of open files."""

import resource

import pytest

from ansible_econtext.broker import open_files


@pytest.mark.parametrize(("most", "then"), [(65536, 65536), (10240, 10240), (300, 256)])
def test_the_limit_is_raised_as_far_as_the_system_lets(monkeypatch, most, then):
    """macOS refuses a soft limit above one of its own, though the hard one is infinite."""
    limits = [256, resource.RLIM_INFINITY]

    def setrlimit(kind, wanted):
        if wanted[0] > most:
            raise ValueError("current limit exceeds maximum limit")
        limits[:] = wanted

    monkeypatch.setattr(resource, "getrlimit", lambda kind: tuple(limits))
    monkeypatch.setattr(resource, "setrlimit", setrlimit)
    open_files.raise_limit()
    assert limits == [then, resource.RLIM_INFINITY]
