# Copyright: econtext contributors
# GNU General Public License v3.0 or later (see COPYING)
"""The connection plugin by its own name; see `ansible_econtext.connection.plugin`."""

from __future__ import annotations

import pathlib
import sys

DOCUMENTATION = """
name: econtext
short_description: Reaches a host as C(ssh) does, through one persistent slave
description:
  - Starts one Python process on the host, by the C(ssh) connection plugin's own command, and
    runs modules in it from memory.
  - All options, variables and environment variables of the C(ssh) plugin apply.
  - The variable C(econtext_terminal), or else C(ANSIBLE_ECONTEXT_TERMINAL) in the environment,
    gives modules a terminal, as the C(ssh) plugin does without pipelining. The default is none.
  - The C(econtext) strategy does the same for hosts whose connection is C(ssh) or C(local).
author: econtext contributors
"""

try:
    import ansible_econtext  # noqa: F401
except ImportError:  # not installed: the packages are beside this directory
    sys.path.append(str(pathlib.Path(__file__).resolve().parents[2]))

from ansible import constants  # noqa: E402
from ansible.plugins.loader import connection_loader  # noqa: E402

from ansible_econtext.connection.plugin import carried  # noqa: E402

_stock = connection_loader.get("ssh", class_only=True)

# Ours are ssh's options.  They cannot be written in the documentation above, since they
# differ from one ansible-core to the next.  In a collection they belong to the module's name.
for _name in ("econtext", __name__):
    constants.config.initialize_plugin_configuration_definitions(
        "connection", _name, constants.config.get_configuration_definitions("connection", "ssh")
    )


class Connection(carried(_stock)):  # type: ignore[misc]
    """The stock ssh plugin, carried."""
