"""What a task thread learns of others' plugins, by a process that loads their files."""

import os
import signal

import pytest

pytest.importorskip("ansible.release")

from ansible.plugins.loader import connection_loader  # noqa: E402

from ansible_econtext.core import plugin_use, worker_process  # noqa: E402
from ansible_econtext.workers import play  # noqa: E402


@pytest.mark.timeout(30)
def test_a_file_that_takes_too_long_to_load(monkeypatch):
    """Its names are not known then, and the task moves to a process of its own."""
    forked = []

    def fork():
        forked.append(os.fork())
        return forked[-1]

    monkeypatch.setattr(worker_process, "fork", fork)
    monkeypatch.setattr(plugin_use, "_tell_names", lambda loader, descriptor: signal.pause())
    monkeypatch.setattr(plugin_use, "_LONGEST_LOAD", 0.1)
    assert plugin_use._names_by_process(None) is None
    with pytest.raises(ProcessLookupError):  # it was killed, and waited for
        os.kill(forked[0], 0)


def test_a_connection_plugin_of_our_own_is_safe():
    with play.carried_connections():
        assert plugin_use._is_safe(connection_loader, "econtext", None, play._OWN_PLUGINS)
        assert not plugin_use._is_safe(connection_loader, "econtext", None, frozenset())
