"""Pool of the broker's slaves, by the key of their route; each is started once."""

from collections.abc import Callable
from typing import Any

from ansible_econtext.broker import launch_plan, open_files
from ansible_econtext.broker.pooled_slave import PooledSlave, failure
from ansible_econtext.broker.running_slaves import Found, RunningSlaves
from ansible_econtext.client.messages import NotReached
from ansible_econtext.client.route import Route, host_of, key_of, without_pythons
from econtext.controller.errors import ConnectionLost, EcontextError, LaunchError, described
from econtext.controller.launch import Starting
from econtext.controller.link import Link, logger, notify
from econtext.target.loop import Loop, monotonic

#: Seconds that a slave has to answer a ping.
_ANSWER = 10.0


class SlavePool(RunningSlaves):
    """Pool that starts slaves and keeps them until they end."""

    def __init__(self, loop: Loop) -> None:
        super().__init__(loop)
        self._attempts: dict[bytes, Starting] = {}
        self._ahead: dict[bytes, list[Callable[[Link], None]]] = {}
        #: Keys of become slaves of which one ended in the middle of a task.
        self._short_lived: set[bytes] = set()
        #: Fields of plans that a second start has changed, for the next slave of a route.
        self._found_out: dict[bytes, dict[str, Any]] = {}
        self._closed = False
        self._when_none: Callable[[], None] | None = None

    def find(self, route: Route, found: Found) -> None:
        """Call `found` with a route's slave or the failure to start it, now or later.

        The slave is started if there is none, or if it serves no further task, and pinged first
        if it was silent for long.
        """
        if not route:
            found(failure(0, "", LaunchError("the route", "it has no hop")))
            return
        key = key_of(route)
        if key in self._outrun:
            self._outrun[key].append(lambda: self.find(route, found))
            return
        self._retire_before_use(route, key)
        slave = self._slaves.get(key)
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

    def forget(self, route: Route) -> None:
        """Drop all slaves of a route's host, one that is being started among them."""
        key = key_of(host_of(route))
        if key in self._attempts:
            self._outrun.setdefault(key, [])
        super().forget(route)

    def _retire_before_use(self, route: Route, key: bytes) -> None:
        """Retire a route's slave if it is spent, or one of its become slaves if that is old.

        An old one with a request under way, or below it, stays, and so does a login.
        """
        slave = self._slaves.get(key)
        if slave is None:
            return
        if key in self._short_lived and slave.is_spent:
            self.retire(slave)
            return
        for hop, each in zip(route, slave.path, strict=True):
            if hop.kind == "become" and self._drop_if_old(each):
                return

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
                slave.link.on_end.remove(lost)  # else each ping would add one to what is kept
                slave.seen = monotonic()
                self._settle(key, slave)
            else:
                self._start(route, key)

        def give_up() -> None:
            self.forget(route)
            decide(False)

        def lost(error: EcontextError) -> None:
            decide(False)

        timer = self._loop.call_later(_ANSWER, give_up)
        slave.link.on_end.append(lost)
        slave.link.ping(lambda: decide(True))

    def _start(self, route: Route, key: bytes) -> None:
        if self._closed:
            error = ConnectionLost(route[-1].name, "the broker is about to end")
            self._settle(key, failure(len(route) - 1, route[-1].kind, error))
        elif len(route) > 1:
            self.find(route[:-1], lambda parent: self._launch_from(route, key, parent))
        elif open_files.has_room() or not self._end_idle(lambda: self._start(route, key)):
            self._launch(route, key, None)

    def _launch_from(self, route: Route, key: bytes, parent: PooledSlave | NotReached) -> None:
        if isinstance(parent, NotReached):
            self._settle(key, parent)
            return
        self._parents[key] = parent.link  # it is in use while others make room
        if not self._make_room(key_of(host_of(route)), lambda: self._start(route, key)):
            self._launch(route, key, parent.link)

    def _launch(self, route: Route, key: bytes, parent: Link | None) -> None:
        hop = route[-1]

        def done(outcome: Link | EcontextError) -> None:
            attempt = self._attempts.pop(key, None)
            if isinstance(outcome, EcontextError):
                self._settle(key, failure(len(route) - 1, hop.kind, outcome))
                return
            if attempt is not None:
                self._found_out[key] = attempt.found_out
            path = tuple(key_of(route[: length + 1]) for length in range(len(route)))
            login = key_of(without_pythons(route))
            host, in_container = key_of(host_of(route)), route[0].kind == "container"
            slave = PooledSlave(outcome, hop.python, path, self._loop, login, host, in_container)
            slave.left |= self._left.pop(key, set())
            self._add(key, slave, parent)
            outcome.on_end.append(lambda error: self._ended(key, slave))
            outcome.on_orphaned.append(lambda: self.retire(slave))
            self._settle(key, slave)

        def gone() -> None:
            self._starts.discard(start)
            self._look_if_none()

        found_out = self._found_out.pop(key, {})
        self._parents[key] = parent
        try:
            plan = launch_plan.of(hop, parent.name if parent is not None else "")
            plan = plan._replace(**found_out)
            start = self._attempts[key] = Starting(self._loop, plan, parent, done, gone)
            if parent is None:
                self._starts.add(start)
        except Exception as error:  # a fault of econtext: each request still has its reply
            logger.error("internal error in the start of %s", hop.name, exc_info=error)
            done(LaunchError(hop.name, f"internal error: {described(error)}"))
            return
        for callback in self._ahead.pop(key, ()):
            self._attempts[key].send_ahead(callback)

    def _settle(self, key: bytes, outcome: PooledSlave | NotReached) -> None:
        self._ahead.pop(key, None)
        self._parents.pop(key, None)
        for found in self._starting.pop(key):
            notify(found, outcome)
        if key in self._outrun:
            again = self._outrun.pop(key)
            self._drop(key)
            for find in again:
                notify(find)

    def close(self, then: Callable[[], None] = lambda: None) -> None:
        """End all slaves, start no more, and call `then` when no process of theirs is left."""
        self._closed = True
        self._when_none = then
        for start in {*self._attempts.values(), *self._starts}:
            start.close()
        self._look_if_none()

    def _look_if_none(self) -> None:
        if self._when_none is not None and self.count == 0:
            then, self._when_none = self._when_none, None
            then()
