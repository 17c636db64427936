"""Emulated ssh to one host: which arguments lead to which of its accounts."""

from __future__ import annotations

import os
import tempfile
from typing import Any

import pytest

from ansible_econtext.broker.handlers import ModuleHandler
from ansible_econtext.broker.host_ssh import leads_to
from ansible_econtext.broker.payload_store import PayloadStore
from ansible_econtext.client.messages import Failed, FailureCode, Module, SSHAccount, Work
from econtext.emulation.ssh_arguments import Wanted

from .test_handlers import Pool
from .test_warm_processes import link  # noqa: F401

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


MODULE = Module(
    name="m",
    identity=b"i",
    parameters=b"{}",
    profile=None,
    open_files=0,
    interpreter="python3",
    environment={"PATH": "/own"},
    directory=None,
    remote_tmp="/tmp",
    may_run_warm=False,
    ssh=[LOGIN],
)


@pytest.mark.parametrize("is_abandoned", [False, True])
def test_the_emulated_ssh_is_there_as_long_as_its_request(link: Any, is_abandoned: bool) -> None:  # noqa: F811
    pool = Pool(link)
    handler = ModuleHandler(pool, PayloadStore(), Work([], [], MODULE), lambda reply: None)
    directory, _, rest = handler._with_ssh(pool.slave)["PATH"].partition(":")
    assert rest == "/own" and os.access(f"{directory}/ssh", os.X_OK)
    if is_abandoned:
        handler.abandon()
    else:
        handler.reply(Failed(FailureCode.CALL, ""))
    assert not os.path.exists(directory)


def test_a_module_has_the_real_ssh_where_there_is_no_room(
    link: Any,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/no/such/directory")
    pool = Pool(link)
    handler = ModuleHandler(pool, PayloadStore(), Work([], [], MODULE), lambda reply: None)
    assert handler._with_ssh(pool.slave) == {"PATH": "/own"}
