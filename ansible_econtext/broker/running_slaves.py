"""Running slaves of the broker: which are in use, and how they end."""

import functools
from collections.abc import Callable

from ansible_econtext.broker.pooled_slave import Failure, PooledSlave
from ansible_econtext.client import messages
from ansible_econtext.client.route import Route, key_of
from econtext.controller.errors import ConnectionLost
from econtext.controller.link import Link
from econtext.target.loop import Loop

Found = Callable[[PooledSlave | Failure], None]

#: Seconds between looks at whether a slave that is to end is still in use, and that it has to end.
_LOOK = 0.05
_PATIENCE = 2.0


class RunningSlaves:
    """Running slaves by the keys of their routes, and the starts that need them."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._slaves: dict[bytes, PooledSlave] = {}
        self._roots: dict[bytes, Link] = {}
        #: Who waits for the start of a slave.
        self._starting: dict[bytes, list[Found]] = {}
        #: The links over which slaves are being started.
        self._parents: dict[bytes, Link | None] = {}
        #: Forgotten slaves, which no new request gets, by the link that leads to all of them.
        self._leaving: dict[Link, list[PooledSlave]] = {}
        #: Directories that forgotten slaves' modules made, by the slave's key.
        self._left: dict[bytes, set[str | bytes]] = {}
        self._when_none: Callable[[], None] | None = None

    def all(self) -> list[PooledSlave]:
        """Return all running slaves that requests may get."""
        return list(self._slaves.values())

    @property
    def count(self) -> int:
        """The number of local processes that lead to slaves, starting ones included."""
        return len(self._roots) + len(self._starting) + len(self._leaving)

    def _add(self, key: bytes, slave: PooledSlave, parent: Link | None) -> None:
        """Put a started slave into the pool, or with its parent if that was dropped meanwhile."""
        for slaves in self._leaving.values():
            if any(each.link is parent for each in slaves):
                slaves.append(slave)
                return
        self._slaves[key] = slave

    def _is_in_use(self, slave: PooledSlave) -> bool:
        return bool(slave.users) or slave.link in self._parents.values()

    def vacate(
        self, route: Route, account: str, then: Callable[[], None], patience: float = _PATIENCE
    ) -> None:
        """End an account's idle slaves on a route's host, then call `then`.

        With messages.ALL_ACCOUNTS, those of all but root and the accounts of the route.  Slaves
        on the route itself stay, and those that are in use.  Removals are waited for, as many
        seconds as `patience` says.
        """
        on_the_route = {key_of(route[: length + 1]) for length in range(len(route))}
        staying = {"root"} | {
            slave.link.greeting["user"]
            for key, slave in self._slaves.items()
            if key in on_the_route
        }

        def is_meant(user: str) -> bool:
            return user not in staying if account == messages.ALL_ACCOUNTS else user == account

        slaves = [
            slave
            for key, slave in self._slaves.items()
            if slave.path[0] == key_of(route[:1]) and key not in on_the_route
            if is_meant(slave.link.greeting["user"])
        ]
        if patience > 0 and any(slave.is_tidying for slave in slaves):
            again = functools.partial(self.vacate, route, account, then, patience - _LOOK)
            self._loop.call_later(_LOOK, again)
            return
        idle = [slave.link for slave in slaves if not slave.link.is_busy]
        left = set(idle)

        def ended(link: Link) -> None:
            left.discard(link)
            if not left:
                then()

        for link in idle:
            link.on_end.append(lambda error, link=link: ended(link))  # type: ignore[misc]
            link.close()
        if not idle:
            then()

    def forget(self, route: Route) -> None:
        """Drop all slaves of a route's host from the pool; end each when it is idle."""
        self._drop(key_of(route[:1]))

    def retire(self, route: Route, slave: PooledSlave) -> None:
        """Drop a route's slave, and those that it started, unless it was dropped before.

        A slave under another Python has the login of the one before it, which is dropped too.
        """
        if self._slaves.get(key_of(route)) is slave:
            while route[-1].kind == "python":
                route = route[:-1]
            self._drop(key_of(route))

    def _end_idle(self, then: Callable[[], None]) -> bool:
        """End the slaves of the host that is unused for longest, then call `then`.

        Return False if no host is idle.
        """
        last: dict[bytes, float] = {}
        for slave in self._slaves.values():
            used = float("inf") if self._is_in_use(slave) else slave.seen
            last[slave.path[0]] = max(used, last.get(slave.path[0], 0))
        key = min(last.keys() & self._roots.keys(), key=last.__getitem__, default=b"")
        if not key or last[key] == float("inf"):
            return False
        self._roots[key].on_gone.append(then)
        self._drop(key)
        return True

    def _drop(self, key: bytes) -> None:
        slaves = {each: slave for each, slave in self._slaves.items() if key in slave.path}
        for each, slave in slaves.items():
            del self._slaves[each]
            self._left[each] = slave.left
        self._roots.pop(key, None)
        if key in slaves:
            link = slaves[key].link
            dropped = [slave for others in self._leaving.values() for slave in others]
            below = [slave for slave in dropped if key in slave.path]
            self._leaving[link] = [*slaves.values(), *below]
            self._end_when_idle(link)

    def _end_when_idle(self, link: Link) -> None:
        """End a link's slaves when no request uses them or waits for one that they start."""
        slaves = self._leaving[link]
        in_use = any(map(self._is_in_use, slaves))
        if in_use and link.error is None:
            self._loop.call_later(_LOOK, lambda: self._end_when_idle(link))
            return

        in_any_case = self._loop.call_later(_PATIENCE, link.process.kill)

        def gone() -> None:
            in_any_case.cancel()
            self._leaving.pop(link, None)
            self._look_if_none()

        link.on_gone.append(gone)
        link.close()
        link.fail(ConnectionLost(link.name, "the connection was reset"))

    def _ended(self, key: bytes, slave: PooledSlave) -> None:
        if self._slaves.get(key) is slave:
            del self._slaves[key]
        if self._roots.get(key) is slave.link:
            del self._roots[key]
        self._look_if_none()

    def _look_if_none(self) -> None:
        if self._when_none is not None and self.count == 0:
            then, self._when_none = self._when_none, None
            then()

    def kill(self) -> None:
        """Kill the local processes that lead to slaves."""
        for link in [*self._roots.values(), *self._leaving]:
            link.process.kill()
