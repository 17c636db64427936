"""Context: the handle to a slave."""

import functools
from collections.abc import Callable
from concurrent.futures import Future
from importlib import metadata
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from econtext.controller import sources
from econtext.controller.call_channel import CallChannel, ExchangingCall, Stream
from econtext.controller.call_session import CallSession, ServingCall
from econtext.controller.channels import Call
from econtext.controller.emulated_ssh import EmulatedSSH
from econtext.controller.launch import Launch
from econtext.controller.link import Link
from econtext.controller.methods import (
    buildah,
    chroot,
    doas,
    docker,
    incus,
    jail,
    kubectl,
    local,
    lxc,
    lxd,
    nsenter,
    podman,
    ssh,
    su,
    sudo,
)

if TYPE_CHECKING:
    from econtext.controller.router import Router

P = ParamSpec("P")
C = TypeVar("C", bound=Call)

#: Group of entry points by which other packages add methods: each is a function that returns a
#: Launch, under the name that the method gets.
ENTRY_POINTS = "econtext.methods"


def _method(
    plan: Callable[P, Launch],
) -> Callable[Concatenate["Starter", P], "Context"]:
    """Return a method of `Starter` that starts a slave by what `plan` returns."""

    @functools.wraps(plan)
    def method(starter: "Starter", /, *args: P.args, **kwargs: P.kwargs) -> "Context":
        return starter.launch(plan(*args, **kwargs))

    return method


class Starter:
    """Base of what starts slaves: a router, or a context, which does so through its own slave.

    Each method takes the arguments of a file in `methods/` and returns a context.  It raises
    LaunchError with the words of the command, PasswordError for a refused password, and ValueError
    for arguments that no command can have.
    """

    buildah = _method(buildah.launch)
    chroot = _method(chroot.launch)
    doas = _method(doas.launch)
    docker = _method(docker.launch)
    incus = _method(incus.launch)
    jail = _method(jail.launch)
    kubectl = _method(kubectl.launch)
    local = _method(local.launch)
    lxc = _method(lxc.launch)
    lxd = _method(lxd.launch)
    nsenter = _method(nsenter.launch)
    podman = _method(podman.launch)
    ssh = _method(ssh.launch)
    su = _method(su.launch)
    sudo = _method(sudo.launch)

    def __getattr__(self, name: str) -> Callable[..., "Context"]:
        """Return a method that another package adds (`ENTRY_POINTS`)."""
        if not name.startswith("_"):
            for found in metadata.entry_points(group=ENTRY_POINTS, name=name):
                return functools.partial(_method(found.load()), self)
        raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")

    def launch(self, plan: Launch) -> "Context":
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
        return self._begin(_call_without_input, function, args, kwargs).future

    def stream(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Stream:
        """Call a generator function on the slave, and return an iterator over what it yields.

        The generator goes on while the caller is no more than a window behind.  Arguments, values
        and errors are those of `call`.
        """
        entry = functools.partial(ExchangingCall, "stream")
        return Stream(self._router, self._begin(entry, function, args, kwargs))

    def channel(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> CallChannel:
        """Call `function` with its end of a channel and the arguments; return the other end.

        Arguments, values and errors are those of `call`.
        """
        entry = functools.partial(ExchangingCall, "channel")
        return CallChannel(self._router, self._begin(entry, function, args, kwargs))

    def _begin(
        self,
        kind: Callable[[Link, dict[str, Any]], C],
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> C:
        module, name = sources.importable(function)
        request = {
            "module": module,
            "function": name,
            "arguments": args,
            "keywords": kwargs,
            "offered": self._router.offered(module),
            "log_level": self._router.log_level,
        }
        return self._router.on_loop(lambda: self._open(kind, request))

    def _open(self, kind: Callable[[Link, dict[str, Any]], C], request: dict[str, Any]) -> C:
        if not sources.is_everywhere(request["module"]):
            self._link.holdings.provide_function(request["module"])
        call = kind(self._link, request)
        call.future.add_done_callback(
            lambda future: self._router.post(call.cancelled) if future.cancelled() else None
        )
        return call

    def session(self) -> CallSession:
        """Begin a call process that stays, for calls that run in it one after another.

        Raises ConnectionLost if the slave has ended.
        """
        serving = self._router.on_loop(lambda: ServingCall(self._link, self._router.log_level))
        return CallSession(self._router, self.name, serving)

    def emulated_ssh(self) -> EmulatedSSH:
        """Return a program in the place of ssh, for rsync, git, scp and sftp.

        Whatever host its arguments name, their command runs on this slave, as its account.
        Raises OSError if the program cannot be made.
        """
        return EmulatedSSH(self._router, self._link)

    def launch(self, plan: Launch) -> "Context":
        return self._router.launch_through(self, plan)

    def close(self) -> None:
        """End the slave and all that was started through it, without a wait."""
        if not self._router.closed:
            self._router.post(self._link.close)


def _call_without_input(link: Link, request: dict[str, Any]) -> Call:
    call = Call(link, request)
    call.end(0)
    return call
