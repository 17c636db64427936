"""Whether a module may run that was sent before it was known how the one in front of it went.

A request has a number.  When its module went well, that number is put where all call processes
of a slave see it; a request that names it as the one in front of it runs then, and only then.
"""

import contextlib
import struct

try:
    import mmap
except ImportError:  # a Python that was built without it
    mmap = None  # type: ignore[assignment]

_NUMBER = struct.Struct("<Q")

#: Of the last one that went well.  The slave imports this, and its forks share the memory.
_well = mmap.mmap(-1, _NUMBER.size) if mmap is not None else None


class NotBegun(Exception):
    """The request in front did not go well, as far as is known: nothing was done."""


def expect(number):
    # type: (int) -> None
    """Raise NotBegun unless the request of this number went well; 0 is none."""
    if number and (_well is None or _well[:] != _NUMBER.pack(number)):
        raise NotBegun("the request in front of it did not go well")


class Verdict(object):
    """How the request of a number went, which has one if anybody is to come behind it."""

    def __init__(self, number):
        # type: (int) -> None
        self._number = number
        self._is_well = False

    @contextlib.contextmanager
    def hearing(self, basic):
        # type: (object) -> object
        """Hear what the module says of itself when it ends; `basic` is its `module_utils.basic`."""
        if not self._number or _well is None:
            yield
            return
        stock = basic.AnsibleModule.exit_json  # type: ignore[attr-defined]

        def exit_json(module, **kwargs):
            # type: (object, object) -> None
            _skip_stackwalk = True  # as in `basic` of 2.19 and later: we are no caller to be named
            self._is_well = _is_well(kwargs)
            stock(module, **kwargs)

        basic.AnsibleModule.exit_json = exit_json  # type: ignore[attr-defined]
        try:
            yield
        finally:
            basic.AnsibleModule.exit_json = stock  # type: ignore[attr-defined]

    def tell(self, status):
        # type: (int) -> None
        """Tell whoever comes behind it, when the module has ended with this status."""
        if self._is_well and status == 0:
            _well[:] = _NUMBER.pack(self._number)  # type: ignore[index]


def _is_well(result):
    # type: (dict) -> bool
    """Whether a result is neither a failure nor one that changes what the next task sees."""
    if set(result) & set(["ansible_facts", "exception", "results", "unreachable"]):
        return False
    return not result.get("failed") and result.get("rc") in (None, 0)
