"""Running slaves of the broker: which are in use, and how they end."""

import functools
from collections.abc import Callable

from ansible_econtext.broker.pooled_slave import PooledSlave
from ansible_econtext.client import messages
from ansible_econtext.client.route import Route, host_of, key_of
from econtext.controller.errors import ConnectionLost
from econtext.controller.launch import Starting
from econtext.controller.link import Link
from econtext.target.loop import Loop

Found = Callable[[PooledSlave | messages.NotReached], None]

#: Seconds between looks at whether a slave that is to end is still in use, and that it has to end.
_LOOK = 0.05
_PATIENCE = 2.0

#: Slaves that a host has at the most, unless more of them are in use at a time.
_MOST = 16


class RunningSlaves:
    """Running slaves by the keys of their routes, and the starts that need them."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._slaves: dict[bytes, PooledSlave] = {}
        #: The starts of this machine's own processes, until these have ended.
        self._starts: set[Starting] = set()
        #: The callbacks that wait for the start of a slave.
        self._starting: dict[bytes, list[Found]] = {}
        #: The links over which slaves are being started.
        self._parents: dict[bytes, Link | None] = {}
        #: Forgotten slaves, which no new request gets, by the link that leads to all of them.
        self._leaving: dict[Link, list[PooledSlave]] = {}
        #: Directories that forgotten slaves' modules made, by the slave's key.
        self._left: dict[bytes, set[str | bytes]] = {}
        #: Requests that came since, by the key of a slave that was dropped while it was started.
        self._outrun: dict[bytes, list[Callable[[], None]]] = {}

    def all(self) -> list[PooledSlave]:
        """Return all running slaves that requests may get."""
        return list(self._slaves.values())

    @property
    def count(self) -> int:
        """The number of local processes that lead to slaves, starting and leaving ones included."""
        return len(self._starts)

    def _add(self, key: bytes, slave: PooledSlave, parent: Link | None) -> None:
        """Put a started slave into the pool, or with its parent if that was dropped meanwhile."""
        for slaves in self._leaving.values():
            if any(each.link is parent for each in slaves):
                slaves.append(slave)
                return
        self._slaves[key] = slave

    def _is_in_use(self, slave: PooledSlave) -> bool:
        return bool(slave.users) or slave.link in self._parents.values()

    def _is_in_use_below(self, slave: PooledSlave) -> bool:
        """Return whether a slave, or one that it leads to, is in use."""
        key = slave.path[-1]
        return any(self._is_in_use(each) for each in self._slaves.values() if key in each.path)

    def _is_wanted(self, slave: PooledSlave) -> bool:
        """Return whether a slave is in use, or pinged for a request."""
        return self._is_in_use(slave) or slave.path[-1] in self._starting

    def vacate(
        self, route: Route, account: str, then: Callable[[], None], patience: float = _PATIENCE
    ) -> None:
        """End an account's idle slaves on a route's host, then call `then`.

        With messages.ALL_ACCOUNTS, those of all but root and the accounts of the route; if the
        host is this machine, those in its containers too.  Slaves on the route itself stay, and
        those that are in use.  Removals are waited for, as many seconds as `patience` says, and
        ends for a while.
        """
        is_for_all, host = account == messages.ALL_ACCOUNTS, key_of(host_of(route))
        on_the_route = {key_of(route[: length + 1]) for length in range(len(route))}
        staying = {"root"} | {
            slave.link.greeting["user"]
            for key, slave in self._slaves.items()
            if key in on_the_route
        }

        def is_meant(slave: PooledSlave) -> bool:
            if slave.path[-1] in on_the_route:
                return False
            if is_for_all and slave.is_in_container and route[0].kind == "local":
                return True
            user = slave.link.greeting["user"]
            is_named = user not in staying if is_for_all else user == account
            return slave.host == host and is_named

        slaves = list(filter(is_meant, self._slaves.values()))
        if patience > 0 and any(slave.is_tidying for slave in slaves):
            again = functools.partial(self.vacate, route, account, then, patience - _LOOK)
            self._loop.call_later(_LOOK, again)
            return
        leaving = [slave for some in self._leaving.values() for slave in some if is_meant(slave)]
        idle = [slave for slave in slaves if not self._is_in_use_below(slave)]
        waits = [slave.link for slave in [*idle, *leaving] if not slave.users]
        for slave in idle:
            self._drop(slave.path[-1])
        self._when_gone(waits, then)

    def _when_gone(self, links: list[Link], then: Callable[[], None]) -> None:
        """Call `then` when the processes of links have ended, or after a while."""
        left = set(links)

        def gone(link: Link) -> None:
            left.discard(link)
            if not left:
                end_wait()

        def end_wait() -> None:
            nonlocal then
            timer.cancel()
            call, then = then, lambda: None
            call()

        timer = self._loop.call_later(2 * _PATIENCE, end_wait)
        for link in links:
            link.on_gone.append(functools.partial(gone, link))
        if not links:
            end_wait()

    def forget(self, route: Route) -> None:
        """Drop all slaves of a route's host from the pool; end each when it is idle."""
        self._drop(key_of(host_of(route)))

    def retire(self, slave: PooledSlave) -> None:
        """Drop a slave, and those that it started, unless it was dropped before.

        A slave under another Python has the login of the one before it, which is dropped too.
        """
        if self._slaves.get(slave.path[-1]) is slave:
            self._drop(slave.login)

    def end_containers(self, then: Callable[[], None]) -> None:
        """End the slaves in containers, then call `then`; behind a run users unmount."""
        slaves = [slave for slave in self._slaves.values() if slave.is_in_container]
        for key in {slave.path[0] for slave in slaves}:
            self._drop(key)
        self._when_gone([slave.link for slave in slaves], then)

    def end_old(self) -> None:
        """End the old slaves that no request uses, logins among them; for the start of a run."""
        for key in list(self._slaves):
            self._drop_if_old(key)

    def _drop_if_old(self, key: bytes) -> bool:
        """Drop a slave, and those below it, if it is old and none of them is in use."""
        slave = self._slaves.get(key)
        if slave is None or not slave.is_old or self._is_in_use_below(slave):
            return False
        self._drop(key)
        return True

    def _end_idle(self, then: Callable[[], None]) -> bool:
        """End the slaves of the host that is unused for longest, then call `then`.

        Return False if no host is idle.
        """
        last: dict[bytes, float] = {}
        for slave in self._slaves.values():
            used = float("inf") if self._is_wanted(slave) else slave.seen
            last[slave.path[0]] = max(used, last.get(slave.path[0], 0))
        key = min(last.keys() & self._slaves.keys(), key=last.__getitem__, default=b"")
        if not key or last[key] == float("inf"):
            return False
        link = self._slaves[key].link
        self._drop(key)
        self._when_gone([link], then)
        return True

    def _make_room(self, host: bytes, then: Callable[[], None]) -> bool:
        """End slaves of a host, those unused for longest, then call `then`.

        Return False if it has room for those that are being started, or if none is idle.  One
        that leads to others is not idle.
        """
        slaves = [slave for slave in self._slaves.values() if slave.host == host]
        links = {slave.link for slave in slaves}
        starting = sum(parent in links for parent in self._parents.values())
        leading = {key for slave in slaves for key in slave.path[:-1]}
        idle = [
            slave
            for slave in slaves
            if slave.path[-1] not in leading and not self._is_wanted(slave)
        ]
        too_many = max(0, len(slaves) + starting - _MOST)
        leaving = sorted(idle, key=lambda slave: slave.seen)[:too_many]
        for slave in leaving:
            self._drop(slave.path[-1])
        if leaving:
            self._when_gone([slave.link for slave in leaving], then)
        return bool(leaving)

    def _drop(self, key: bytes) -> None:
        slaves = {each: slave for each, slave in self._slaves.items() if key in slave.path}
        for each, slave in slaves.items():
            del self._slaves[each]
            self._left[each] = slave.left
        links = {slave.link for slave in slaves.values()}
        for each, parent in self._parents.items():
            if parent in links:
                self._outrun.setdefault(each, [])
        if key in slaves:
            link = slaves[key].link
            dropped = [slave for others in self._leaving.values() for slave in others]
            below = [slave for slave in dropped if key in slave.path]
            self._leaving[link] = [*slaves.values(), *below]
            link.on_gone.append(functools.partial(self._gone, link))
            self._end_when_idle(link)

    def _gone(self, link: Link) -> None:
        self._leaving.pop(link, None)

    def _end_when_idle(self, link: Link) -> None:
        """End a link's slaves when no request uses them or waits for one that they start."""
        in_use = any(map(self._is_in_use, self._leaving.get(link, ())))
        if in_use and link.error is None:
            self._loop.call_later(_LOOK, lambda: self._end_when_idle(link))
            return

        if link not in self._leaving:
            return  # it has ended by itself
        in_any_case = self._loop.call_later(_PATIENCE, link.process.kill)
        link.on_gone.append(in_any_case.cancel)
        link.close()
        link.fail(ConnectionLost(link.name, "the connection was reset"))

    def _ended(self, key: bytes, slave: PooledSlave) -> None:
        if self._slaves.get(key) is slave:
            del self._slaves[key]

    def kill(self) -> None:
        """Kill the local processes that lead to slaves, starting ones included."""
        for start in self._starts:
            start.kill()
