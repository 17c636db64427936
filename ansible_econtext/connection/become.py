"""Become plugin that records which commands it wraps, and the hop that it stands for.

Source: `BecomeBase` in ansible-core's `plugins/become/__init__.py` and its
`sudo.py`, 2.16 to 2.21.
"""

import copy
import re
import shlex
from collections.abc import Sequence
from gettext import dgettext
from typing import Any

from ansible.module_utils.common.text.converters import to_bytes, to_text
from ansible.plugins.become import BecomeBase

from ansible_econtext.client import route
from ansible_econtext.core import plugins
from ansible_econtext.core.stock_classes import StockBecome
from econtext.boot import first_stage

#: Methods by which a plugin judges output.  The broker judges a start's output without the plugin,
#: as these methods of `BecomeBase` do.
_JUDGES = ("check_success", "check_incorrect_password", "check_missing_password")

#: Option of a plugin whose program is not told how to ask: words that it may ask with.
_WORDS = "prompt_l10n"


class RecordingBecome(StockBecome):
    """Mixin for the become plugin that Ansible loaded (`recording.specialise`)."""

    #: The command inside of each command that was made.
    wrapped: dict[str, str]
    #: The shell plugin that the commands are for.
    recorded_shell: Any = None

    def build_become_command(self, cmd: str, shell: Any) -> str:
        self.recorded_shell = shell
        command = super().build_become_command(cmd, shell)
        self.wrapped[command] = cmd
        return command


def why_not(plugin: Any) -> str:
    """Return why commands under this plugin cannot run on a slave; "" if they can."""
    kind = type(plugin)
    if plugin.require_tty:
        return f"{plugin.name} puts a terminal between the slave and its link"
    own = [name for name in _JUDGES if getattr(kind, name) is not getattr(BecomeBase, name)]
    if own:
        return f"{plugin.name} has a {own[0]} of its own"
    if _asks_in_own_words(plugin) and _WORDS not in plugin.option_definitions:
        return f"{plugin.name} has a check_password_prompt of its own, and no option {_WORDS}"
    return ""


def hop(
    plugin: Any, shell: Any, pythons: Sequence[str], timeout: float, directory: str | None
) -> route.Hop:
    """Return the hop to a slave of the account that the plugin leads to.

    `timeout` is the limit in seconds for the plugin's prompt and its answer, `directory` where its
    command runs (None: at home): it may stay there or not (`sudo -D`, `su -`).
    """
    # The plugin remembers the prompt and the marker of the last command that it made, which the
    # stock way may still need: a copy makes this one.
    maker = copy.copy(plugin)
    made = maker.build_become_command(first_stage.command(pythons), shell)
    if directory is not None:
        made = f"cd {shlex.quote(directory)}; {made}"
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
        prompt=_prompt(maker) if maker.prompt else b"",
        # A program that is not told how to ask may ask on its terminal alone (doas).
        terminal=_asks_in_own_words(maker) and bool(maker.expect_prompt()),
        marker=maker.success.encode(),
        incorrect=_translated(maker, maker.fail),
        missing=_translated(maker, maker.missing),
        timeout=float(timeout),
    )


def _asks_in_own_words(plugin: Any) -> bool:
    return type(plugin).check_password_prompt is not BecomeBase.check_password_prompt


def _prompt(plugin: Any) -> bytes:
    """Return the regular expression of the prompt, which ends the output.

    With words of the user's it is a line that has one of them, as text or as an expression; with
    those of the plugin, of which the option knows nothing, also a colon at its end.

    Source: `check_password_prompt` in `plugins/become/su.py`, 2.16 to 2.21, and in doas.py and
    ksu.py of community.general 11.
    """
    if not _asks_in_own_words(plugin):
        return re.escape(to_bytes(plugin.prompt).strip())
    given = plugin.get_option(_WORDS)
    words = given or [*getattr(plugin, "SU_PROMPT_LOCALIZATIONS", ()), "password"]
    known = [re.escape(to_bytes(word)) for word in words]
    known += [to_bytes(word) for word in given or () if _is_expression(word)]
    colon = b"" if given else to_bytes("(?::|\uff1a)")
    return b"(?i)(?:" + b"|".join(known) + rb")[^\n]*" + colon + rb"\s*\Z"


def _is_expression(word: str) -> bool:
    try:
        re.compile(b"x(?:" + to_bytes(word) + b")")
    except re.error:
        return False
    return True


def wrapped(plugin: Any, interpreter: str) -> str:
    """Return the plugin's command around an interpreter, for `-vvv`: it shows the flags."""
    command: str = copy.copy(plugin).build_become_command(interpreter, plugin.recorded_shell)
    return command


def _translated(plugin: Any, messages: tuple[str, ...]) -> tuple[bytes, ...]:
    """Return messages in English and in the language of the controller, as Ansible has them."""
    both = {*messages, *(dgettext(plugin.name, message) for message in messages)}
    return tuple(message.encode() for message in both)
