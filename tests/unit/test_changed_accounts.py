"""Which accounts a task may change, by its module or its command."""

import json
from typing import Any

import pytest

from ansible_econtext.client.messages import ALL_ACCOUNTS
from ansible_econtext.connection import changed_accounts
from ansible_econtext.payload.ansiballz import Payload


def of_module(module: str, **arguments: Any) -> str:
    parameters = json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode()
    payload = Payload(b"", b"", f"ansible.modules.{module}", parameters, None, 0)
    return changed_accounts.of_payload(payload)


def test_the_account_that_a_module_names() -> None:
    assert of_module("user", name="worker") == "worker"
    assert of_module("user", user="worker") == "worker"
    assert of_module("group", name="some") == ""


@pytest.mark.parametrize(
    "text",
    [
        "userdel -r worker",
        "/usr/sbin/usermod -l new old",
        "set -e\nusermod -u 7 worker",
        "\tdeluser worker",
        "if true;then userdel x;fi",
        "apt-get purge -y postgresql",
        "umount -R /srv/root",
        "docker rename web web-old",
        "podman pause web",
        "/usr/bin/buildah commit web image",
    ],
)
def test_a_command_that_may_change_any(text: str) -> None:
    assert of_module("command", _raw_params=text) == ALL_ACCOUNTS
    assert of_module("command", argv=text.split(" ")) == ALL_ACCOUNTS
    assert of_module("command", _raw_params="sh", stdin=text) == ALL_ACCOUNTS
    assert changed_accounts.of_command(text) == ALL_ACCOUNTS


@pytest.mark.parametrize("text", ["id", "my-userdel x", "userdels", "captain's adaptation", "rm x"])
def test_a_command_that_changes_none(text: str) -> None:
    assert of_module("command", _raw_params=text) == ""
    assert changed_accounts.of_command(text) == ""


@pytest.mark.parametrize("module", ["apt", "mount"])
def test_a_module_that_removes_packages_or_unmounts(module: str) -> None:
    assert of_module(module, name="x") == ALL_ACCOUNTS


def test_the_file_of_an_asynchronous_job() -> None:
    wrapper = "python3 /tmp/async_wrapper.py j1 60 /tmp/ansible-tmp-1-2-3/AnsiballZ_{}.py _"
    assert changed_accounts.of_command(wrapper.format("command")) == ALL_ACCOUNTS
    assert changed_accounts.of_command(wrapper.format("copy")) == ""
