"""A become plugin that notes which commands it wrapped, and the way that it leads.

Source: `BecomeBase` in ansible-core's `plugins/become/__init__.py` and its
`sudo.py`, 2.16 to 2.21.
"""

import copy
import re
from collections.abc import Sequence
from gettext import dgettext
from typing import Any

from ansible_econtext.client import route
from ansible_econtext.connection import recording
from ansible_econtext.core import plugins
from econtext.boot import first_stage

#: The plugins that we follow to a slave of their own; others go the stock way.
CARRIED = ("sudo", "ansible.builtin.sudo", "ansible.legacy.sudo")


class RecordingBecome:
    """In front of the become plugin that Ansible loaded (`recorded.specialise`)."""

    @property
    def wrapped(self) -> dict[str, str]:
        """The command inside of each command that was handed out."""
        return self.__dict__.setdefault(recording.NOTES + "commands", {})  # type: ignore[no-any-return]

    #: The shell plugin that the commands are for.
    recorded_shell: Any = None

    def build_become_command(self, cmd: str, shell: Any) -> str:
        self.recorded_shell = shell
        command: str = super().build_become_command(cmd, shell)  # type: ignore[misc]
        self.wrapped[command] = cmd
        return command


def is_carried(plugin: Any) -> bool:
    """Whether there are slaves for this plugin."""
    return getattr(plugin, "name", None) == "sudo" and plugins.plugin_name(plugin) in CARRIED


def step(plugin: Any, shell: Any, pythons: Sequence[str], timeout: float) -> route.Hop:
    """The step of a way that leads through the plugin, which has `timeout` seconds to ask
    for a password and to take it."""
    # The plugin remembers the prompt and the marker of the last command that it
    # made, and the stock way may still want those: a copy makes ours.
    maker = copy.copy(plugin)
    made = maker.build_become_command(first_stage.command(pythons), shell)
    prompt = maker.prompt if maker.expect_prompt() else ""
    password = maker.get_option("become_pass")
    user = maker.get_option("become_user") or "root"
    return {
        "kind": "become",
        "name": f"{maker.name}.{user}",
        "argv": ["/bin/sh", "-c", made],
        # Each command has an identity of its own, which makes no difference.
        "key": re.sub(re.escape(plugins.become_identity(maker)), "", made),
        "marker": maker.success.encode(),
        "prompt": prompt.encode(),
        "password": password or None,
        "incorrect": [message.encode() for message in _said(maker, maker.fail)],
        "timeout": timeout,
        "missing": [message.encode() for message in _said(maker, maker.missing)],
        "python": pythons[0] if len(pythons) == 1 else "",
    }


def spoken(plugin: Any, interpreter: str) -> str:
    """The plugin's own command around an interpreter, for whoever looks at its flags."""
    command: str = copy.copy(plugin).build_become_command(interpreter, plugin.recorded_shell)
    return command


def _said(plugin: Any, messages: tuple[str, ...]) -> set[str]:
    """The messages, in English and in the language of the controller, as Ansible has them."""
    return {*messages, *(dgettext(plugin.name, message) for message in messages)}
