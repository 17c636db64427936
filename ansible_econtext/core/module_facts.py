"""Search of a module's source for facts, which change later items' variables.

Source: `TaskExecutor._execute` in `executor/task_executor.py`, 2.19 to 2.21, which takes facts from
the key `ansible_facts` of a result alone.
"""

import functools
import pathlib
import re
from typing import Any

from ansible.plugins.loader import module_loader

_KEY = b"ansible_facts"

#: Imports from a file's own collection, by full name or relative.
_IMPORT = re.compile(
    rb"^[ \t]*from[ \t]+(ansible_collections\.\w+\.\w+\.plugins\.|\.+)([\w.]*)"
    rb"[ \t]+import[ \t]+(\([^)]*\)|[^\n]*)",
    re.MULTILINE,
)


def gives_none(task: Any) -> bool:
    """Return whether a task's module is Python and its own files name no facts.

    Its own files are the module's, the `module_utils` of its collection that it imports, and
    their imports in turn.  By ansible-core's own `module_utils` a module gives facts only if it
    names them itself.
    """
    found = module_loader.find_plugin_with_context(task.action, collection_list=task.collections)
    path = pathlib.Path(found.plugin_resolved_path or "")
    if not found.resolved or path.suffix != ".py":
        return False
    status = path.stat()
    return _names_none(path, status.st_mtime_ns, status.st_size)


@functools.lru_cache(maxsize=1000)
def _names_none(path: pathlib.Path, time: int, size: int) -> bool:
    """Answer as `gives_none`, for the file as of this modification time and size."""
    seen: set[pathlib.Path] = set()
    found = [path]
    while found:
        file = found.pop()
        if file in seen:
            continue
        seen.add(file)
        content = file.read_bytes()
        if _KEY in content:
            return False
        found += _imported(file, content)
    return True


def _imported(file: pathlib.Path, content: bytes) -> list[pathlib.Path]:
    plugins = next((each for each in file.parents if each.name == "plugins"), None)
    if plugins is None:
        return []
    files = []
    for match in _IMPORT.finditer(content):
        where, module, names = (part.decode() for part in match.groups())
        top = plugins if where.startswith("ansible") else file.parents[len(where) - 1]
        stem = top.joinpath(*filter(None, module.split(".")))
        files += [stem.with_suffix(".py"), stem / "__init__.py"]
        files += [stem / f"{name}.py" for name in re.findall(r"\w+", names)]
    return [each for each in files if each.is_file()]
