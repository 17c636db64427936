"""Files of the installed ansible-core, and whether others may stand in for them."""

import os
import pathlib

import ansible
from ansible.executor import module_common
from ansible.plugins.loader import module_utils_loader

#: The directory that holds the package of ansible-core.
ROOT = pathlib.Path(ansible.__path__[0]).parent

#: Both names that ansible-core has for the directory of its own module_utils.
#: Source: `recursive_finder` in `executor/module_common.py`, 2.16 to 2.21.
MODULE_UTILS = frozenset(
    [str(ROOT / "ansible" / "module_utils"), str(module_common._MODULE_UTILS_PATH)]
)


def has_module_utils_of_others() -> bool:
    """Return whether other `module_utils` may stand in for ansible-core's.

    The others are a play's, a role's and the user's.

    Source: `recursive_finder`, 2.16 to 2.21.
    """
    paths = module_utils_loader._get_paths(subdirs=False)
    return any(os.path.isdir(path) and path not in MODULE_UTILS for path in paths)
