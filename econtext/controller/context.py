"""Context: the handle to a slave."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from econtext.controller import sources
from econtext.controller.channels import Call
from econtext.controller.launch import Launch
from econtext.controller.link import Link
from econtext.controller.methods import local, ssh, sudo

if TYPE_CHECKING:
    from econtext.controller.router import Router


class Starter:
    """Base of what starts slaves: a router, or a context, which does so through its own slave.

    With `via`, the slave is started through that context's.
    """

    def local(self, python: str | None = None, via: "Context | None" = None) -> "Context":
        """Start and return a slave on this machine and account.

        `python` is a name or path, with arguments if need be.  Raises LaunchError.
        """
        return self.launch(local.launch(python), via)

    def ssh(
        self,
        hostname: str,
        port: int | None = None,
        username: str | None = None,
        identity_file: str | None = None,
        password: str | None = None,
        python: str | None = None,
        ssh_args: Sequence[str] = (),
        via: "Context | None" = None,
    ) -> "Context":
        """Start and return a slave on another host.

        An argument that is None is left to ssh's configuration.  Raises LaunchError with
        ssh's own words, PasswordError for a refused password.
        """
        plan = ssh.launch(hostname, port, username, identity_file, password, python, ssh_args)
        return self.launch(plan, via)

    def sudo(
        self,
        username: str = "root",
        password: str | None = None,
        python: str | None = None,
        via: "Context | None" = None,
    ) -> "Context":
        """Start and return a slave of another account.

        Raises PasswordError for a wrong or missing password, LaunchError for all else
        that sudo may say.
        """
        return self.launch(sudo.launch(username, password, python), via)

    def launch(self, plan: Launch, via: "Context | None") -> "Context":
        """Start a slave by a plan, and return it; raises LaunchError."""
        raise NotImplementedError


class Context(Starter):
    """Handle to a running slave: calls functions on it, starts slaves through it.

    Made by a `Router`, never by hand.  For any thread except the router's own.
    """

    def __init__(self, router: "Router", link: Link) -> None:
        self._router = router
        self._link = link

    def __repr__(self) -> str:
        return f"<Context {self.name}>"

    @property
    def name(self) -> str:
        """The route to the slave, for people: "ssh.host.sudo.root"."""
        return self._link.name

    @property
    def greeting(self) -> dict[str, Any]:
        """The slave's description of itself (`econtext.target.hello`)."""
        return dict(self._link.greeting)

    def call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call `function` on the slave, and return what it returns.

        Each call has a process of its own, forked from the slave.  Arguments and
        the value returned are None, bool, int, float, text, bytes and lists,
        tuples, dicts and sets of these.  Keys and members of sets are none of the
        collections; integers among them have 64 bits at the most, and one dict or
        set has 10,000 numbers as its keys or members at the most, and all
        collections of a value have 262,144 items together.

        Raises CallError if the function raised, CallDied if its process ended,
        ConnectionLost if the slave did; TypeError for a function without an
        importable name and EncodeError for arguments of other types.
        """
        return self.start(function, *args, **kwargs).result()

    def start(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> "Future[Any]":
        """Begin a call, and return its future; cancelling that ends the call's process.

        Arguments and errors are those of `call`.
        """
        module, name = sources.importable(function)
        request = {
            "module": module,
            "function": name,
            "arguments": args,
            "keywords": kwargs,
            "offered": self._router.offered(module),
            "log_level": self._router.log_level,
        }
        return self._router.on_loop(lambda: self._open(request))

    def _open(self, request: dict[str, Any]) -> "Future[Any]":
        if not sources.is_everywhere(request["module"]):
            self._link.holdings.provide_function(request["module"])
        call = Call(self._link, request)
        call.end(0)
        call.future.add_done_callback(
            lambda future: self._router.post(call.cancelled) if future.cancelled() else None
        )
        return call.future

    def launch(self, plan: Launch, via: "Context | None") -> "Context":
        return self._router.launch(plan, via or self)

    def close(self) -> None:
        """End the slave and all that was started through it, without a wait."""
        if not self._router.closed:
            self._router.post(self._link.close)
