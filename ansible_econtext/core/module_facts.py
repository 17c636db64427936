"""Whether a module may give facts, by its source: facts change the variables of later items.

Source: `TaskExecutor._execute` in `executor/task_executor.py`, 2.19 to 2.21, which takes facts from
the key `ansible_facts` of a result alone.
"""

import functools
import pathlib
import re
from typing import Any

from ansible.plugins.loader import module_loader

_KEY = b"ansible_facts"

#: What a file imports of its own collection: by its full name, or by where it is itself.
_IMPORT = re.compile(
    rb"^[ \t]*from[ \t]+(ansible_collections\.\w+\.\w+\.plugins\.|\.+)([\w.]*)"
    rb"[ \t]+import[ \t]+(\([^)]*\)|[^\n]*)",
    re.MULTILINE,
)


def gives_none(task: Any) -> bool:
    """Return whether the module of a task is Python and no file of its own names facts.

    Its own files are the module's and those of its collection's `module_utils` that it imports,
    and these in turn.  What ansible-core's own `module_utils` do, modules have to ask for by name.
    """
    found = module_loader.find_plugin_with_context(task.action, collection_list=task.collections)
    path = pathlib.Path(found.plugin_resolved_path or "")
    if not found.resolved or path.suffix != ".py":
        return False
    status = path.stat()
    return _names_none(path, status.st_mtime_ns, status.st_size)


@functools.lru_cache(maxsize=1000)
def _names_none(path: pathlib.Path, time: int, size: int) -> bool:
    """`time` and `size` tell one state of the file from the next."""
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
