"""Cache of what each file of module_utils imports.

ansible-core compiles the file to find that out, anew for each module that it builds.  This is most
of the time of a build.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from ansible.executor import module_common

from ansible_econtext.core.patch import replaced
from ansible_econtext.core.versions import ansible_version, is_known_since

#: Sets of a ModuleDepFinder, by a file's name, its content, and whether it is a package.
_found: dict[tuple[str, bytes, bool], dict[str, Any]] = {}


class _Source:
    """Source of a file in place of its compiled form, which may not be wanted."""

    def __init__(self, name: str, content: Any) -> None:
        self.name = name
        self.content = content


@contextlib.contextmanager
def found_once() -> Iterator[None]:
    """Look for the imports of each file of module_utils once, for the time of a play.

    Source: `recursive_finder` in `executor/module_common.py`, 2.19 to 2.21.  In 2.19 and 2.20 it
    passes the result of `_compile_module_ast` to a `ModuleDepFinder`, and reads two sets of that;
    in 2.21 the finder gets the content, and has one more set.
    """
    if not is_known_since((2, 19)):
        yield
        return
    kind = module_common.ModuleDepFinder
    stock_compile, stock_find = module_common._compile_module_ast, kind.__init__
    is_compiled_before = ansible_version < (2, 21)

    def compile_module_ast(name: str, content: Any) -> Any:
        return _Source(name, content) if _is_shared(name) else stock_compile(name, content)

    def find(finder: Any, fqn: str, given: Any, is_pkg_init: bool = False) -> None:
        if not _is_shared(fqn) or is_compiled_before and not isinstance(given, _Source):
            stock_find(finder, fqn, given, is_pkg_init)
            return
        content = given.content if is_compiled_before else given
        key = fqn, content.encode() if isinstance(content, str) else bytes(content), is_pkg_init
        if key not in _found:
            tree = stock_compile(given.name, content) if is_compiled_before else given
            stock_find(finder, fqn, tree, is_pkg_init)
            if getattr(finder, "embeds", None):
                return  # they hold the path of their file
            _found[key] = {name: getattr(finder, name) for name in _SETS if hasattr(finder, name)}
        vars(finder).update(_found[key])

    compiling = {"_compile_module_ast": compile_module_ast} if is_compiled_before else {}
    with replaced(kind, __init__=find), replaced(module_common, **compiling):
        yield


#: Attributes that ansible-core reads of a finder.
_SETS = ("submodules", "optional_imports", "embeds")


def _is_shared(name: str) -> bool:
    """Return whether a file may be in several payloads, which a module itself is not."""
    return name.startswith("ansible.module_utils.") or ".plugins.module_utils." in name
