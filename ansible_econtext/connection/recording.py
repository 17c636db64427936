"""Copies of Ansible's plugins that record the commands that they make.

ansible-core hands a connection finished shell commands.  The connection knows what a command is
for without parsing shell: its own shell and become plugins leave a note of each command that they
make.  A command with a note is known exactly; any other one goes the stock way.
"""

from typing import Any, TypeVar

T = TypeVar("T")

_classes: dict[tuple[type, type], type] = {}


def specialise(plugin: T, mixin: type, **notes: Any) -> T:
    """Return a copy of `plugin` with the methods of `mixin` in front of its own.

    The copy's class derives from the plugin's class.  In all else the copy is the plugin that
    Ansible loaded, with its options and its names; `notes` are attributes of its own.
    """
    kind = type(plugin)
    made = _classes.get((kind, mixin))
    if made is None:
        made = _classes[kind, mixin] = type(kind.__name__, (mixin, kind), {})
    copy: T = object.__new__(made)
    copy.__dict__.update(plugin.__dict__, **notes)
    return copy
