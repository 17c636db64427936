"""Scripts that run what is shipped to targets, without a slave around it."""

from __future__ import annotations

import pathlib

ROOT = pathlib.Path(__file__).parents[2]

#: How such a script begins; its first argument is `ROOT`. The packages' own `__init__` stay
#: behind, as they do on a target.
IMPORTS = """
import os, sys, types
for name in ("econtext", "ansible_econtext"):
    package = sys.modules[name] = types.ModuleType(name)
    package.__path__ = [os.path.join(sys.argv[1], name)]
"""
