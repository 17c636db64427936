"""Private parts of connection, shell and become plugins."""

import contextlib
import functools
import os
import re
import shlex
import sys
import types
from collections.abc import Iterator
from typing import Any

import ansible.plugins.shell
from ansible import constants
from ansible.errors import AnsibleError
from ansible.module_utils.common.text.converters import to_text
from ansible.utils.path import unfrackpath

from ansible_econtext.core.patch import replaced
from ansible_econtext.core.versions import ansible_version


def ssh_command(connection: Any, is_behind: bool = False) -> list[str]:
    """Return the ssh plugin's own command line, up to the host, without sshpass.

    It leads to no master connection of the plugin's, but to one that the user names.  With
    `is_behind` a bastion runs it, and a `~` is the home of the account there.

    Source: `_build_command` in `plugins/connection/ssh.py`, 2.16 to 2.21.  Up to 2.18, and since
    then with `password_mechanism: sshpass`, it puts sshpass in front and opens a pipe for it; the
    broker answers ssh itself.  With ControlPersist, it adds a ControlPath in quotes, in
    `control_path_dir`, unless the user names one.  It expands the `~` of a key, as ssh would.
    """
    connection.host = connection.get_option("host") or connection._play_context.remote_addr
    with _without_sshpass(connection):
        made = connection._build_command(
            connection.get_option("ssh_executable"), "ssh", connection.host
        )
    argv = [to_text(part, errors="surrogate_or_strict") for part in made]
    if argv[0] == "sshpass":
        argv = argv[argv.index(connection.get_option("ssh_executable")) :]
    own = f'ControlPath="{unfrackpath(connection.get_option("control_path_dir"))}/'
    argv = ["ControlPath=none" if part.startswith(own) else part for part in argv]
    key = to_text(connection.get_option("private_key_file") or "")
    expanded = f'IdentityFile="{os.path.expanduser(key)}"'
    return [f'IdentityFile="{key}"' if is_behind and part == expanded else part for part in argv]


def ssh_destination(connection: Any) -> dict[str, Any]:
    """Return what the arguments of another ssh to the connection's host would be.

    They are `host`, `user`, `port` and `identity`, and the options that the user gave.
    """
    given = [connection.get_option(f"ssh_{each}args") for each in ("", "common_", "extra_")]
    return {
        "host": to_text(connection.get_option("host") or connection._play_context.remote_addr),
        "user": to_text(connection.get_option("remote_user") or ""),
        "port": int(connection.get_option("port") or 0),
        "identity": os.path.expanduser(to_text(connection.get_option("private_key_file") or "")),
        "given": shlex.split(" ".join(to_text(each) for each in given if each)),
    }


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
    """Return the password for ssh, or the PIN of a smartcard; None if there is none.

    Raises AnsibleError if the connection needs one.

    Source: `_build_command` in `plugins/connection/ssh.py`, 2.16 to 2.21, and since 2.19 its
    `_init_shm`.
    """
    password = connection.get_option("password") or connection._play_context.password
    if not password and connection.get_option("pkcs11_provider"):
        raise AnsibleError("to use pkcs11_provider you must specify a password/pin")
    return to_text(password) if password else None


def ssh_password_prompt(connection: Any) -> str:
    """Return a part of the prompt for ssh's password; "" if it is the usual one.

    Source: `_build_command` in `plugins/connection/ssh.py`, 2.16 to 2.21, for sshpass, and since
    2.19 its `_init_shm`, for `SSH_ASKPASS`.
    """
    usual = "Enter PIN for " if connection.get_option("pkcs11_provider") else ""
    return to_text(connection.get_option("sshpass_prompt") or usual)


def retries(connection: Any) -> int:
    """Return how often an attempt to reach the host is repeated."""
    return int(option(connection, "reconnection_retries") or 0)


def term(connection: Any) -> str | None:
    """Return TERM of the terminals that the stock plugin makes; None if it makes none."""
    return os.environ.get("TERM", "") if option(connection, "use_tty") else None


def option(connection: Any, name: str) -> Any:
    """Return the value of an option that not each plugin or version has; None if it has not."""
    return connection.get_option(name) if connection.has_option(name) else None


def mode_by_transfer(connection: Any, mode: int) -> int:
    """Return the mode, before the umask, that the plugin gives a new file that it fetches.

    `mode` is that of the file on the host.

    Source: `_file_transport_command` in `plugins/connection/ssh.py`, 2.16 to 2.21, for `piped`;
    sftp(1), and scp(1) since OpenSSH 9.0, open a new file with the host's bits and `u+w`.
    """
    return mode & 0o777 | 0o200 if _transfers_mode(connection) else 0o666


