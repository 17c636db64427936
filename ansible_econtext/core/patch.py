"""Replacement of attributes of ansible-core's objects, for a while."""

import contextlib
from collections.abc import Iterator
from typing import Any

_NOTHING = object()


@contextlib.contextmanager
def replaced(owner: Any, **ours: Any) -> Iterator[None]:
    """Replace attributes of a module, class or object; put them back at the end.

    An attribute that was inherited before is inherited again.
    """
    stock = {name: vars(owner).get(name, _NOTHING) for name in ours}
    for name, value in ours.items():
        setattr(owner, name, value)
    try:
        yield
    finally:
        for name, value in stock.items():
            if value is _NOTHING:
                delattr(owner, name)
            else:
                setattr(owner, name, value)
