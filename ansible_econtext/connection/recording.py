"""Plugins of Ansible's that remember what they handed out.

ansible-core passes a connection finished shell commands.  To know what such a
command is for, without ever parsing shell, the connection has its own shell and
become plugins note each command that they make: a command that is found in the
notes is known exactly, and any other is not ours to interpret.
"""

from typing import Any, TypeVar

T = TypeVar("T")

#: In front of the names of what a plugin has noted.
NOTES = "_econtext_noted_"

_classes: dict[tuple[type, type], type] = {}


def specialise(plugin: T, mixin: type) -> T:
    """A copy of `plugin` with the methods of `mixin` in front of its own.

    The copy is of a class of the plugin's class, so that it is in every other
    respect the plugin that Ansible loaded, with its options and its names.
    """
    kind = type(plugin)
    made = _classes.get((kind, mixin))
    if made is None:
        made = _classes[kind, mixin] = type(kind.__name__, (mixin, kind), {})
    copy: Any = object.__new__(made)
    copy.__dict__.update(plugin.__dict__)
    return copy  # type: ignore[no-any-return]
