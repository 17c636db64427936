"""Working directory of a module."""

import os

from econtext.target import compat


def enter(directory):
    # type: (object) -> None
    """Change to a directory; stay where the process is if that fails or it is None.

    None stands for home, where each call process begins.
    """
    if directory is None:
        return
    try:
        os.chdir(compat.native(directory))
        os.environ["PWD"] = compat.native(directory)  # as the shell does
    except OSError:
        pass  # a become command would have started there all the same
