"""What connection and become plugins keep to themselves."""

import contextlib
import functools
import os
import sys
from collections.abc import Iterator
from typing import Any

import ansible.plugins.connection
import ansible.plugins.shell
from ansible import constants
from ansible.module_utils.common.text.converters import to_text
from ansible.utils.path import unfrackpath

from ansible_econtext.core.patch import replaced
from ansible_econtext.core.versions import ansible_version

#: Command lines by all that they are made of.
_made: dict[tuple[Any, ...], tuple[list[str], str]] = {}

#: Command lines that are kept at the most.
_MOST = 1000


def ssh_command(connection: Any) -> list[str]:
    """The ssh plugin's own command line, up to and with the host, without a password.

    Source: `_build_command` in `plugins/connection/ssh.py`.  Up to 2.18, and with
    `password_mechanism: sshpass` later, it puts sshpass in front and opens a
    pipe for it; we answer ssh ourselves.  It is made of the options, and of whether there is a
    password; with a key among the options it asks an agent, each time.
    """
    connection.host = connection.get_option("host") or connection._play_context.remote_addr
    options = dict(connection._options, password=bool(ssh_password(connection)))
    key = (type(connection), connection.host, *options.items())
    try:
        known, directory = _made.get(key, (None, ""))
    except TypeError:  # an option that may change
        return _ssh_command(connection)
    is_there = not directory or os.access(directory, os.W_OK)
    if known is None or not is_there or options.get("private_key"):
        known = _ssh_command(connection)
        if len(_made) >= _MOST:
            _made.clear()
        # Where the command has its control socket: the plugin makes that directory.
        of_sockets = getattr(connection, "control_path_dir", None)
        _made[key] = known, unfrackpath(of_sockets) if of_sockets else ""
    return list(known)


def _ssh_command(connection: Any) -> list[str]:
    with _without_sshpass(connection):
        made = connection._build_command(
            connection.get_option("ssh_executable"), "ssh", connection.host
        )
    argv = [to_text(part, errors="surrogate_or_strict") for part in made]
    if argv[0] == "sshpass":
        argv = argv[argv.index(connection.get_option("ssh_executable")) :]
    return argv


@contextlib.contextmanager
def _without_sshpass(connection: Any) -> Iterator[None]:
    try:
        with replaced(connection, _sshpass_available=lambda: True):
            yield
    finally:
        pipe = getattr(connection, "sshpass_pipe", None)
        if pipe is not None:
            for fd in pipe:
                os.close(fd)
            connection.sshpass_pipe = None


def ssh_password(connection: Any) -> str | None:
    """Source: `_build_command`, 2.16 to 2.21."""
    password = connection.get_option("password") or connection._play_context.password
    return to_text(password) if password else None


def ssh_password_prompt(connection: Any) -> str:
    """What the user says that ssh asks a password with; empty where nothing is said.

    Source: `_build_command`, 2.16 to 2.21, which gives it to sshpass; from 2.19 on
    that is one of two mechanisms.
    """
    mechanisms = connection.has_option("password_mechanism")
    if mechanisms and connection.get_option("password_mechanism") != "sshpass":
        return ""
    return to_text(connection.get_option("sshpass_prompt") or "")


def become_timeout(connection: Any) -> float:
    """Seconds that the stock plugin waits for what become prints.

    Source: `_bare_run` in `plugins/connection/ssh.py`, 2.16 to 2.21; `exec_command`
    in `local.py`, with an option of its own from 2.19 on.
    """
    if connection.has_option("become_success_timeout"):
        return max(1.0, connection.get_option("become_success_timeout"))
    if connection.has_option("timeout"):
        return 2.0 + connection.get_option("timeout")
    return float(connection._play_context.timeout)


def is_pipelining_refused(
    connection: Any, task_keys: Any = None, var_options: Any = None, direct: Any = None
) -> bool:
    """Whether the user has said that modules are to be files on the target.

    Source: `AnsiblePlugin.set_options` in `plugins/__init__.py`, 2.16 to 2.21, whose
    arguments these are.  The option's default, which is the same, says nothing.
    """
    value, origin = constants.config.get_config_value_and_origin(
        "pipelining",
        plugin_type="connection",
        plugin_name=plugin_name(connection),
        keys=task_keys,
        variables=var_options,
        direct=direct,
    )
    return not value and origin != "default"


def tell_of_variables() -> None:
    """Have a connection hear of a task's variables before its options are set.

    Its method `_econtext_set_pythons(variables, templar)` is called.

    Source: `TaskExecutor._set_connection_options` of 2.16; from 2.17 on it calls a method of the
    connection, `_resolve_option_variables`, with the same arguments.
    """
    if ansible_version >= (2, 17):
        return
    from ansible.executor.task_executor import TaskExecutor

    stock = TaskExecutor._set_connection_options
    if hasattr(stock, "_econtext"):
        return

    @functools.wraps(stock)
    def set_connection_options(executor: Any, variables: Any, templar: Any) -> Any:
        hear = getattr(executor._connection, "_econtext_set_pythons", None)
        if hear is not None:
            hear(variables, templar)
        return stock(executor, variables, templar)

    set_connection_options._econtext = True  # type: ignore[attr-defined]
    TaskExecutor._set_connection_options = set_connection_options


def is_core_connection(kind: type) -> bool:
    """Whether a connection plugin is ansible-core's own, rather than one derived from it.

    The loader gives the modules of all plugins names in ansible.plugins: the file tells.
    """
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    return file is not None and os.path.dirname(file) in ansible.plugins.connection.__path__


def is_known_shell(plugin: Any) -> bool:
    """Return whether a shell plugin is ansible-core's own, or of `ansible.posix`.

    What the commands of any other one do cannot be told by the methods that made them.
    """
    kind = type(plugin)
    if kind.__module__.startswith("ansible_collections.ansible.posix.plugins.shell."):
        return True
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    return file is not None and os.path.dirname(file) in ansible.plugins.shell.__path__


def plugin_name(plugin: Any) -> str:
    """The name by which a plugin was asked for; source: `plugins/loader.py`, 2.16 to 2.21."""
    return str(plugin._load_name)


def become_identity(plugin: Any) -> str:
    """What tells the last command of a become plugin from all others of its kind.

    Source: `BecomeBase.build_become_command` in `plugins/become/__init__.py`, 2.16 to 2.21.
    """
    return str(plugin._id)
