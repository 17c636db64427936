# Copyright: econtext contributors
# GNU General Public License v3.0 or later (see COPYING)
"""The strategy plugin; what it does is in `ansible_econtext.strategy`."""

from __future__ import annotations

import pathlib
import sys

DOCUMENTATION = """
name: econtext_free
short_description: Runs tasks as C(free) does, through one persistent slave per host
description:
  - Behaves as the C(free) strategy.
  - Hosts that are reached by C(ssh) or C(local) connections get one Python process for each
    account, which runs modules from memory, without uploads and without temporary files. It stays
    for C(ANSIBLE_ECONTEXT_PERSIST) seconds after the run (60).
  - What it does not recognise runs the stock way.
author: econtext contributors
"""

try:
    import ansible_econtext  # noqa: F401
except ImportError:  # not installed: the packages are beside this directory
    sys.path.append(str(pathlib.Path(__file__).resolve().parents[2]))

from ansible.plugins.strategy.free import StrategyModule as FreeStrategy  # noqa: E402

from ansible_econtext.strategy import CarryingStrategy  # noqa: E402


class StrategyModule(CarryingStrategy, FreeStrategy):
    """Free, with carried connections."""
