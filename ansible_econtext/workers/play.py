"""What is otherwise for the time of a play whose strategy is ours."""

import contextlib
import functools
import gc
import os
import pathlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

from ansible.plugins.loader import connection_loader

from ansible_econtext import settings
from ansible_econtext.connection import plugin
from ansible_econtext.core import run, versions
from ansible_econtext.core.patch import replaced
from ansible_econtext.patches import (
    caches,
    config_lookups,
    field_validation,
    module_utils_imports,
    template_cache,
)
from ansible_econtext.workers.thread_worker import threads_for_tasks

_ALL_PLUGINS = pathlib.Path(__file__).resolve().parents[1] / "plugins"
#: Where the connection plugin is, for hosts that ask for it by its name.
_PLUGINS = _ALL_PLUGINS / "connection"
_OWN_PLUGINS = frozenset([str(_PLUGINS), str(_ALL_PLUGINS / "shadow")])


@contextlib.contextmanager
def carried(strategy: Any, iterator: Any) -> Iterator[None]:
    """Have a strategy run a play over carried connections, and spare it what can be spared."""
    plugin.CarriedConnection.econtext_run = os.getpid()
    with versions.stock_if_unknown():
        run.load_ahead()
    _freeze_memory()
    with carried_connections(), _patched(), threads_for_tasks(strategy, _OWN_PLUGINS):
        yield


@contextlib.contextmanager
def _patched() -> Iterator[None]:
    """Apply the patches of ansible-core that make it faster."""
    with contextlib.ExitStack() as stack:
        if settings.is_on("PATCHES"):
            for patch in (
                caches.kept_payloads,
                module_utils_imports.found_once,
                config_lookups.kept_options,
                config_lookups.kept_builtin_plugins,
                field_validation.validated_once,
                template_cache.compiled_once,
            ):
                stack.enter_context(patch())
        yield


@functools.cache
def _freeze_memory() -> None:
    """Spare a run that Python looks through all that Ansible has loaded, for cycles: building the
    first payload makes so many objects that it did, for 70 ms.  What the plays make is looked
    through as ever, and all of it at the exit (`leaving`).
    """
    gc.freeze()


def carried_connections() -> AbstractContextManager[None]:
    """Have the loader give carried connections for stock ones, for the time of a play.

    Whatever name leads to a stock plugin (`smart`, `ansible.builtin.ssh`, a
    delegate's) is met here, in this process and in the workers forked from it.
    """
    if _PLUGINS.is_dir():
        connection_loader.add_directory(str(_PLUGINS))

    def stock(*args: Any, **kwargs: Any) -> Any:
        # Looked up each time: it is replaced, too (`plugin_use`).
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
