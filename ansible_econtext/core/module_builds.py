"""ansible-core's builds of payloads, and the files that it keeps during a run."""

import functools
import os
import pathlib
from collections.abc import Callable
from typing import Any

import ansible
from ansible import constants, release
from ansible.executor import module_common
from ansible.module_utils.common.text.converters import to_bytes
from ansible.plugins.loader import module_utils_loader

#: The directory that holds the package of ansible-core.
ROOT = pathlib.Path(ansible.__path__[0]).parent

#: Identity of the ansible-core that builds.
VERSION = (release.__version__, str(ROOT))

#: Files of a payload that ansible-core makes up.
#: Source: `recursive_finder` and `_add_module_to_zip` in `executor/module_common.py`, 2.16 to 2.21.
MADE_UP = frozenset(
    ["ansible/__init__.py", "ansible/module_utils/__init__.py", "ansible/modules/__init__.py"]
)

#: The file with the redirects of ansible-core's own module_utils.
REDIRECTS = ROOT / "ansible" / "config" / "ansible_builtin_runtime.yml"


def around(step: Callable[[str, str, Callable[[], Any]], Any]) -> None:
    """Call `step(module's path, compression, build)` in place of each build; for good.

    `build()` builds as ansible-core does.  Source: `modify_module` in `executor/module_common.py`
    calls `_find_module_utils`, 2.16 to 2.18 with the path and the compression as the third and
    seventh argument, 2.19 to 2.21 by keyword.
    """
    stock = module_common._find_module_utils
    if hasattr(stock, "_econtext"):
        return

    @functools.wraps(stock)
    def find_module_utils(*args: Any, **kwargs: Any) -> Any:
        named = dict(zip(_ARGUMENTS, args, strict=False)) | kwargs
        return step(
            str(named.get("module_path", "")),
            str(named.get("module_compression", "")),
            lambda: stock(*args, **kwargs),
        )

    find_module_utils._econtext = True  # type: ignore[attr-defined]
    module_common._find_module_utils = find_module_utils


_ARGUMENTS = (
    "module_name",
    "b_module_data",
    "module_path",
    "module_args",
    "task_vars",
    "templar",
    "module_compression",
)


def kept_at(module_path: str, compression: str) -> pathlib.Path | None:
    """Return the file where ansible-core keeps a build; None for a module of a role.

    Source: `_find_module_utils`, 2.16 to 2.21.  Since 2.19 the last part of the name stands for
    debuggers and coverage.
    """
    try:
        name = module_common._get_ansible_module_fqn(module_path)
    except ValueError:
        return None
    parts = (name, compression, *(("none",) if hasattr(module_common, "_CachedModule") else ()))
    return pathlib.Path(directory_of_run(), "ansiballz_cache", "-".join(parts))


def directory_of_run() -> str:
    """Return the temporary directory of this run."""
    return str(constants.DEFAULT_LOCAL_TMP)


def archive_of(kept: pathlib.Path) -> bytes:
    """Return the archive of a build that ansible-core keeps, in base64.

    Source: `_CachedModule`, 2.19 to 2.21; up to 2.18 it is the file itself.
    """
    if hasattr(module_common, "_CachedModule"):
        return to_bytes(module_common._CachedModule.load(str(kept)).zip_data)  # see caches.py
    return kept.read_bytes()


def has_module_utils_of_others() -> bool:
    """Return whether `module_utils` of others may stand in for ansible-core's.

    They may be of a play, a role or the user.

    Source: `recursive_finder`, 2.16 to 2.21.
    """
    own = ROOT / "ansible" / "module_utils"
    paths = module_utils_loader._get_paths(subdirs=False)
    return any(os.path.isdir(path) and pathlib.Path(path) != own for path in paths)
