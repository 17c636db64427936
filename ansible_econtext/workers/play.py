"""Play under the strategy: carried connections, patches, and threads for tasks."""

import contextlib
import functools
import gc
import os
import pathlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from ansible.plugins.loader import connection_loader

from ansible_econtext import settings
from ansible_econtext.connection import plugin
from ansible_econtext.connection.carried_connection import CarriedConnection
from ansible_econtext.core import run, versions
from ansible_econtext.core.patch import replaced
from ansible_econtext.patches import (
    caches,
    config_lookups,
    deep_copies,
    fact_cleaning,
    field_validation,
    module_utils_files,
    module_utils_imports,
    template_cache,
)
from ansible_econtext.workers.thread_worker import threads_for_tasks

_ALL_PLUGINS = pathlib.Path(__file__).resolve().parents[2] / "plugins"
#: The directory of the connection plugin `econtext`, which hosts may ask for.
_PLUGINS = _ALL_PLUGINS / "connection"
_OWN_PLUGINS = frozenset([str(_PLUGINS), str(_ALL_PLUGINS / "shadow")])


@contextlib.contextmanager
def carried(strategy: Any, iterator: Any) -> Iterator[None]:
    """Run a play over carried connections, with patches and task threads.

    For the main thread.
    """
    CarriedConnection.econtext_run = os.getpid()
    with versions.stock_if_unknown():
        run.load_ahead()
    _freeze_memory()
    with carried_connections(), _patched(), threads_for_tasks(strategy, _OWN_PLUGINS):
        yield


@contextlib.contextmanager
def _patched() -> Iterator[None]:
    """Apply the patches that were read for this ansible-core, unless their setting is off."""
    patches: list[Callable[[], AbstractContextManager[None]]] = []
    if settings.is_on("PATCHES"):
        patches.append(caches.kept_payloads)  # which looks itself whether it fits
        if versions.is_known_since((2, 16)):
            patches.append(config_lookups.kept_options)
        if versions.is_known_since((2, 19)):
            patches += [
                module_utils_files.found_once,
                module_utils_imports.found_once,
                config_lookups.kept_builtin_plugins,
                deep_copies.shared_scalars,
                fact_cleaning.named_once,
                field_validation.validated_once,
                template_cache.compiled_once,
            ]
    with contextlib.ExitStack() as stack:
        for patch in patches:
            stack.enter_context(patch())
        yield


@functools.cache
def _freeze_memory() -> None:
    """Exclude all that Ansible has loaded from the collector's looks for cycles.

    The build of the first payload makes enough objects to start such a look, which took 70 ms.
    `exit.finish` undoes this.
    """
    gc.freeze()


def carried_connections() -> AbstractContextManager[None]:
    """Replace the loader's stock connections by carried ones, for the time of a play.

    All names of a stock plugin lead here (`smart`, `ansible.builtin.ssh`, a delegate's), in
    this process and in the workers forked from it.
    """
    if _PLUGINS.is_dir():
        connection_loader.add_directory(str(_PLUGINS))

    def stock(*args: Any, **kwargs: Any) -> Any:
        # Looked up each time, as `plugin_use` replaces it, too.
        return type(connection_loader).get_with_context(connection_loader, *args, **kwargs)

    def get_with_context(name: str, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("class_only"):
            return stock(name, *args, **kwargs)
        collections = {key: kwargs[key] for key in ("collection_list",) if key in kwargs}
        found = stock(name, class_only=True, **collections)
        own = plugin.carried(found.object) if found.object is not None else None
        if own is None:
            return stock(name, *args, **kwargs)
        kwargs.pop("collection_list", None)
        return found._replace(object=own(*args, **kwargs))

    return replaced(connection_loader, get_with_context=get_with_context)
