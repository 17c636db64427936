"""A become method that is not ansible-core's: the command is run as it is."""

from __future__ import annotations

from ansible.plugins.become import BecomeBase

DOCUMENTATION = """
name: own_become
short_description: Run commands as they are
description:
  - No user is changed to.
author: econtext contributors
version_added: "0.1.0"
options: {}
"""


class BecomeModule(BecomeBase):
    name = "own_become"

    def build_become_command(self, cmd, shell):
        super().build_become_command(cmd, shell)
        return self._build_success_command(cmd, shell)
