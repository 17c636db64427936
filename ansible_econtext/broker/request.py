"""A request of a worker's that is under way; `requests.py` has the kinds of them.

It is a dict (see `session.py`), has slaves do something, and gets one reply.  A reply with
"failed" in it says what went wrong; the worker makes Ansible's own errors of that.
"""

from collections.abc import Callable
from typing import Any

from ansible_econtext.broker import target_modules
from ansible_econtext.broker.calls import CollectingCall, CollectingCommand, failure_of
from ansible_econtext.broker.payload_store import PayloadStore
from ansible_econtext.broker.sequence import Sequence
from ansible_econtext.broker.slave import Failure, PooledSlave, describe
from ansible_econtext.broker.slave_pool import SlavePool
from ansible_econtext.broker.warm_processes import ModuleRun
from econtext.controller.errors import CallDied, CallError, EcontextError

Reply = Callable[[dict[str, Any]], None]

Done = Callable[[Any, Any], None]


class RequestHandler:
    """Finds its slave, acts, replies once."""

    #: Whether it goes on when nobody waits for it any more.
    tidies_up = False

    def __init__(
        self,
        slaves: SlavePool,
        payloads: PayloadStore,
        request: dict[str, Any],
        reply: Reply,
        sequence: Sequence | None = None,
    ) -> None:
        self._slaves = slaves
        self._payloads = payloads
        self._request = request
        self._reply: Reply | None = reply
        #: Where it waits for the request before it.
        self._sequence = sequence
        self._channel: CollectingCall | CollectingCommand | ModuleRun | None = None
        self._slave: PooledSlave | None = None
        #: Whether a slave was replaced for it.
        self._anew = False

    def begin(self) -> None:
        self._slaves.find(self._request["route"], self._found)

    def _do(self, slave: PooledSlave) -> None:
        """What is to be done on a slave that is there; raises EcontextError if it is gone."""
        raise NotImplementedError

    def _found(self, slave: PooledSlave | Failure) -> None:
        if isinstance(slave, Failure):
            self.reply(describe(slave))
            return
        self._act(self._do, slave)

    def _act(self, action: Callable[[PooledSlave], None], slave: PooledSlave) -> None:
        if self._reply is None:
            return  # given up meanwhile
        try:
            if slave.link.error is not None:
                raise slave.link.error
            self._use(slave)
            target_modules.provide(slave.link)
            action(slave)
        except EcontextError as error:
            self._lost(error)

    def _use(self, slave: PooledSlave | None) -> None:
        """A slave that is used by requests stays."""
        if self._slave is not None:
            self._slave.release(self)
        self._slave = slave
        if slave is not None:
            slave.users.add(self)

    @property
    def is_over(self) -> bool:
        return self._reply is None

    def reply(self, value: dict[str, Any]) -> None:
        self._use(None)
        if self._reply is not None:
            reply, self._reply = self._reply, None
            reply(value)

    def abandon(self) -> None:
        """Nobody waits any more: what runs is ended, but for what tidies up."""
        if self.tidies_up:
            return
        self._reply = None
        self._use(None)
        if self._channel is not None:
            self._channel.kill()

    def _lost(self, error: EcontextError) -> None:
        self.reply({"failed": "lost", "text": str(error)})

    def _call(
        self, slave: PooledSlave, module: str, function: str, arguments: tuple[Any, ...], done: Done
    ) -> CollectingCall:
        """Call a shipped function, which returns (result, directories made)."""
        call = self._begin_call(slave, module, function, *arguments)
        self._await(slave, call, done)
        return call

    def _begin_call(self, slave: PooledSlave, *call: Any) -> CollectingCall:
        if self._sequence is not None:
            return self._sequence.call(slave.link, *call)
        slave.link.round_trips += self._request.get("waited", 1)
        return CollectingCall(slave.link, *call)

    def _await(self, slave: PooledSlave, call: CollectingCall | ModuleRun, done: Done) -> None:
        """Have the request's reply made when a call is over."""
        self._channel = call

        def finished(future: Any) -> None:
            error = future.exception()
            if error is None:
                result, made = future.result()
                slave.left.update(made)
                done(call, result)
            elif self._is_outdated(error):
                self._start_anew()
            elif isinstance(error, CallError | CallDied):
                self.reply(failure_of(error, call.outputs()))
            else:
                self._lost(error)

        call.future.add_done_callback(finished)

    def _is_outdated(self, error: Exception) -> bool:
        """Whether the slave is to be replaced: once, since a host may say what it likes."""
        if self._anew or not isinstance(error, CallError):
            return False
        self._anew = error.kind.endswith("Outdated")
        return self._anew

    def _start_anew(self) -> None:
        if self._sequence is not None:
            self.reply({"again": True})  # what was sent after it has the same slave
            return
        self._slaves.forget(self._request["route"])
        self._slaves.find(self._request["route"], self._found)
