"""Protection of the broker's memory, which has passwords while their logins last."""

import contextlib

#: Of <sys/prctl.h>.
_PR_SET_DUMPABLE = 4


def make_undumpable() -> None:
    """Close this process's memory and files to all but root; the kernel dumps no core of it.

    Linux alone has this.  The programs that the process starts are as usual.
    """
    with contextlib.suppress(ImportError, OSError, AttributeError):
        # 3 ms: not before the broker listens.
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
