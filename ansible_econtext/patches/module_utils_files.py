"""Cache of where the files of ansible-core's module_utils are, and of their content.

ansible-core looks for some fifty of them again for each module that it builds.
"""

from contextlib import AbstractContextManager
from typing import Any

from ansible.executor import module_common

from ansible_econtext.core import own_files
from ansible_econtext.core.patch import replaced


def found_once() -> AbstractContextManager[None]:
    """Look for each name below `ansible.module_utils` once, for the time of a play.

    Where a play, a role or the user has module_utils of their own, each look is made.

    Source: `LegacyModuleUtilLocator._find_module` in `executor/module_common.py`, 2.19 to 2.21,
    which sets two attributes.
    """
    kind = module_common.LegacyModuleUtilLocator
    stock = kind._find_module
    found: dict[tuple[str, ...], tuple[bool, Any] | None] = {}

    def find_module(locator: Any, name_parts: tuple[str, ...]) -> bool:
        if not own_files.MODULE_UTILS.issuperset(locator._mu_paths):
            return bool(stock(locator, name_parts))
        if name_parts not in found:
            is_found = stock(locator, name_parts)
            found[name_parts] = (locator.is_package, locator.source_code) if is_found else None
        kept = found[name_parts]
        if kept is None:
            return False
        locator.is_package, locator.source_code = kept
        return True

    return replaced(kind, _find_module=find_module)
