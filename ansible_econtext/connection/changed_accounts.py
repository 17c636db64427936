"""Accounts that a task may change or remove, and that no idle slave may use meanwhile.

The system's tools refuse to change or remove an account that has processes, and to unmount what
is a process's root: a task that unmounts counts as one that may change any account.  So does one
that renames or pauses: a slave would stay in a container that can no longer be entered.  And
`buildah commit` would find files of a run of buildah that goes on.
"""

import json
import re

from ansible_econtext.client.messages import ALL_ACCOUNTS
from ansible_econtext.payload import ansiballz

#: Programs that change accounts or unmount, what programs of containers are told to do, and those
#: that remove packages: their scripts may do so too.
_PROGRAMS = re.compile(
    rb"(?:^|[^\w.-]|\\[nrt])"  # in JSON too, where a line ends in \n
    rb"(?:userdel|usermod|deluser|luserdel|lusermod|homectl|pw|rmuser|umount|pause|rename|buildah"
    rb"|apk|apt|apt-get|aptitude|dnf|dnf5|dpkg|microdnf|pacman|rpm|yum|zypper)(?![\w.-])"
)

#: Modules that remove packages or unmount, and those that run programs.
_CHANGERS = frozenset("apk apt dnf dnf5 mount pacman yum zypper".split())
_RUNNERS = frozenset(["command", "expect"])

#: A module's file, as the command for an asynchronous job names it.
_FILE = re.compile(r"/AnsiballZ_(\w+)\.py\b")


def of_payload(payload: ansiballz.Payload) -> str:
    """Return the account that a module changes; "" if none, ALL_ACCOUNTS if any may be."""
    if payload.name == "ansible.modules.user":
        arguments = json.loads(payload.parameters)["ANSIBLE_MODULE_ARGS"]
        return str(arguments.get("name") or arguments.get("user") or "")
    name = payload.name.rpartition(".")[2]
    if name in _RUNNERS:
        return of_text(payload.parameters)
    return ALL_ACCOUNTS if name in _CHANGERS else ""


def of_command(command: str) -> str:
    """Return the same for a command, which may start an asynchronous job."""
    module = _FILE.search(command)
    if module is not None:  # its arguments are in its file
        name = module[1]
        return ALL_ACCOUNTS if name in {"user", *_RUNNERS, *_CHANGERS} else ""
    return of_text(command.encode(errors="surrogateescape"))


def of_text(text: bytes) -> str:
    """Return the same for what may be a script."""
    return ALL_ACCOUNTS if _PROGRAMS.search(text) else ""
