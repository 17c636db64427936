from __future__ import annotations

from ansible.plugins.connection.local import Connection as Local

DOCUMENTATION = """
name: own_local
short_description: local by another name
description: [local by another name]
author: econtext
version_added: "1.0"
options:
  pipelining:
    description: as local has it
    type: boolean
    default: false
    vars: [{name: ansible_pipelining}]
"""


class Connection(Local):
    transport = "own_local"
