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

#: Seconds; who has the lock for longer waits for somebody to read what is printed.
_LONGEST_PRINT = 5.0


def keeps_remote_files() -> bool:
    """Source: `ConnectionBase.is_pipelining_enabled` in 2.19 and later, ActionBase before."""
    return bool(constants.DEFAULT_KEEP_REMOTE_FILES)


def own_directory() -> pathlib.Path:
    """A directory of this run alone, mode 0700, known to its workers and removed at exit.

    Source: `DEFAULT_LOCAL_TMP` in `config/base.yml`, whose type is tmppath.
    """
    return pathlib.Path(constants.DEFAULT_LOCAL_TMP)


def home_directory() -> pathlib.Path:
    """Where Ansible keeps what outlives a run; source: `ANSIBLE_HOME` in `config/base.yml`."""
    return pathlib.Path(constants.ANSIBLE_HOME)


def load_ahead() -> None:
    """Load what each worker would load for itself, once, before any is forked.

    Source: a profile of workers of 2.19: the plugins of almost every task, and
    from 2.19 on the modules of the serialization profile.
    """
    for loader, name in (
        (connection_loader, "ssh"),
        (connection_loader, "local"),
        (shell_loader, "sh"),
        (action_loader, "normal"),
        (become_loader, "sudo"),
    ):
        with contextlib.suppress(Exception):  # one of a play's own: the task will be told
            loader.get(name, class_only=True)
    with contextlib.suppress(ImportError, AttributeError):  # up to 2.18 there are no profiles
        from ansible.module_utils.common import json

        for direction in json.Direction:
            json.get_module_encoder("legacy", direction)
            json.get_module_decoder("legacy", direction)


def keep_output() -> None:
    """Let no other thread print any more, at the exit of a run.

    Source: `Display` in `utils/display.py`, 2.16 to 2.21: whatever is printed takes its lock, and
    so does the last flush of an interpreter that ends. A thread of an interrupted run that has
    it then is stopped for good, and nobody could end.
    """
    if any(thread.daemon for thread in threading.enumerate()):
        display._lock.acquire(timeout=_LONGEST_PRINT)


def name_strategy(iterator: Any, stock: type) -> None:
    """Have a play say that it runs under the stock strategy of this class.

    Source: the `default` callback, 2.16 to 2.21, looks there for `free` and
    `host_pinned`, under which it prints a task's banner for each host again.
    """
    iterator._play.strategy = stock.__module__.rpartition(".")[2]
