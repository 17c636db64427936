"""What we know of ansible-core's private parts, each with the versions it holds for.

Everything here was read from ansible-core 2.16 to 2.21.  A newer one that has
changed such a part is met by the stock way, not by a guess.
"""

import contextlib
import functools
import os
import pathlib
import sys
import threading
from collections.abc import Iterator
from typing import Any

import ansible.plugins.connection
from ansible import constants
from ansible import release as ansible_release
from ansible.errors import AnsibleError
from ansible.executor.task_executor import TaskExecutor
from ansible.module_utils.common.text.converters import to_text
from ansible.plugins.loader import (
    Jinja2Loader,
    PluginLoader,
    action_loader,
    become_loader,
    connection_loader,
    shell_loader,
)
from ansible.utils.display import Display

display = Display()

ansible_version = tuple(int(part) for part in ansible_release.__version__.split(".")[:2])

#: The newest ansible-core whose private parts were read.
NEWEST = (2, 21)


def warn_of_unknown_version() -> None:
    if ansible_version > NEWEST:
        version, newest = (".".join(map(str, each)) for each in (ansible_version, NEWEST))
        display.warning(
            f"econtext does not know ansible-core {version}, only versions up to {newest}: "
            "what it does not recognise runs the stock way"
        )


@contextlib.contextmanager
def stock_if_unknown() -> Iterator[None]:
    """Leave out a step of ours that fails under an ansible-core that we do not know."""
    try:
        yield
    except Exception as error:
        if ansible_version <= NEWEST:
            raise
        display.vvv(f"econtext: the stock way, since ansible-core has changed: {error!r}")


def is_discovery(command: str) -> bool:
    """Whether a shell command is that of the interpreter discovery.

    Source: `discover_interpreter` in `executor/interpreter_discovery.py`.  2.16 to
    2.18 ask for the platform in the same command.
    """
    return command.startswith(("echo FOUND; command -v ", "echo PLATFORM; uname; echo FOUND; "))


def without_executable(command: str, shell: Any) -> tuple[str, str]:
    """(shell, command) as `_low_level_execute_command` has them, or ("", `command`).

    Source: `plugins/action/__init__.py`, 2.16 to 2.21: it appends `sleep 0`, and
    quotes the whole for the shell of `ansible_shell_executable`.
    """
    import shlex

    try:
        words = shlex.split(command)
    except ValueError:
        return "", command
    if len(words) != 3 or words[1] != "-c":
        return "", command
    return words[0], words[2].removesuffix(shell.append_command("", "sleep 0"))


def interpreters(variables: dict[str, Any], templar: Any) -> list[str]:
    """The Pythons that ansible-core would run modules with, the first that exists first.

    Source: `_get_shebang` in `executor/module_common.py` and
    `executor/interpreter_discovery.py`, 2.16 to 2.21.
    """
    given = variables.get("ansible_python_interpreter")
    if given is None:
        given = constants.config.get_config_value("INTERPRETER_PYTHON", variables=variables)
    else:
        try:
            given = templar.template(given)
        except AnsibleError:  # omitted, or undefined: whoever builds a module will be told
            given = None
    given = to_text(given or "auto").strip()
    if given not in ("auto", "auto_silent", "auto_legacy", "auto_legacy_silent"):
        return [given]
    facts = variables.get("ansible_facts") or {}
    found = facts.get("discovered_interpreter_python")
    if found:
        return [to_text(found)]
    fallback = constants.config.get_config_value("INTERPRETER_PYTHON_FALLBACK", variables=variables)
    return [to_text(name) for name in fallback]


def ssh_command(connection: Any) -> list[str]:
    """The ssh plugin's own command line, up to and with the host, without a password.

    Source: `_build_command` in `plugins/connection/ssh.py`.  Up to 2.18, and with
    `password_mechanism: sshpass` later, it puts sshpass in front and opens a
    pipe for it; we answer ssh ourselves.
    """
    connection.host = connection.get_option("host") or connection._play_context.remote_addr
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
    connection._sshpass_available = lambda: True  # an instance's own, in front of the class's
    try:
        yield
    finally:
        del connection._sshpass_available
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


def is_core_connection(kind: type) -> bool:
    """Whether a connection plugin is ansible-core's own, rather than one derived from it.

    The loader gives the modules of all plugins names in ansible.plugins: the file tells.
    """
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    return file is not None and os.path.dirname(file) in ansible.plugins.connection.__path__


def plugin_name(plugin: Any) -> str:
    """The name by which a plugin was asked for; source: `plugins/loader.py`, 2.16 to 2.21."""
    return str(plugin._load_name)


