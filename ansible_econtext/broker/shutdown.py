"""Shutdown of a broker: it leaves nothing behind, here or on a host."""

import os
import time
from collections.abc import Callable

from ansible_econtext.broker.calls import CollectingCall
from ansible_econtext.broker.pooled_slave import PooledSlave
from ansible_econtext.broker.slave_pool import SlavePool
from ansible_econtext.broker.target_modules import FILES
from ansible_econtext.client import rendezvous
from econtext.controller.errors import EcontextError
from econtext.target import codec, wire
from econtext.target.loop import Loop

#: Seconds that slaves are given to end by themselves.
_PATIENCE = 4


def withdraw(directory: str, inode: int) -> str | None:
    """Hide the broker from new runs; return the directory for it to remove at its end.

    `inode` is that of the broker's own directory.  Returns None if the directory is another
    broker's by now, or if a run holds its lock: that run starts the next broker in it.
    """
    try:
        with rendezvous.locked(directory, 0):
            if os.stat(directory).st_ino != inode:
                return None  # it was removed, and made again by a run
            own = f"{directory}.{os.getpid()}"
            os.rename(directory, own)
            return own
    except rendezvous.LockHeld:
        rendezvous.remove_socket(directory)
    except OSError:
        pass  # the directory was removed
    return None


def tidy(
    loop: Loop, slaves: SlavePool, finished: Callable[[], bool], then: Callable[[], None]
) -> None:
    """Remove an empty ~/.ansible/tmp that modules made.

    Calls `then` when all is removed, or after `_PATIENCE`; it waits first for `finished`.
    """

    def start() -> None:
        idle = [slave for slave in slaves.all() if slave.left and not slave.users]
        calls = [call for call in map(_tidying, idle) if call is not None]
        _when(loop, lambda: all(call.future.done() for call in calls), then)

    _when(loop, finished, start)


def _tidying(slave: PooledSlave) -> CollectingCall | None:
    """Begin to remove the directories that modules made, if they are empty.

    Returns None if that cannot be asked of the slave: it must not keep others.
    """
    try:
        call = CollectingCall(slave.link, FILES, "remove_empty", list(slave.left))
    except (EcontextError, codec.EncodeError):
        return None
    call.end(wire.STDIN)
    return call


def _when(loop: Loop, done: Callable[[], bool], then: Callable[[], None]) -> None:
    """Call `then` when `done` returns true, or after half of `_PATIENCE`."""
    deadline = time.monotonic() + _PATIENCE / 2

    def look() -> None:
        if done() or time.monotonic() > deadline:
            then()
        else:
            loop.call_later(0.01, look)

    look()


def limit(loop: Loop, slaves: SlavePool, patience: float = 2 * _PATIENCE) -> None:
    """End the loop and the slaves after so many seconds, no matter how far the end got."""

    def kill() -> None:
        try:
            slaves.kill()
        finally:  # behind SIGKILL, which `Child.kill` sends a second after SIGTERM
            loop.call_later(1, loop.stop)

    loop.call_later(patience, kill)


def close(loop: Loop, slaves: SlavePool) -> None:
    """End the slaves, then the loop."""
    limit(loop, slaves, _PATIENCE)
    slaves.close(loop.stop)
