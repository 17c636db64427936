"""Become plugin that records which commands it wraps, and the hop that it stands for.

Source: `BecomeBase` in ansible-core's `plugins/become/__init__.py` and its
`sudo.py`, 2.16 to 2.21.
"""

import copy
import re
from collections.abc import Sequence
from gettext import dgettext
from typing import Any

from ansible.module_utils.common.text.converters import to_text

from ansible_econtext.client import route
from ansible_econtext.connection import recording
from ansible_econtext.core import plugins
from ansible_econtext.core.stock_classes import StockBecome
from econtext.boot import first_stage

#: The plugins that have slaves; under any other one commands go the stock way.
CARRIED = ("sudo", "ansible.builtin.sudo", "ansible.legacy.sudo")


class RecordingBecome(StockBecome):
    """Mixin for the become plugin that Ansible loaded (`recording.specialise`)."""

    @property
    def wrapped(self) -> dict[str, str]:
        """The command inside of each command that was made."""
        return self.__dict__.setdefault(recording.NOTES + "commands", {})

    #: The shell plugin that the commands are for.
    recorded_shell: Any = None

    def build_become_command(self, cmd: str, shell: Any) -> str:
        self.recorded_shell = shell
        command = super().build_become_command(cmd, shell)
        self.wrapped[command] = cmd
        return command


def is_carried(plugin: Any) -> bool:
    """Return whether commands under this plugin can run on a slave."""
    return getattr(plugin, "name", None) == "sudo" and plugins.plugin_name(plugin) in CARRIED


def hop(plugin: Any, shell: Any, pythons: Sequence[str], timeout: float) -> route.Hop:
    """Return the hop to a slave of the account that the plugin leads to.

    `timeout` is the limit in seconds for the plugin's prompt and its answer.
    """
    # The plugin remembers the prompt and the marker of the last command that it made, which the
    # stock way may still need: a copy makes this one.
    maker = copy.copy(plugin)
    made = maker.build_become_command(first_stage.command(pythons), shell)
    prompt = maker.prompt if maker.expect_prompt() else ""
    password = maker.get_option("become_pass")
    user = maker.get_option("become_user") or "root"
    return route.Hop(
        kind="become",
        name=f"{maker.name}.{user}",
        argv=["/bin/sh", "-c", made],
        # Each command has an identity of its own, which makes no difference.
        key=re.sub(re.escape(plugins.become_identity(maker)), "", made),
        python=route.only(pythons),
        password=to_text(password) if password else None,
        prompt=prompt.encode(),
        marker=maker.success.encode(),
        incorrect=_translated(maker, maker.fail),
        missing=_translated(maker, maker.missing),
        timeout=float(timeout),
    )


def wrapped(plugin: Any, interpreter: str) -> str:
    """Return the plugin's command around an interpreter, for `-vvv`: it shows the flags."""
    command: str = copy.copy(plugin).build_become_command(interpreter, plugin.recorded_shell)
    return command


def _translated(plugin: Any, messages: tuple[str, ...]) -> tuple[bytes, ...]:
    """Return messages in English and in the language of the controller, as Ansible has them."""
    both = {*messages, *(dgettext(plugin.name, message) for message in messages)}
    return tuple(message.encode() for message in both)
