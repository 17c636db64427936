"""How a broker leaves: nothing of it stays behind, here or on a host."""

import os
import time
from collections.abc import Callable

from ansible_econtext.broker.calls import CollectingCall
from ansible_econtext.broker.slave import PooledSlave
from ansible_econtext.broker.slave_pool import SlavePool
from ansible_econtext.client import client, launcher
from econtext.target import wire
from econtext.target.loop import Loop

#: Seconds that slaves are given to end by themselves.
_PATIENCE = 4


def withdraw(directory: str, inode: int) -> str | None:
    """See to it that no run finds a broker that ends; the directory that it is to remove.

    `inode` is that of its own directory.  None is left to be removed where the directory is
    another's by now, or where a run is just looking into it, which will start the next broker.
    """
    try:
        with launcher.locked(directory, wait=False):
            if os.stat(directory).st_ino != inode:
                return None  # ours was removed, and one of the same name made
            own = f"{directory}.{os.getpid()}"
            os.rename(directory, own)
            return own
    except BlockingIOError:
        client.remove(directory)
    except OSError:
        pass  # removed by somebody
    return None


def tidy(
    loop: Loop, slaves: SlavePool, finished: Callable[[], bool], then: Callable[[], None]
) -> None:
    """Remove what nobody asked for, an empty ~/.ansible/tmp that was made, then call `then`."""
    for slave in slaves.all():
        slave.cleanup.begin()

    def start() -> None:
        calls = [_tidying(slave) for slave in slaves.all() if slave.left and not slave.users]
        _when(loop, lambda: all(call.future.done() for call in calls), then)

    _when(loop, finished, start)


def _tidying(slave: PooledSlave) -> CollectingCall:
    """Remove the directories that modules left, as far as nothing is in them."""
    files = "ansible_econtext.target.file_operations"
    call = CollectingCall(slave.link, files, "remove_empty", sorted(slave.left))
    call.end(wire.STDIN)
    return call


def _when(loop: Loop, done: Callable[[], bool], then: Callable[[], None]) -> None:
    """Go on when something is done, or has taken too long."""
    deadline = time.monotonic() + _PATIENCE / 2

    def look() -> None:
        if done() or time.monotonic() > deadline:
            then()
        else:
            loop.call_later(0.01, look)

    look()


def close(loop: Loop, slaves: SlavePool) -> None:
    """End the slaves, then the loop."""
    loop.call_later(_PATIENCE, slaves.kill)
    loop.call_later(_PATIENCE + 1, loop.stop)
    slaves.close(loop.stop)
