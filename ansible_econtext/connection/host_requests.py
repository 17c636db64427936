"""Base of a session: how its requests get to the broker, and what their replies mean.

All of it is for the task's own thread.
"""

import contextlib
from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.utils.display import Display

from ansible_econtext.client import client, connection_pool, connector, endpoint, messages
from ansible_econtext.client.route import Route, host_of, key_of
from ansible_econtext.connection import become, errors
from ansible_econtext.connection.deferred_operations import DeferredOperations
from ansible_econtext.core import fork_gate
from ansible_econtext.pipeline import slot
from econtext.boot import first_stage

display = Display()

#: Seconds, as in `_ssh_retry` of ansible-core's ssh plugin.
_LONGEST_PAUSE = 30

#: Keys of the routes to hosts whose last reply was no failure: they have a slave already.
_seen: set[bytes] = set()


class HostRequests:
    """Requests of one connection object, and the file operations that wait for the next one.

    `to_host` returns the route to the connection's host for a list of Pythons; `run_process` is
    the process number of the run that the broker is to serve.
    """

    def __init__(self, to_host: Callable[[list[str]], Route], host: str, run_process: int) -> None:
        self._to_host = to_host
        self._host = host
        self._run_process = run_process
        self._client: client.Client | None = None
        self._deferred = DeferredOperations()
        #: Pythons to look for on the host, from the options.
        self.pythons: list[str] = []
        #: How often an attempt to reach the host is repeated, from the options.
        self.retries = 0
        #: TERM of a terminal as the stock plugin makes it, maybe empty; None if it makes none.
        self.term: str | None = None
        #: Whether the user wants modules to have such a terminal.
        self.wants_terminal = False
        #: Seconds that become has for its prompt and its answer, from the options.
        self.become_timeout = 60.0
        #: Directory in which commands run; None for home.
        self.directory: str | None = None
        #: Whether the stock way has words of its own for a become command that fails.
        self.has_stock_words = False
        #: Returns the accounts to which emulated ssh leads while a module runs.
        self.ssh_accounts: Callable[[], list[messages.SSHAccount]] = list
        #: Raises AnsibleConnectionFailure if no command runs on a host of which NoPython is known.
        self.check_host: Callable[[], None] = lambda: None
        self._prepared = False
        self._mkdtemp = ""
        #: Replies of hosts without a Python, by the Pythons that were looked for.
        self._without_python: dict[tuple[str, ...], messages.NotReached] = {}

    @property
    def terminal(self) -> str | None:
        """TERM for the terminals of modules; None for no terminals."""
        return self.term if self.wants_terminal else None

    def prepare(self) -> None:
        """Ask the broker to start the login account's slave, without waiting for it.

        Does nothing if the host has one, in an item of a loop that waits for its turn, or if the
        broker cannot be reached: the next request tells of that.
        """
        if self._prepared or not self.pythons or not slot.is_active():
            return
        self._prepared = True
        route = self.route(None)
        if key_of(route) in _seen:
            return
        with contextlib.suppress(client.BrokerGone):
            self._connected().tell(messages.Prepare(route))

    def reset(self) -> None:
        """Drop the deferred operations, and end every slave of the host."""
        self._deferred.take()
        self._without_python = {}
        _seen.clear()
        # If the broker has gone, so have all slaves; of one that is silent the next request tells.
        with contextlib.suppress(client.BrokerGone):
            running = connector.connect_if_running(endpoint.of_run().directory)
            if running is not None:
                with contextlib.closing(running):
                    running.ask(messages.Reset(self.route(None)))

    def close(self) -> None:
        """Send the deferred operations without waiting for them: they tidy up.

        If the task went on in another process, that one has sent them.
        """
        if self._client is None:
            return
        if fork_gate.has_moved():
            self._client.close()
            return
        operations = [held.operation for held in self._deferred.take()]
        if operations:
            work = messages.Work(self.route(None), operations, messages.Operations())
            with contextlib.suppress(client.BrokerGone):  # there is no broker, and none starts
                self._connected().tell(work)
        connection_pool.give_back(self._client)
        self._client = None

    def say(self, text: str) -> None:
        """Show a line of -vvv."""
        display.vvv(f"econtext: {text}", host=self._host)

    def _expect_python(self) -> None:
        """Raise errors.NoPython now rather than when the operations that are deferred fail."""
        if key_of(self.route(None)) not in _seen:
            self._ask(messages.Expand("~"), keep_deferred=True)

    def _flush(self) -> None:
        if self._deferred:
            self._ask(messages.Operations())

    def _ask(
        self,
        action: messages.Action,
        plugin: Any = None,
        keep_deferred: bool = False,
        changes: str = "",
    ) -> Any:
        """Send the deferred operations and an action to the broker; return its reply.

        With `keep_deferred` the operations go on waiting, as the action has no use for them.
        The reply is of a kind that messages.REPLIES has for the action, or PayloadWanted.
        Raises as `perform` does.
        """
        if fork_gate.has_moved():
            raise fork_gate.Moved
        if plugin is not None and not keep_deferred:
            # Files are the login account's: they must be there before the other's module runs.
            self._flush()
        held = [] if keep_deferred else self._deferred.take()
        route = self.route(plugin)
        work = messages.Work(route, [each.operation for each in held], action, changes=changes)
        to_host = host_of(route)
        host = key_of(to_host)
        reply = self._without_python.get(tuple(self.pythons)) or self._reply(work)
        if isinstance(reply, messages.PayloadWanted):  # the slave may not be there yet
            self._deferred.put_back(held)
        elif isinstance(reply, messages.Failed | messages.NotReached):
            _seen.discard(host)
            error = errors.error_of(reply, plugin, self._mkdtemp)
            if isinstance(reply, messages.NotReached):
                if reply.hop < len(to_host) - 1:
                    error = errors.of_bastion(reply, to_host[reply.hop].name)
                elif reply.hop < len(to_host) and isinstance(error, errors.NoPython):
                    self.check_host()
                    self._without_python[tuple(self.pythons)] = reply
            # ansible-core may be handling an error of its own, which is no cause of this one.
            raise error from None
        else:
            _seen.add(host)
        return reply

    def _reply(self, work: messages.Work) -> messages.Reply:
        """Return the broker's reply, after as many attempts as the options allow.

        Raises AnsibleConnectionFailure if the broker has gone.
        """
        attempt = 0
        while True:
            try:
                reply = slot.submit(work)
                if reply is None:
                    reply = self._connected().ask(work)
            except client.BrokerGone as error:
                raise AnsibleConnectionFailure(f"econtext: {error}") from error
            if not errors.may_pass(reply) or attempt >= self.retries:
                return reply
            pause = min(2**attempt - 1, _LONGEST_PAUSE)
            attempt += 1
            self.say(f"attempt {attempt} to connect failed, pausing for {pause} seconds")
            fork_gate.sleep(pause)

    def _connected(self) -> client.Client:
        if self._client is None or self._client.closed:
            self._client = connection_pool.borrow(endpoint.of_run(), self._run_process)
        return self._client

    def route(self, plugin: Any) -> Route:
        """Return the route to the slave of the login account, or of a become plugin's account."""
        pythons = self.pythons or list(first_stage.PYTHONS)
        hops = self._to_host(pythons)
        if plugin is not None:
            shell_plugin, timeout = plugin.recorded_shell, self.become_timeout
            hops.append(become.hop(plugin, shell_plugin, pythons, timeout, self.directory))
        return hops