def become_identity(plugin: Any) -> str:
    """What tells the last command of a become plugin from all others of its kind.

    Source: `BecomeBase.build_become_command` in `plugins/become/__init__.py`, 2.16 to 2.21.
    """
    return str(plugin._id)


def keeps_remote_files() -> bool:
    """Source: `ConnectionBase.is_pipelining_enabled` in 2.19 and later, ActionBase before."""
    return bool(constants.DEFAULT_KEEP_REMOTE_FILES)


def broker_directory() -> pathlib.Path:
    """Where the broker of this run of Ansible is to be found.

    Source: `DEFAULT_LOCAL_TMP` in `config/base.yml` (type tmppath): a directory
    of the run alone, mode 0700, made by its first process, known to its workers
    and removed at exit.
    """
    return pathlib.Path(constants.DEFAULT_LOCAL_TMP) / "econtext"


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
        loader.get(name, class_only=True)
    with contextlib.suppress(ImportError, AttributeError):  # up to 2.18 there are no profiles
        from ansible.module_utils.common import json

        for direction in json.Direction:
            json.get_module_encoder("legacy", direction)
            json.get_module_decoder("legacy", direction)


def name_strategy(iterator: Any, stock: type) -> None:
    """Have a play say that it runs under the stock strategy of this class.

    Source: the `default` callback, 2.16 to 2.21, looks there for `free` and
    `host_pinned`, under which it prints a task's banner for each host again.
    """
    iterator._play.strategy = stock.__module__.rpartition(".")[2]


def can_run_tasks() -> bool:
    """Whether `run_task` knows this ansible-core: 2.19 to 2.21."""
    return ansible_version[:2] in ((2, 19), (2, 20), (2, 21))


@contextlib.contextmanager
def loading_one_at_a_time() -> Iterator[None]:
    """Keep threads from loading plugins at the same time.

    Source: `PluginLoader._load_module_source` in `plugins/loader.py`, 2.19 to 2.21, takes a
    module from sys.modules as it is, which may be one that another thread is just loading.
    """
    lock = threading.RLock()
    stock = {kind: kind.get_with_context for kind in (PluginLoader, Jinja2Loader)}

    def locked(method: Any) -> Any:
        @functools.wraps(method)
        def get_with_context(*args: Any, **kwargs: Any) -> Any:
            with lock:
                return method(*args, **kwargs)

        return get_with_context

    for kind, method in stock.items():
        kind.get_with_context = locked(method)
    try:
        yield
    finally:
        for kind, method in stock.items():
            kind.get_with_context = method


def run_task(arguments: dict[str, Any]) -> None:
    """Run a task and send its result, as a worker process does but for leaving its process.

    `arguments` are those of WorkerProcess.  Source: `WorkerProcess._run` in
    `executor/process/worker.py`, 2.19 to 2.21, with its reply to a result that
    cannot be sent left out: the thread then counts as dead.
    """
    task, host, final_queue = arguments["task"], arguments["host"], arguments["final_q"]
    common = (
        arguments["play_context"],
        arguments["loader"],
        arguments["shared_loader_obj"],
        final_queue,
        arguments["variable_manager"],
    )
    from ansible._internal import _task

    if ansible_version[:2] < (2, 21):
        from ansible.executor.task_result import _RawTaskResult

        variables = arguments["task_vars"]
        with _task.TaskContext(task):
            result = TaskExecutor(host, task, variables, *common).run()
            final_queue.send_task_result(
                _RawTaskResult(
                    host=host, task=task, return_data=result, task_fields=task.dump_attrs()
                )
            )
        return
    with _task.TaskContext.create(task=task, task_vars=arguments["task_vars"], host_name=host.name):
        task.squash()
        result = TaskExecutor(host, *common).run()
        result.finalize_registered_values()
        task.ignore_errors = result.ignore_errors
        task.ignore_unreachable = result.ignore_unreachable
        final_queue.send_task_result(host, task, result)


def action_plugin(task: Any, action_loader: Any) -> str:
    """The name of the action plugin that will run a task; "normal" for a module without one.

    Source: `TaskExecutor._get_action_handler_with_module_context`, 2.19 to 2.21, of which
    this knows ansible-core's own modules; others are "unknown".
    """
    resolved = task.resolved_action or ""
    namespace, _, name = resolved.rpartition(".")
    if namespace not in ("ansible.builtin", "ansible.legacy"):
        return "unknown"
    return name if action_loader.has_plugin(resolved) else "normal"
