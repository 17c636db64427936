"""Shell plugin of the tests: commands for fish, where ansible.posix is not installed."""

import shlex

from ansible.plugins.shell.sh import ShellModule as ShShellModule

DOCUMENTATION = """
name: fish
short_description: fish
version_added: "0.1.0"
description:
  - What ansible-core asks of a shell, in the words of fish.
extends_documentation_fragment:
  - shell_common
"""


class ShellModule(ShShellModule):
    COMPATIBLE_SHELLS = frozenset(["fish"])
    SHELL_FAMILY = "fish"

    _SHELL_EMBEDDED_PY_EOL = "\n"
    _SHELL_REDIRECT_ALLNULL = "> /dev/null 2>&1"
    _SHELL_AND = "; and"
    _SHELL_OR = "; or"
    _SHELL_SUB_LEFT = "("
    _SHELL_SUB_RIGHT = ")"
    _SHELL_GROUP_LEFT = ""
    _SHELL_GROUP_RIGHT = ""

    def env_prefix(self, **kwargs):
        return " ".join(f"set -lx {name} {shlex.quote(str(v))};" for name, v in kwargs.items())

    def build_module_command(self, env_string, shebang, cmd, arg_path=None):
        interpreter = (shebang or "").replace("#!", "").strip()
        parts = [env_string.strip(), interpreter, shlex.quote(cmd) if cmd.strip() else cmd]
        return " ".join([*parts, *([arg_path] if arg_path is not None else [])])
