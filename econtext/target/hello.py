"""Greeting of a slave: its description of itself, sent before anything else."""

from __future__ import unicode_literals  # on Python 2, names are text too

import os
import pwd
import sys
import time

#: When this slave began.
BEGAN = time.time()


def make():
    # type: () -> dict
    """Return the greeting: facts of the process, the account and the interpreter."""
    home = os.path.expanduser("~")
    try:
        entry = pwd.getpwuid(os.getuid())
        user, directory = entry.pw_name, entry.pw_dir
    except KeyError:
        user, directory = "", home
    return {
        "pid": os.getpid(),
        "uid": os.getuid(),
        "user": user,
        "home": home,
        "directory": directory,  # the account's, whatever HOME says
        "executable": sys.executable or "",
        "python": list(sys.version_info[:3]),
    }
