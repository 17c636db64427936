"""The versions of ansible-core that are known here, and what is done under others."""

import contextlib
from collections.abc import Iterator

from ansible import release as ansible_release
from ansible.utils.display import Display

display = Display()

ansible_version = tuple(int(part) for part in ansible_release.__version__.split(".")[:2])

#: The newest ansible-core whose private parts were read.
NEWEST = (2, 21)


def is_known_since(first: tuple[int, int]) -> bool:
    """Whether this ansible-core is `first` or a later one whose private parts were read."""
    return first <= ansible_version <= NEWEST


def warn_of_unknown_version() -> None:
    if ansible_version > NEWEST:
        version, newest = (".".join(map(str, each)) for each in (ansible_version, NEWEST))
        display.warning(
            f"econtext does not know ansible-core {version}, only versions up to {newest}: "
            "what it does not recognise runs the stock way"
        )


@contextlib.contextmanager
def stock_if_unknown() -> Iterator[None]:
    """Leave out a step of ours that fails under an ansible-core that we do not know."""
    try:
        yield
    except Exception as error:
        if ansible_version <= NEWEST:
            raise
        display.vvv(f"econtext: the stock way, since ansible-core has changed: {error!r}")
