"""Cache of what each file of a payload imports, found in its import statements alone.

ansible-core compiles each file to find that out, anew for each module that it builds.  This is most
of the time of a build, and leaves much to Python's looks for cycles.
"""

import contextlib
from contextlib import AbstractContextManager
from typing import Any

from ansible.errors import AnsibleError
from ansible.executor import module_common

from ansible_econtext.core import own_files
from ansible_econtext.core.patch import replaced
from ansible_econtext.patches.import_statements import skeleton

#: Compiled import statements of each file, by its content; kept until the run ends.
_trees: dict[bytes, Any] = {}

#: Words in a file of which ansible-core looks at more than the imports.
#: Source: `_get_module_metadata`, 2.19 to 2.21, and `ModuleDepFinder.visit_Assign`, 2.21.
_MORE = (b"METADATA", b"embed")


def found_once() -> AbstractContextManager[None]:
    """Compile the import statements of each file once in a run, during plays.

    A file that is not ansible-core's own is compiled whole before, as the user has to see the
    errors of its syntax.

    Source: `_compile_module_ast` in `executor/module_common.py`, 2.19 to 2.21.  Its result goes to
    a `ModuleDepFinder`, which looks for imports, and to `_get_module_metadata`.
    """
    stock = module_common._compile_module_ast

    def compile_module_ast(name: str, source: Any) -> Any:
        content = source.encode() if isinstance(source, str) else bytes(source)
        if content not in _trees:
            whole = None if _is_own(source) else stock(name, source)
            _trees[content] = compile_imports(name, content) or whole or stock(name, source)
        return _trees[content]

    def compile_imports(name: str, content: bytes) -> Any:
        statements = None if any(word in content for word in _MORE) else skeleton(content)
        if statements is not None:
            with contextlib.suppress(AnsibleError):  # what was found is no statement after all
                return stock(name, statements)
        return None

    return replaced(module_common, _compile_module_ast=compile_module_ast)


def _is_own(source: Any) -> bool:
    """Return whether a source is a file of ansible-core, by the tag that it has since 2.19."""
    origin = module_common.Origin.get_tag(source)
    return bool(origin and origin.path and origin.path.startswith(f"{own_files.ROOT}/ansible/"))
