"""Count what each account of this machine has open: one file, of which a part runs as root.

single_file.py
"""

import os
import pwd
from collections import Counter

import econtext


def open_files() -> dict[str, int]:
    """Runs as root, where all processes can be looked at."""
    found: Counter[str] = Counter()
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            owner = os.stat(f"/proc/{process}").st_uid
            found[pwd.getpwuid(owner).pw_name] += len(os.listdir(f"/proc/{process}/fd"))
        except (OSError, KeyError):
            pass  # it has ended, or its account has no name
    return dict(found)


if __name__ == "__main__":  # the slave imports this file, too
    with econtext.Router() as router:
        for name, number in sorted(router.sudo().call(open_files).items()):
            print(f"{name:20} {number}")
