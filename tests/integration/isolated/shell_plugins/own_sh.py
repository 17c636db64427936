"""A shell plugin that tells commands how often it was asked for their environment."""

from __future__ import annotations

from ansible.plugins.shell.sh import ShellModule as ShShellModule

DOCUMENTATION = """
name: own_sh
short_description: The shell of ansible-core under another name
description:
  - As the plugin sh of ansible-core.
author: econtext contributors
version_added: "0.1.0"
extends_documentation_fragment:
  - shell_common
"""

_calls: list[object] = []


class ShellModule(ShShellModule):
    COMPATIBLE_SHELLS = frozenset()
    SHELL_FAMILY = "own_sh"

    def env_prefix(self, **kwargs):
        _calls.append(kwargs)
        return super().env_prefix(**{**kwargs, "ECTX_CALLS": str(len(_calls))})
