"""Base of the handlers of work; `handlers.py` has one for each kind of action."""

import functools
from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

from ansible_econtext.broker import target_modules
from ansible_econtext.broker.calls import CollectingCall, CollectingCommand, failure_of
from ansible_econtext.broker.payload_store import PayloadStore
from ansible_econtext.broker.pooled_slave import PooledSlave
from ansible_econtext.broker.sequence import OutOfOrder, Sequence
from ansible_econtext.broker.slave_pool import SlavePool
from ansible_econtext.broker.warm_processes import ModuleRun
from ansible_econtext.client import messages
from econtext.controller.errors import CallDied, CallError, EcontextError, described
from econtext.controller.link import logger
from econtext.target import codec

A = TypeVar("A", bound=messages.Action)

#: Called with a call that has ended and its result, which comes from the target.
Done = Callable[[Any, Any], None]


class RequestHandler(Generic[A]):
    """Handler of one request: finds the slave, acts on it, replies once."""

    #: Whether the request goes on when its worker has gone.
    tidies_up = False

    def __init__(
        self,
        slaves: SlavePool,
        payloads: PayloadStore,
        work: messages.Work,
        reply: Callable[[messages.Reply], None],
        is_awaited: bool = True,
        sequence: Sequence | None = None,
    ) -> None:
        self._slaves = slaves
        self._payloads = payloads
        self._route = work.route
        self._deferred = work.deferred
        self._action = cast(A, work.action)  # HANDLERS leads from its kind to this class
        self._changes = work.changes
        self._reply: Callable[[messages.Reply], None] | None = reply
        #: Whether a worker waits for the reply, which makes a call a round trip.
        self._is_awaited = is_awaited
        #: The loop's requests that it belongs to; None if it is sent by itself.
        self._sequence = sequence
        self._channel: CollectingCall | CollectingCommand | ModuleRun | None = None
        self._slave: PooledSlave | None = None
        #: The kinds of errors for which its slave was replaced, each of them once.
        self._replaced_for: set[str] = set()

    def begin(self) -> None:
        """Find the slave, which is started if need be, and act on it."""
        self._slaves.find(self._route, self._found)

    def _do(self, slave: PooledSlave) -> None:
        """Begin the work on a running slave; raises EcontextError if it has gone."""
        raise NotImplementedError

    def _found(self, slave: PooledSlave | messages.NotReached) -> None:
        if self.is_over:
            return  # abandoned meanwhile
        if isinstance(slave, messages.NotReached):
            self.reply(slave)
            return
        if self._changes:
            self._use(slave)
            act = functools.partial(self._act, slave)
            self._slaves.vacate(self._route, self._changes, act)
        else:
            self._act(slave)

    def _act(self, slave: PooledSlave) -> None:
        if self._reply is None:
            return  # abandoned meanwhile
        try:
            if slave.link.error is not None:
                raise slave.link.error
            self._use(slave)
            target_modules.provide(slave.link)
            self._do(slave)
        except OutOfOrder:
            self.reply(messages.NotBegun())
        except Exception as error:
            self._faulted(error)

    def _faulted(self, error: Exception) -> None:
        """Reply to a failure of the broker's side, lest the worker wait for ever."""
        if isinstance(error, EcontextError):
            self._lost(error)
        elif isinstance(error, codec.EncodeError):  # the request's arguments are too long
            self._fail(messages.FailureCode.CALL, error)
        else:
            logger.error("internal error in %r", self, exc_info=error)
            self._fail(messages.FailureCode.LOST, f"internal error: {described(error)}")
            if self._channel is not None:
                self._channel.kill()

    def _use(self, slave: PooledSlave | None) -> None:
        """Mark the slave as in use by this request, and the one before as free."""
        if self._slave is not None:
            self._slave.release(self)
        self._slave = slave
        if slave is not None:
            slave.users.add(self)

    @property
    def is_over(self) -> bool:
        """Whether the request has its reply or was abandoned."""
        return self._reply is None

    def reply(self, reply: messages.Reply) -> None:
        """Send the reply; only the first one counts."""
        self._use(None)
        if self._reply is not None:
            send, self._reply = self._reply, None
            # Passwords and files: the call may keep this object for longer.
            self._route, self._deferred = [], []
            send(reply)

    def _fail(self, code: messages.FailureCode, error: object) -> None:
        self.reply(messages.Failed(code, str(error)))

    def abandon(self) -> None:
        """End the work, because its worker has gone; does nothing if it tidies up."""
        if self.tidies_up:
            return
        self._reply = None
        self._route = []
        self._use(None)
        if self._channel is not None:
            self._channel.kill()

    def _lost(self, error: EcontextError) -> None:
        if not self.is_over:
            self._slaves.note_loss(self._route)
        self._fail(messages.FailureCode.LOST, error)

    def _call(
        self, slave: PooledSlave, module: str, function: str, arguments: tuple[Any, ...], done: Done
    ) -> CollectingCall:
        """Call a shipped function, which returns (result, directories made).

        `done(call, result)` makes the reply; it raises TypeError or ValueError if the result is
        of another form than the function's.  Raises EcontextError if the slave has gone.
        """
        call = self._begin_call(slave, module, function, *arguments)
        self._await(slave, call, done)
        return call

    def _begin_call(self, slave: PooledSlave, *call: Any) -> CollectingCall:
        if self._sequence is not None:
            return self._sequence.call(slave.link, *call)
        slave.link.round_trips += self._is_awaited
        return CollectingCall(slave.link, *call)

    def _await(self, slave: PooledSlave, call: CollectingCall | ModuleRun, done: Done) -> None:
        """Reply when a call has ended: by `done(call, result)`, or with its failure."""
        self._channel = call

        def finished(future: Any) -> None:
            try:
                self._finished(slave, call, done)
            except Exception as error:  # which the future would swallow
                self._faulted(error)

        call.future.add_done_callback(finished)

    def _finished(self, slave: PooledSlave, call: CollectingCall | ModuleRun, done: Done) -> None:
        error: Any = call.future.exception()
        if error is None:
            self._succeeded(slave, call, call.future.result(), done)
        elif not self.is_over and self._is_outdated(error):
            self._start_anew()
        elif isinstance(error, CallDied):
            self._died(error, call)
        elif isinstance(error, CallError):
            self.reply(failure_of(error))
        else:
            raise error

    def _succeeded(
        self, slave: PooledSlave, call: CollectingCall | ModuleRun, outcome: Any, done: Done
    ) -> None:
        is_abandoned = self.is_over
        try:
            result, made = outcome
            slave.leaves(made)
            done(call, result)
        except (TypeError, ValueError) as error:  # a host may send any value
            if is_abandoned:
                return
            if self.is_over:
                raise
            text = f"the target sent a result of no known form: {error}"
            self._fail(messages.FailureCode.CALL, text)

    def _died(self, error: CallDied, call: CollectingCall | ModuleRun) -> None:
        """Reply to the death of the call's process."""
        self.reply(failure_of(error))

    def _is_outdated(self, error: Exception) -> bool:
        """Return whether to replace the slave: once, since its files may change all the time."""
        kinds = target_modules.REPLACED_FOR - self._replaced_for
        if not isinstance(error, CallError) or error.kind not in kinds:
            return False
        self._replaced_for.add(error.kind)
        return True

    @property
    def _is_anew(self) -> bool:
        """Whether its slave replaces an outdated one, and so does not look whether it is."""
        return target_modules.OUTDATED in self._replaced_for

    def _start_anew(self) -> None:
        if self._sequence is not None:
            self.reply(messages.NotBegun())  # the sequence's later requests have the same slave
            return
        assert self._slave is not None  # it replied
        self._slaves.retire(self._slave)
        self.begin()