def mode_of_put(connection: Any, mode: int) -> int:
    """Return the mode, before the umask, that the plugin gives a new file that it puts.

    `mode` is that of the file on the controller.

    Source: `put_file` in `plugins/connection/local.py`, and `_file_transport_command` in
    `plugins/connection/ssh.py`, 2.16 to 2.21, for `piped`; sftp(1) and scp(1) send the mode.
    """
    return mode & 0o777 if _transfers_mode(connection) else 0o666


def _transfers_mode(connection: Any) -> bool:
    """Return whether a file goes by sftp or scp, and not by a command or a local copy."""
    option = "ssh_transfer_method"  # None before 2.17, for sftp if the host has it
    return connection.has_option(option) and connection.get_option(option) != "piped"


def special_transfer(connection: Any) -> str:
    """Return the arguments of the user by which sftp or scp keeps times and modes; "" if none.

    Source: `_build_command` in `plugins/connection/ssh.py`, 2.16 to 2.21.  `-p` keeps them in both
    programs; `-O` has scp use its old protocol, which has rules of its own.
    """
    method = option(connection, "ssh_transfer_method")
    program, flags = ("scp", "pO") if method == "scp" else ("sftp", "p")
    words = shlex.split(option(connection, f"{program}_extra_args") or "")
    found = [word for word in words if re.fullmatch(f"-\\w*[{flags}]\\w*", word)]
    return f"{program} {' '.join(found)}" if found and method != "piped" else ""


def become_timeout(connection: Any) -> float:
    """Return the seconds that the stock plugin waits for become's prompt.

    Source: `_bare_run` in `plugins/connection/ssh.py`, 2.16 to 2.21; `exec_command`
    in `local.py`, 2.16 to 2.21, with an option of its own since 2.19.
    """
    if connection.has_option("become_success_timeout"):
        return max(1.0, connection.get_option("become_success_timeout"))
    if connection.has_option("timeout"):
        return 2.0 + connection.get_option("timeout")
    return float(connection._play_context.timeout)


def is_pipelining_refused(
    connection: Any, task_keys: Any = None, var_options: Any = None, direct: Any = None
) -> bool:
    """Return whether the user turned pipelining off, so that modules must be files.

    Source: `AnsiblePlugin.set_options` in `plugins/__init__.py`, 2.16 to 2.21, whose
    arguments these are.  The option is off by default, which does not count.
    """
    if not connection.has_option("pipelining"):
        return False
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
    """Patch ansible-core 2.16 to give a connection its task's variables before options.

    It calls `_econtext_take_variables(variables, templar)`.  The patch stays until the run ends.
    Source: `TaskExecutor._set_connection_options` in `executor/task_executor.py`, 2.16.  From 2.17
    to 2.21 it calls a method of the connection, `_resolve_option_variables`, with these arguments.
    """
    if ansible_version >= (2, 17):
        return
    from ansible.executor.task_executor import TaskExecutor

    stock = TaskExecutor._set_connection_options
    if hasattr(stock, "_econtext"):
        return

    @functools.wraps(stock)
    def set_connection_options(executor: Any, variables: Any, templar: Any) -> Any:
        hear = getattr(executor._connection, "_econtext_take_variables", None)
        if hear is not None:
            hear(variables, templar)
        return stock(executor, variables, templar)

    set_connection_options._econtext = True  # type: ignore[attr-defined]
    TaskExecutor._set_connection_options = set_connection_options


def is_core_plugin(kind: type, package: types.ModuleType) -> bool:
    """Return whether a plugin's class is a package's own, not one derived from it.

    Its file tells, as the loader gives the modules of all plugins names in ansible.plugins.
    """
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    return file is not None and os.path.dirname(file) in package.__path__


def collection_name(kind: type) -> str:
    """Return the full name of a connection plugin of a collection; "" for any other class.

    Source: `PluginLoader._find_fq_plugin` in `plugins/loader.py`, 2.16 to 2.21.
    """
    found = re.fullmatch(
        r"ansible_collections\.(\w+\.\w+)\.plugins\.connection\.(\w+)", kind.__module__
    )
    return f"{found[1]}.{found[2]}" if found else ""


def is_known_shell(plugin: Any) -> bool:
    """Return whether a shell plugin is ansible-core's own, or of `ansible.posix`.

    The methods of any other shell plugin do not tell what their commands do.
    """
    kind = type(plugin)
    if kind.__module__.startswith("ansible_collections.ansible.posix.plugins.shell."):
        return True
    return is_core_plugin(kind, ansible.plugins.shell)


def plugin_name(plugin: Any) -> str:
    """Return the name by which a plugin was asked for.

    Source: `PluginLoader` in `plugins/loader.py`, 2.16 to 2.21.
    """
    return str(plugin._load_name)


def become_identity(plugin: Any) -> str:
    """Return the identifier in the last command that a become plugin made.

    Source: `BecomeBase.build_become_command` in `plugins/become/__init__.py`, 2.16 to 2.21.
    """
    return str(plugin._id)
