"""Something of ours where ansible-core looks for something of its own."""

import contextlib
from collections.abc import Iterator
from typing import Any

_NOTHING = object()


@contextlib.contextmanager
def replaced(owner: Any, **ours: Any) -> Iterator[None]:
    """Have a module, a class or an object have these attributes, while this lasts; what it
    inherited before it inherits again."""
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
