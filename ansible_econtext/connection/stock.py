"""Loader of ansible-core's own connection plugins, for the plugins that shadow them.

`plugins/shadow/` is for users who cannot set a strategy.  With `connection_plugins =
<checkout>/plugins/shadow`, Ansible's loader finds the `ssh` and `local` there before its own,
under every strategy and without a change of the inventory.
"""

import importlib.util
import pathlib
import sys
import types

import ansible.plugins.connection


def stock_plugin(name: str) -> types.ModuleType:
    """Return ansible-core's own connection plugin of this name, as a module.

    It is loaded from its file under another name: ansible-core 2.16 to 2.18 keep one module for
    all plugins of a name, which has to be the shadow.
    """
    path = pathlib.Path(ansible.plugins.connection.__path__[0], f"{name}.py")
    spec = importlib.util.spec_from_file_location(f"ansible.plugins.connection.stock_{name}", path)
    assert spec is not None and spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
