"""Versions of ansible-core that are known, and the stock way for others."""

import contextlib
from collections.abc import Iterator

from ansible import release as ansible_release
from ansible.utils.display import Display

display = Display()

ansible_version = tuple(int(part) for part in ansible_release.__version__.split(".")[:2])

#: The newest ansible-core whose private parts were read.
NEWEST = (2, 21)


def is_known_since(first: tuple[int, int]) -> bool:
    """Return whether this ansible-core is from `first` to `NEWEST`."""
    return first <= ansible_version <= NEWEST


def warn_of_unknown_version() -> None:
    """Warn the user if this ansible-core is newer than NEWEST."""
    if ansible_version > NEWEST:
        version, newest = (".".join(map(str, each)) for each in (ansible_version, NEWEST))
        display.warning(
            f"econtext does not know ansible-core {version}, only versions up to {newest}: "
            "what it does not recognise runs the stock way"
        )


@contextlib.contextmanager
def stock_if_unknown() -> Iterator[None]:
    """Suppress a step's error under an ansible-core newer than `NEWEST`, and say so."""
    try:
        yield
    except Exception as error:
        if ansible_version <= NEWEST:
            raise
        display.vvv(f"econtext: the stock way, since ansible-core has changed: {error!r}")
