"""Emulated ssh to one host: which arguments lead to which of its accounts."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_econtext.broker.host_ssh import leads_to
from ansible_econtext.client.messages import SSHAccount
from econtext.emulation.ssh_arguments import Wanted

LOGIN = SSHAccount("h", "u", 7, "/key", ["-ooption=1", "-J", "-v"], "", "", [])
WANTED = Wanted("h", "u", 7, "/key", [], "sudo -u root rsync --server", False)


@pytest.mark.parametrize(
    "more", [{}, {"user": ""}, {"port": 0}, {"identity": ""}, {"options": ["-J", "-ooption=1"]}]
)
def test_arguments_that_say_what_the_connection_has(more: dict[str, Any]) -> None:
    assert leads_to(LOGIN, WANTED._replace(**more))


@pytest.mark.parametrize(
    "more",
    [
        {"host": "g"},
        {"user": "v"},
        {"port": 8},
        {"identity": "/other"},
        {"options": ["-ooption=2"]},
        {"options": ["-J", "-t"]},
    ],
)
def test_arguments_that_say_something_else(more: dict[str, Any]) -> None:
    assert not leads_to(LOGIN, WANTED._replace(**more))


@pytest.mark.parametrize(
    ("command", "leads"),
    [("sudo -u root rsync --server", True), ("sudo -u root rsyncd x", False), ("rsync x", False)],
)
def test_the_account_of_become_has_commands_that_begin_with_it(command: str, leads: bool) -> None:
    become = LOGIN.replace(prefix="sudo -u root rsync ", instead="rsync ")
    assert leads_to(become, WANTED._replace(command=command)) is leads
    assert leads_to(LOGIN, WANTED._replace(command=command))
