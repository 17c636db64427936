"""Pool of the broker's slaves, by the key of their route; each is started once."""

import functools
from collections.abc import Callable

from ansible_econtext.broker import launch_plan
from ansible_econtext.broker.pooled_slave import Failure, PooledSlave
from ansible_econtext.client import messages
from ansible_econtext.client.route import Route, key_of
from econtext.boot.first_stage import Manner
from econtext.controller.errors import ConnectionLost, EcontextError, LaunchError
from econtext.controller.launch import Starting
from econtext.controller.link import Link, logger, notify
from econtext.target.loop import Loop, monotonic

Found = Callable[[PooledSlave | Failure], None]

#: Seconds that a slave has to answer a ping.
_ANSWER = 10.0

#: Seconds between looks at whether a slave that is to end is still in use, and that it has to end.
_LOOK = 0.05
_PATIENCE = 2.0


class SlavePool:
    """Pool that starts slaves and keeps them until they end."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._slaves: dict[bytes, PooledSlave] = {}
        self._starting: dict[bytes, list[Found]] = {}
        self._roots: dict[bytes, Link] = {}
        self._attempts: dict[bytes, Starting] = {}
        #: The links over which slaves are being started.
        self._parents: dict[bytes, Link | None] = {}
        self._ahead: dict[bytes, list[Callable[[Link], None]]] = {}
        #: Forgotten slaves, which no new request gets, by the link that leads to all of them.
        self._leaving: dict[Link, list[PooledSlave]] = {}
        #: Directories that forgotten slaves' modules made, by the slave's key.
        self._left: dict[bytes, set[str | bytes]] = {}
        #: Keys of become slaves of which one ended in the middle of a task.
        self._short_lived: set[bytes] = set()
        #: Manners of starting that were found by a second start, for the next slave of a route.
        self._manners: dict[bytes, Manner] = {}
        self._closed = False
        self._when_none: Callable[[], None] | None = None

    def all(self) -> list[PooledSlave]:
        """Return all running slaves that requests may get."""
        return list(self._slaves.values())

    @property
    def count(self) -> int:
        """The number of local processes that lead to slaves, starting ones included."""
        return len(self._roots) + len(self._starting) + len(self._leaving)

    def find(self, route: Route, found: Found) -> None:
        """Call `found` with a route's slave or the failure to start it, now or later.

        The slave is started if there is none, and pinged first if it was silent for long.
        """
        key = key_of(route)
        slave = self._slaves.get(key)
        if slave is not None and key in self._short_lived and slave.is_spent:
            self.retire(route, slave)
            slave = None
        if key in self._starting:
            self._starting[key].append(found)
        elif slave is not None and slave.is_certain:
            found(slave)
        else:
            self._starting[key] = [found]
            if slave is None:
                self._start(route, key)
            else:
                self._make_sure(route, key, slave)

    def note_loss(self, route: Route) -> None:
        """Give each later task on a route a fresh slave, as its slave ended in a task's middle.

        Does nothing unless become led to it and its parent runs: sudo has ended it then, which
        may have a time limit and take the slave's input and output with it.
        """
        parent = self._slaves.get(key_of(route[:-1]))
        if route[-1].kind == "become" and parent is not None and parent.link.error is None:
            self._short_lived.add(key_of(route))

    def send_ahead(self, route: Route, callback: Callable[[Link], None]) -> None:
        """Call `callback` with the link to a starting slave, when its bundle is sent.

        What it sends follows the bundle without a round trip.  Does nothing if no slave is
        being started at the end of the route.
        """
        key = key_of(route)
        if key in self._attempts:
            self._attempts[key].send_ahead(callback)
        elif key in self._starting:
            self._ahead.setdefault(key, []).append(callback)

    def _make_sure(self, route: Route, key: bytes, slave: PooledSlave) -> None:
        """Ping a slave that was silent for long; start another if it does not answer.

        A host that was switched off leaves a connection that looks open.
        """

        asking = True

        def decide(is_there: bool) -> None:
            nonlocal asking
            if not asking:
                return
            asking = False
            timer.cancel()
            if is_there:
                slave.seen = monotonic()
                self._settle(key, slave)
            else:
                self._start(route, key)

        def give_up() -> None:
            self.forget(route)
            decide(False)

        timer = self._loop.call_later(_ANSWER, give_up)
        slave.link.on_end.append(lambda error: decide(False))
        slave.link.ping(lambda: decide(True))

    def _start(self, route: Route, key: bytes) -> None:
        if self._closed:
            error = ConnectionLost(route[-1].name, "the broker is about to end")
            self._settle(key, Failure(len(route) - 1, route[-1].kind, error))
        elif len(route) == 1:
            self._launch(route, key, None)
        else:
            self.find(route[:-1], lambda parent: self._launch_from(route, key, parent))

    def _launch_from(self, route: Route, key: bytes, parent: PooledSlave | Failure) -> None:
        if isinstance(parent, Failure):
            self._settle(key, parent)
        else:
            self._launch(route, key, parent.link)

    def _launch(self, route: Route, key: bytes, parent: Link | None) -> None:
        hop = route[-1]

        def done(outcome: Link | EcontextError) -> None:
            attempt = self._attempts.pop(key, None)
            self._parents.pop(key, None)
            self._manners.pop(key, None)
            if isinstance(outcome, EcontextError):
                self._settle(key, Failure(len(route) - 1, hop.kind, outcome))
                return
            if attempt is not None and attempt.manner is not Manner.AT_ONCE:
                self._manners[key] = attempt.manner
            path = tuple(key_of(route[: length + 1]) for length in range(len(route)))
            slave = PooledSlave(outcome, hop.python, path, self._loop)
            slave.left |= self._left.pop(key, set())
            self._add(key, slave, parent)
            if parent is None:
                self._roots[key] = outcome
            outcome.on_end.append(lambda error: self._ended(key, slave))
            self._settle(key, slave)

        self._parents[key] = parent
        try:
            plan = launch_plan.of(hop, parent.name if parent is not None else "")
            plan = plan._replace(manner=self._manners.get(key, plan.manner))
            self._attempts[key] = Starting(self._loop, plan, parent, done)
        except Exception as error:  # a fault of ours: each request still has its reply
            logger.error("internal error in the start of %s", hop.name, exc_info=error)
            done(LaunchError(hop.name, f"internal error: {error!r}"))
            return
        for callback in self._ahead.pop(key, ()):
            self._attempts[key].send_ahead(callback)

    def _settle(self, key: bytes, outcome: PooledSlave | Failure) -> None:
        self._ahead.pop(key, None)
        for found in self._starting.pop(key):
            notify(found, outcome)
        self._look_if_none()

    def _ended(self, key: bytes, slave: PooledSlave) -> None:
        if self._slaves.get(key) is slave:
            del self._slaves[key]
        if self._roots.get(key) is slave.link:
            del self._roots[key]
        self._look_if_none()

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

    def _add(self, key: bytes, slave: PooledSlave, parent: Link | None) -> None:
        """Put a started slave into the pool, or with its parent if that was dropped meanwhile."""
        for slaves in self._leaving.values():
            if any(each.link is parent for each in slaves):
                slaves.append(slave)
                return
        self._slaves[key] = slave

    def _end_when_idle(self, link: Link) -> None:
        """End a link's slaves when no request uses them or waits for one that they start."""
        slaves = self._leaving[link]
        in_use = any(slave.users or slave.link in self._parents.values() for slave in slaves)
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

    def close(self, then: Callable[[], None] = lambda: None) -> None:
        """End all slaves, start no more, and call `then` when none is left."""
        self._closed = True
        self._when_none = then
        for attempt in list(self._attempts.values()):
            attempt.abandon()
        for link in [*self._roots.values(), *self._leaving]:
            link.close()
        self._look_if_none()

    def _look_if_none(self) -> None:
        if self._when_none is not None and self.count == 0:
            then, self._when_none = self._when_none, None
            then()

    def kill(self) -> None:
        """Kill the local processes that lead to slaves."""
        for link in [*self._roots.values(), *self._leaving]:
            link.process.kill()
