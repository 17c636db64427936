"""The broker's limit of open files, of which each host's connection takes some."""

import contextlib
import os
import resource

#: The soft limit that the broker gives itself if the hard one allows it: some 15,000 hosts.
_ENOUGH = 65536

#: What macOS allows at the most, whatever its hard limit says (OPEN_MAX).
_LESS = 10240

#: Descriptors that stay free: for the start of a slave, for workers and for transfers.
_RESERVE = 32


def raise_limit() -> None:
    """Raise the soft limit of this process.

    Local slaves go back to the run's limit (`route.local_hop`): it is their modules' too.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY:
        for enough in (_ENOUGH, _LESS):
            most = enough if hard == resource.RLIM_INFINITY else min(hard, enough)
            with contextlib.suppress(ValueError, OSError):
                resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
                return


def has_room() -> bool:
    """Return whether this process may open the files that one more connection takes."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        return soft == resource.RLIM_INFINITY or len(os.listdir("/dev/fd")) + _RESERVE <= soft
    except FileNotFoundError:  # a system without /dev/fd: a start that has no room fails
        return True
    except OSError:  # listing takes a descriptor too
        return False
