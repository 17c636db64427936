"""Entry of a slave: moves the wire off the standard descriptors, and runs it."""

import os
import sys
import traceback

from econtext.target import compat
from econtext.target.slave import Slave


def main(importer, bundle):
    # type: (object, bytes) -> None
    """Run the slave on standard input and output, and end the process with it.

    Functions and their commands own descriptors 0, 1 and 2, so the wire is moved to
    others: what is printed by mistake goes to standard error.
    """
    downward = compat.keep_from_commands(os.dup(0))
    upward = compat.keep_from_commands(os.dup(1))
    try:
        null = os.open(os.devnull, os.O_RDWR)
    except OSError:  # a root directory without devices
        null, end = os.pipe()
        os.close(end)
    os.dup2(null, 0)
    os.dup2(2, 1)
    os.close(null)
    sys.dont_write_bytecode = True  # nothing on the target that no task asked for
    status = 1
    try:
        Slave(upward, downward, importer, bundle).run()
        status = 0
    except Exception:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)
