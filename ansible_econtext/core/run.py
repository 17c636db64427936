"""Settings, directories and preparations of one run of ansible-core."""

import contextlib
import pathlib
import threading
from typing import Any

from ansible import constants
from ansible.plugins.loader import (
    action_loader,
    become_loader,
    connection_loader,
    shell_loader,
)
from ansible.utils.display import Display

display = Display()

#: Seconds.  A thread that holds the lock for longer waits for its output to be read.
_LONGEST_PRINT = 5.0


def keeps_remote_files() -> bool:
    """Return whether modules' files must be kept on the target.

    Source: `ConnectionBase.is_pipelining_enabled`, 2.19 to 2.21; ActionBase, 2.16 to 2.18.
    """
    return bool(constants.DEFAULT_KEEP_REMOTE_FILES)


def own_directory() -> pathlib.Path:
    """Return the directory of this run alone: mode 0700, removed at the exit.

    Source: `DEFAULT_LOCAL_TMP` in `config/base.yml`, of the type tmppath, 2.16 to 2.21.
    """
    return pathlib.Path(constants.DEFAULT_LOCAL_TMP)


def home_directory() -> pathlib.Path:
    """Return Ansible's home, for files that outlive a run.

    Source: `ANSIBLE_HOME` in `config/base.yml`, 2.16 to 2.21.
    """
    return pathlib.Path(constants.ANSIBLE_HOME)


def load_ahead() -> None:
    """Load plugins that almost every task needs, before any worker is forked.

    Source: a profile of workers of 2.19, which also load the serialization profile (2.19 to 2.21).
    """
    for loader, name in (
        (connection_loader, "ssh"),
        (connection_loader, "local"),
        (shell_loader, "sh"),
        (action_loader, "normal"),
        (become_loader, "sudo"),
    ):
        with contextlib.suppress(Exception):  # a plugin of the play's: its task reports that
            loader.get(name, class_only=True)
    with contextlib.suppress(ImportError, AttributeError):  # up to 2.18 there are no profiles
        from ansible.module_utils.common import json

        for direction in json.Direction:
            json.get_module_encoder("legacy", direction)
            json.get_module_decoder("legacy", direction)


def keep_output() -> None:
    """Take the display's lock for good: no other thread prints during the exit.

    Source: `Display` in `utils/display.py`, 2.16 to 2.21.  Each output takes its lock, and so does
    the last flush of an interpreter that ends.  If a daemon thread held it then, the thread would
    have been stopped and the interpreter would wait for ever.
    """
    if any(thread.daemon for thread in threading.enumerate()):
        display._lock.acquire(timeout=_LONGEST_PRINT)


def name_strategy(iterator: Any, stock: type) -> None:
    """Set the name of a stock strategy as that of the play.

    Source: the `default` callback in `plugins/callback/default.py`, 2.16 to 2.21.  Under `free` and
    `host_pinned` it prints a task's banner for each host again.
    """
    iterator._play.strategy = stock.__module__.rpartition(".")[2]
