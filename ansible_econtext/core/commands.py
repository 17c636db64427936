"""Contents of the commands that ansible-core hands to a connection."""

import functools
import pkgutil
import shlex
from typing import Any

import ansible.errors
from ansible import constants
from ansible.errors import AnsibleError
from ansible.module_utils.common.text.converters import to_text
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.template import Templar

from ansible_econtext import settings
from ansible_econtext.core.versions import ansible_version


def is_discovery(command: str) -> bool:
    """Return whether a shell command is the one of the interpreter discovery.

    Source: `discover_interpreter` in `executor/interpreter_discovery.py`, 2.16 to 2.21.  2.16 to
    2.18 ask for the platform in the same command.
    """
    return command.startswith(("echo FOUND; command -v ", "echo PLATFORM; uname; echo FOUND; "))


def is_discovery_script(data: bytes | None) -> bool:
    """Return whether this is the script that the interpreter discovery gives a Python.

    Source: `discover_interpreter`, 2.16 to 2.18; later releases have no such script.
    """
    return bool(data) and data == _discovery_script()


@functools.cache
def _discovery_script() -> bytes | None:
    try:
        return pkgutil.get_data("ansible.executor.discovery", "python_target.py")
    except OSError:
        return None


def without_executable(command: str, shell: Any) -> tuple[str, str]:
    """Return (shell, command) without ansible-core's wrapping, or ("", `command`).

    Source: `_low_level_execute_command` in `plugins/action/__init__.py`, 2.16 to 2.21.  It appends
    `sleep 0`, and quotes the whole for the shell of `ansible_shell_executable`.
    """
    executable, _, quoted = command.partition(" -c ")
    inner = quoted[1:-1].replace("'\"'\"'", "'") if quoted.startswith("'") else quoted
    if not quoted or shlex.quote(inner) != quoted:
        return "", command
    return executable, inner.removesuffix(shell.append_command("", "sleep 0"))


def interpreters(variables: dict[str, Any], templar: Any) -> list[str]:
    """Return the Pythons of which ansible-core would run modules with the first that exists.

    Source: `_get_shebang` in `executor/module_common.py` and
    `executor/interpreter_discovery.py`, 2.16 to 2.21.
    """
    given = variables.get("ansible_python_interpreter")
    if given is None:
        given = constants.config.get_config_value("INTERPRETER_PYTHON", variables=variables)
    else:
        try:
            given = templar.template(given)
        except AnsibleError:  # omitted or undefined, which the build of a module reports
            given = None
    given = to_text(given or "auto").strip()
    if given not in ("auto", "auto_silent", "auto_legacy", "auto_legacy_silent"):
        return [given]
    facts = variables.get("ansible_facts")
    found = facts.get("discovered_interpreter_python") if isinstance(facts, dict) else None
    if found:
        return [to_text(found)]
    fallback = constants.config.get_config_value("INTERPRETER_PYTHON_FALLBACK", variables=variables)
    names = [to_text(name) for name in fallback]
    if ansible_version < (2, 19) and _OF_PLATFORMS in names:
        # They prefer the platform's own Python, which is known only after a Python has run.
        names = [_OF_PLATFORMS, *(name for name in names if name != _OF_PLATFORMS)]
    return names


def via(variables: dict[str, Any], templar: Any = None) -> str:
    """Return the name of the bastion in a host's variables; "" if there is none.

    A host that is named itself, as by a variable of its group, has none.  Without a templar, the
    variables make one.
    """
    given = variables.get("econtext_via")
    if not given:
        return ""
    try:
        name = to_text((templar or Templar(None, variables=variables)).template(given) or "")
    except _OMITTED:
        return ""
    return "" if name == variables.get("inventory_hostname") else name


def wants_terminal(variables: dict[str, Any], templar: Any) -> bool:
    """Return whether a task's variables, or else the setting, ask for a terminal for modules."""
    chosen = variables.get("econtext_terminal")
    if chosen is None:
        return settings.is_on("TERMINAL")
    return bool(boolean(templar.template(chosen), strict=False))


#: The error of a template that is to be omitted, since 2.19.
_OMITTED = getattr(ansible.errors, "AnsibleValueOmittedError", ())

#: Source: `_INTERPRETER_PYTHON_DISTRO_MAP` in `config/base.yml`, 2.16 to 2.18, all but old systems.
_OF_PLATFORMS = "/usr/bin/python3"
