# Copyright: econtext contributors
# GNU General Public License v3.0 or later (see COPYING)
"""In front of the stock `ssh` connection; see `ansible_econtext.connection.stock`."""

from __future__ import annotations

import pathlib
import sys

try:
    import ansible_econtext  # noqa: F401
except ImportError:  # not installed: the packages are beside this directory
    sys.path.append(str(pathlib.Path(__file__).resolve().parents[2]))

from ansible_econtext.connection.plugin import carried  # noqa: E402
from ansible_econtext.connection.stock import stock_plugin  # noqa: E402

_stock = stock_plugin("ssh")

#: The options are the stock plugin's, of whatever ansible-core this is.
DOCUMENTATION = _stock.DOCUMENTATION


class Connection(carried(_stock.Connection)):  # type: ignore[misc]
    """The stock plugin, carried."""
