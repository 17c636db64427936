"""Keepalive of a link: pings its slave, and ends a link that is silent.

A slave whose controller is silent ends, too (`target.slave`).  Both ends count looks, not
seconds: after a pause (a machine that slept, a process that was stopped) one look is due, not all,
and what came meanwhile is read before the next one.
"""

from collections.abc import Callable

from econtext.controller.errors import ConnectionLost
from econtext.controller.link import Link

#: Seconds between looks.
PAUSE = 30.0

#: Looks in silence after which the link ends: five minutes.  A network that is away for that long
#: ends no task under stock Ansible, as TCP tries for a quarter of an hour; and on a slow line a
#: ping waits behind a module of some megabytes.
LOOKS = 10


def begin(link: Link, call_later: Callable[[float, Callable[[], None]], object]) -> None:
    """Look at a link, again and again, until it ends."""
    silence = 0

    def look() -> None:
        nonlocal silence
        if link.error is not None:
            return
        silence = 0 if link.was_heard else silence + 1
        link.was_heard = False
        if silence >= LOOKS:
            reason = f"the slave was silent for {LOOKS * PAUSE:g} seconds"
            link.close()  # one that was only stopped finds its input ended
            link.fail(ConnectionLost(link.name, reason))
            link.process.kill()
            return
        link.ping(lambda: None)
        call_later(PAUSE, look)

    call_later(PAUSE, look)
