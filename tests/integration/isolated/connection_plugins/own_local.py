"""A connection plugin that is not ansible-core's, and does as its `local` does."""

from __future__ import annotations

from ansible.plugins.connection.local import Connection as LocalConnection

DOCUMENTATION = """
name: own_local
short_description: The local connection under another name
description:
  - As the local connection of ansible-core.
author: econtext contributors
version_added: "0.1.0"
extends_documentation_fragment:
  - connection_pipelining
"""


class Connection(LocalConnection):
    transport = "own_local"
