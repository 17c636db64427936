"""Where a module runs."""

import os

from econtext.target import compat


def enter(directory):
    # type: (object) -> None
    """Make a directory the current one, as far as it is open to this account; None is home,
    where a call is from its start."""
    if directory is None:
        return
    try:
        os.chdir(compat.native(directory))
        os.environ["PWD"] = compat.native(directory)  # as the shell does
    except OSError:
        pass  # a become command would have started there all the same
