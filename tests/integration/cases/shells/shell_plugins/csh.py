"""Shell plugin of the tests: commands for csh, where ansible.posix is not installed."""

from ansible.plugins.shell import ShellBase

DOCUMENTATION = """
name: csh
short_description: csh
version_added: "0.1.0"
description:
  - What ansible-core asks of a shell, in the words of csh.
extends_documentation_fragment:
  - shell_common
"""


class ShellModule(ShellBase):
    COMPATIBLE_SHELLS = frozenset(["csh", "tcsh"])
    SHELL_FAMILY = "csh"

    ECHO = "echo"
    COMMAND_SEP = ";"
    _SHELL_EMBEDDED_PY_EOL = "\\\n"
    _SHELL_REDIRECT_ALLNULL = ">& /dev/null"
    _SHELL_AND = "&&"
    _SHELL_OR = "||"
    _SHELL_SUB_LEFT = '"`'
    _SHELL_SUB_RIGHT = '`"'
    _SHELL_GROUP_LEFT = "("
    _SHELL_GROUP_RIGHT = ")"

    def env_prefix(self, **kwargs):
        # No variable can be set in front of a command.
        return f"env {super().env_prefix(**kwargs)}"
