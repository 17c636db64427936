"""Caches of options that no task sets, and of ansible-core's own plugins.

ansible-core looks both up again for each task.  Each object has answers of its own, and stays
in the key: the number of one that has died may be another's.
"""

import copy
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from ansible.config.manager import ConfigManager
from ansible.plugins.loader import PluginLoader

from ansible_econtext.core.patch import replaced

#: The present environment.  A missing name costs an exception in `os.environ` itself.
_environment: Mapping[bytes, bytes] = getattr(os.environ, "_data", os.environb)

#: Types of values that cannot change.
_FIXED = (str, int, float, type(None))


class _Sources(NamedTuple):
    """Sources of an option's value, without the command line and the files."""

    variables: tuple[str, ...]
    keywords: tuple[str, ...]
    environment: tuple[bytes, ...]


def kept_options() -> AbstractContextManager[None]:
    """Look an option up once if no variable, keyword, argument or environment sets it.

    Source: `ConfigManager.get_config_value_and_origin` in `config/manager.py`, 2.16 to 2.21.  The
    other sources, which are the command line, the files and the default, are the same for a whole
    run.  A default that is a template is not kept.
    """
    stock = ConfigManager.get_config_value_and_origin
    sources: dict[Any, _Sources | None] = {}
    kept: dict[Any, tuple[Any, Any]] = {}

    def get_config_value_and_origin(
        self: Any,
        config: str,
        cfile: str | None = None,
        plugin_type: str | None = None,
        plugin_name: str | None = None,
        keys: Any = None,
        variables: Any = None,
        direct: Any = None,
        **more: Any,
    ) -> Any:
        key = self, config, cfile, plugin_type, plugin_name
        if key not in sources:
            definitions = self.get_configuration_definitions(plugin_type, plugin_name)
            sources[key] = _sources(config, definitions.get(config))
        known = sources[key]
        # Since 2.21 there may be a templar, which fills in what variables say.
        is_usual = not direct and all(value is None for value in more.values())
        if known is not None and is_usual and not _is_set(known, keys, variables):
            if key not in kept:
                found = stock(self, config, cfile, plugin_type, plugin_name, keys, variables)
                if not isinstance(found[0], _FIXED) and not _is_list_of_fixed(found[0]):
                    sources[key] = None
                    return found
                kept[key] = found
            value, origin = kept[key]
            return copy.copy(value) if isinstance(value, list) else value, origin
        return stock(self, config, cfile, plugin_type, plugin_name, keys, variables, direct, **more)

    return replaced(ConfigManager, get_config_value_and_origin=get_config_value_and_origin)


def _is_list_of_fixed(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, _FIXED) for each in value)


def _sources(name: str, definition: Any) -> _Sources | None:
    """Return the sources of an option; None if it must not be kept."""
    if not definition or "{{" in str(definition.get("default")):
        return None
    entries = [definition, *(e for kind in ("ini", "env") for e in definition.get(kind) or ())]
    if any("deprecated" in entry for entry in entries):
        return None  # ansible-core warns each time

    def names(kind: str) -> tuple[str, ...]:
        return tuple(entry["name"] for entry in definition.get(kind) or ())

    keywords = (name, *(definition.get("aliases") or ()), *names("keyword"))
    return _Sources(names("vars"), keywords, tuple(map(os.fsencode, names("env"))))


def _is_set(known: _Sources, keys: Any, variables: Any) -> bool:
    # Plain loops, as this is called some hundred times for each task.
    if variables:
        for name in known.variables:
            if name in variables:
                return True
    if keys:
        for name in known.keywords:
            if keys.get(name) is not None:
                return True
    for encoded in known.environment:
        if encoded in _environment:
            return True
    return False


def kept_builtin_plugins() -> AbstractContextManager[None]:
    """Look for a plugin once if its name begins with `ansible.builtin.`.

    Source: `PluginLoader.find_plugin_with_context` in `plugins/loader.py`, 2.19 to 2.21.  For such
    names it looks in ansible-core's own directories alone.  A result with a redirection, a
    deprecation or an error is not kept, as ansible-core reports it each time.
    """
    stock = PluginLoader.find_plugin_with_context
    kept: dict[Any, Any] = {}

    def find_plugin_with_context(
        self: Any,
        name: str,
        mod_type: str = "",
        ignore_deprecated: bool = False,
        check_aliases: bool = False,
        collection_list: Any = None,
    ) -> Any:
        options = mod_type, ignore_deprecated, check_aliases
        if not name.startswith("ansible.builtin."):
            return stock(self, name, *options, collection_list)
        key = self, name, options  # the collections to search do not matter
        found = kept.get(key)
        if found is None:
            found = stock(self, name, *options, collection_list)
            if found.deprecated or found.raw_error_list or len(found.redirect_list) > 1:
                return found
            kept[key] = found
        own = copy.copy(found)
        own.redirect_list, own.load_attempts = [*found.redirect_list], [*found.load_attempts]
        return own

    return replaced(PluginLoader, find_plugin_with_context=find_plugin_with_context)
