"""Check of each plugin that a task thread comes to: 2.19 to 2.21.

A task moves to a process of its own before it comes to a plugin that is not known to be safe in a
thread.  The check is made where ansible-core asks for the plugin, before it loads the file: so it
does not matter what led there (a variable of another host, a computed name, a `template`'s file).
"""

import contextlib
import functools
import glob
import importlib
import json
import os
import select
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

from ansible.plugins import cache
from ansible.plugins.loader import Jinja2Loader, PluginLoader, filter_loader, test_loader
from ansible.vars.hostvars import HostVars
from ansible.vars.manager import VariableManager

from ansible_econtext.core import fork_gate, known_plugins, plugins, worker_process
from ansible_econtext.core.patch import replaced

#: Seconds that a process may take to load others' files, to find what they define.
_LONGEST_LOAD = 10.0

#: Connections that are carried, by the names of their files.
_CARRIED = frozenset(["ssh", "local"])

#: The collection that names ansible-core's own plugins, whatever a play has beside them.
_BUILTIN, _LEGACY = "ansible.builtin.", "ansible.legacy."

#: The file, time and size of each plugin file that is not ansible-core's own.
Stamps = tuple[tuple[str, int, int], ...]


@contextlib.contextmanager
def watched(own_directories: frozenset[str]) -> Iterator[None]:
    """Move each task before it comes to a plugin that is not known to be safe.

    `own_directories` hold econtext's own plugins.  Threads load one plugin at a time, and read
    other hosts' variables while the main thread sleeps.

    Source: 2.19 to 2.21.  `JinjaPluginIntercept` in `_internal/_templating/_jinja_plugins.py` is
    asked for each filter and test each time that a template is filled in.  `HostVars.raw_get` in
    `vars/hostvars.py`, and what makes a delegate's variables in `vars/manager.py`, read what the
    main thread changes with each result.
    """
    from ansible._internal._templating._jinja_plugins import JinjaPluginIntercept

    stock_item, stock_get = JinjaPluginIntercept.__getitem__, HostVars.raw_get
    stock_delegate = VariableManager.get_delegated_vars_and_hostname

    @functools.wraps(stock_item)
    def get_item(found: Any, name: str) -> Any:
        if fork_gate.current() is not None and not _is_safe_in_jinja(found._plugin_loader, name):
            fork_gate.move(f"the {found._plugin_loader.type} {name}")
        return stock_item(found, name)

    @functools.wraps(stock_get)
    def raw_get(hostvars: Any, name: str) -> Any:
        with _reading_variables(hostvars._variable_manager):
            return stock_get(hostvars, name)

    @functools.wraps(stock_delegate)
    def get_delegate(manager: Any, templar: Any, task: Any, variables: Any) -> Any:
        with _reading_variables(manager) if task.delegate_to else contextlib.nullcontext():
            return stock_delegate(manager, templar, task, variables)

    with (
        replaced(HostVars, raw_get=raw_get),
        replaced(VariableManager, get_delegated_vars_and_hostname=get_delegate),
        _loading(own_directories),
        replaced(JinjaPluginIntercept, __getitem__=get_item),
    ):
        yield


@contextlib.contextmanager
def _loading(own_directories: frozenset[str]) -> Iterator[None]:
    """Let threads load one plugin at a time, and none that is not known to be safe.

    Source: `PluginLoader._load_module_source` in `plugins/loader.py`, 2.19 to 2.21, takes a module
    from sys.modules even if another thread is loading it.
    """
    stock_plugin, stock_jinja = PluginLoader.get_with_context, Jinja2Loader.get_with_context

    @functools.wraps(stock_plugin)
    def get_plugin(loader: Any, name: str, /, *args: Any, **kwargs: Any) -> Any:
        if fork_gate.current() is not None and not isinstance(loader, Jinja2Loader):
            if not _is_safe(loader, name, kwargs.get("collection_list"), own_directories):
                fork_gate.move(f"the {loader.type} plugin {name}")
        with worker_process.LOADING:
            return stock_plugin(loader, name, *args, **kwargs)

    @functools.wraps(stock_jinja)
    def get_jinja(loader: Any, name: str, /, *args: Any, **kwargs: Any) -> Any:
        if fork_gate.current() is not None:
            loader = _core_only(loader)  # others' files must not be loaded here
        with worker_process.LOADING:
            return stock_jinja(loader, name, *args, **kwargs)

    with (
        replaced(PluginLoader, get_with_context=get_plugin),
        replaced(Jinja2Loader, get_with_context=get_jinja),
    ):
        yield


@contextlib.contextmanager
def _reading_variables(manager: Any) -> Iterator[None]:
    """Keep the main thread asleep while the present task thread reads another host's variables.

    The task moves before if its facts are kept by a plugin that is not ansible-core's.
    """
    kind = manager._fact_cache.__class__  # of what is in a proxy, too
    if not plugins.is_core_plugin(kind, cache) and fork_gate.can_move():
        fork_gate.move("a cache plugin of facts")
    gate = fork_gate.current()
    if gate is None:
        yield
        return
    for loader in (filter_loader, test_loader):
        names_of_others(loader)  # which may take seconds, and is kept for what comes now
    with gate.alone(), _files_forgotten():
        yield


