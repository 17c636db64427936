"""Watch for the end of a process that is not a child of the broker."""

import os
from collections.abc import Callable

from econtext.target.loop import Loop

#: Seconds between looks if the kernel has no pidfd.
_LOOK = 0.5


def when_ended(loop: Loop, process: int, then: Callable[[], None]) -> None:
    """Call `then` when the process with this number has ended; now if there is none."""
    if not 0 < process < 1 << 31:  # else it is asked for groups, or is never found to have ended
        then()
        return
    try:
        descriptor = os.pidfd_open(process)
    except ProcessLookupError:
        then()
    except (AttributeError, OSError):  # not Linux, or an old one
        _look(loop, process, then)
    else:

        def ended() -> None:
            loop.remove_reader(descriptor)
            os.close(descriptor)
            then()

        loop.add_reader(descriptor, ended)


def _look(loop: Loop, process: int, then: Callable[[], None]) -> None:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, PermissionError):  # the latter: another account has the number now
        then()
    else:
        loop.call_later(_LOOK, lambda: _look(loop, process, then))
