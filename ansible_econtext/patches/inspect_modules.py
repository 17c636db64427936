"""Cache of Python's `inspect`, filled for ansible-core's warning of a strategy."""

import inspect
import os
import sys
from collections.abc import Iterator
from types import ModuleType

#: Modules between a plugin loader and ansible-core's look for the caller that warns.
_ON_THE_WAY = (
    "ansible.utils.display",
    "ansible.module_utils._internal._deprecator",
    "ansible.module_utils._internal._stack",
)


def tell_of_modules() -> None:
    """Tell `inspect` the files of the modules on the stack, and of the ones that warn.

    Source: `PluginLoader.get` in `plugins/loader.py`, 2.19 to 2.21, warns of a strategy that is not
    ansible-core's; `caller_frame` in `module_utils/_internal/_stack.py` looks for the caller.  For
    a module that it does not know, `inspect` resolves the paths of all modules: 30 ms.
    """
    known = getattr(inspect, "modulesbyfile", None)
    if not isinstance(known, dict):
        return
    for module in _modules():
        file = getattr(module, "__file__", None)
        if file:
            known.setdefault(os.path.normcase(os.path.abspath(file)), module.__name__)


def _modules() -> Iterator[ModuleType]:
    frame = inspect.currentframe()
    names = [*_ON_THE_WAY]
    while frame is not None:
        names.append(frame.f_globals.get("__name__", ""))
        frame = frame.f_back
    for name in names:
        module = sys.modules.get(name)
        if module is not None:
            yield module