@contextlib.contextmanager
def _files_forgotten() -> Iterator[None]:
    """Drop at the end what `host_group_vars` has found of files meanwhile, as a fork would.

    Source: `FOUND` and `NAK` in `plugins/vars/host_group_vars.py`, 2.19 to 2.21, which only grow.
    """
    module: Any = sys.modules.get("ansible.plugins.vars.host_group_vars")
    if module is None:
        yield
        return
    found, missing = len(module.FOUND), frozenset(module.NAK)
    try:
        yield
    finally:
        while len(module.FOUND) > found:
            module.FOUND.popitem()
        module.NAK &= missing


def _is_safe(loader: Any, name: str, collections: Any, own_directories: frozenset[str]) -> bool:
    """Return whether a plugin other than a filter or test may run in a task thread."""
    found = loader.find_plugin_with_context(name, collection_list=collections)
    if not found.resolved:
        # A worker's fork looks anew into directories that an earlier task's thread has searched.
        loader._searched_paths = set()
        found = loader.find_plugin_with_context(name, collection_list=collections)
    if not found.resolved or found.plugin_resolved_path is None:
        return True  # there is none, which the task reports
    if loader.type == "connection" and found.resolved_fqcn in known_plugins.CONNECTIONS:
        return True
    directory, file = os.path.split(found.plugin_resolved_path)
    if directory in own_directories:
        return True
    if directory not in importlib.import_module(loader.package).__path__:
        return False
    stem = os.path.splitext(file)[0]
    if loader.type == "lookup":
        return stem in known_plugins.LOOKUPS
    return stem in _CARRIED if loader.type == "connection" else True


def _is_safe_in_jinja(loader: Any, name: str) -> bool:
    """Return whether a filter or a test may run in a task thread."""
    known = known_plugins.FILTERS if loader.type == "filter" else known_plugins.TESTS
    if name.startswith(_BUILTIN):
        return name.removeprefix(_BUILTIN) in known
    name = name.removeprefix(_LEGACY)
    if name not in known:
        return False
    names = names_of_others(loader)
    return names is not None and name not in names


def others_replace(names: frozenset[str]) -> bool:
    """Return whether others may define filters or tests of these names.

    The others are a play, its roles and the user.
    """
    found = [names_of_others(loader) for loader in (filter_loader, test_loader)]
    return any(each is None or each & names for each in found)


def _core_only(loader: Any) -> Any:
    """Return a loader that knows ansible-core's own filters or tests, and no others."""
    if loader.type not in _core_loaders:
        made = _core_loaders[loader.type] = object.__new__(type(loader))
        vars(made).update(vars(loader))  # `copy` would make it anew, by its constructor
        made._paths = [path for path in loader._get_paths_with_context() if path.internal]
        made._cached_non_collection_wrappers = {}
    return _core_loaders[loader.type]


_core_loaders: dict[str, Any] = {}


def names_of_others(loader: Any) -> frozenset[str] | None:
    """Return the filters or tests that files of a play, its roles or the user define.

    None if they cannot be loaded, or if this is no task thread and no answer is kept.  A process
    of its own loads the files, once for each state of them, as loading may do anything.
    """
    seen: dict[str, Stamps] = vars(_seen)  # the present thread's
    if loader.type not in seen:
        seen[loader.type] = tuple(_stamps_of_others(loader))
    stamps = seen[loader.type]
    if not stamps:
        return frozenset()
    if stamps not in _names:
        if fork_gate.current() is None:
            return None
        _names[stamps] = _names_by_process(loader)
    return _names[stamps]


_names: dict[Stamps, frozenset[str] | None] = {}


#: Stamps of each type of plugins, which a thread reads once for its task.
_seen = threading.local()


def _stamps_of_others(loader: Any) -> Iterator[tuple[str, int, int]]:
    for path in loader._get_paths_with_context():
        if path.internal:
            continue
        for file in sorted(glob.glob(os.path.join(glob.escape(path.path), "*.py"))):
            with contextlib.suppress(OSError):
                status = os.stat(file)
                yield file, status.st_mtime_ns, status.st_size


def _names_by_process(loader: Any) -> frozenset[str] | None:
    """Return the names that a fork of this thread finds; None if it fails or is late."""
    reading, writing = os.pipe()
    with open(reading, "rb", buffering=0) as answer:
        process = worker_process.fork()
        if process == 0:
            _tell_names(loader, writing)
        os.close(writing)
        with fork_gate.waiting():
            said = _read(answer.fileno())
            if said is None:
                os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
    try:
        return frozenset(json.loads(said or b""))
    except ValueError:
        return None


def _tell_names(loader: Any, descriptor: int) -> None:
    """Write the names of others' filters or tests to a pipe, and end; in a fork."""
    try:
        fork_gate.leave()
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        for each in (0, 1, 2):
            os.dup2(nothing, each)
        loader._ensure_non_collection_wrappers()
        own = tuple(importlib.import_module(loader.package).__path__)
        found = loader._cached_non_collection_wrappers.items()
        names = [
            name
            for name, plugin in found
            if os.path.dirname(getattr(plugin, "_original_path", "") or "") not in own
        ]
        os.write(descriptor, json.dumps(names).encode())
    finally:
        os._exit(0)


def _read(descriptor: int) -> bytes | None:
    """Return all that comes up to the end; None if a wait takes `_LONGEST_LOAD`."""
    said = b""
    while select.select([descriptor], [], [], _LONGEST_LOAD)[0]:
        data = os.read(descriptor, 65536)
        if not data:
            return said
        said += data
    return None
