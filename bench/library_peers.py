"""Contenders of `bench/library.py`: how each library reaches a place, and calls a function there.

Each is used by its documented interface, in its quickest form, and as it comes: Mitogen and
execnet have ssh compress, unless the name says otherwise.
"""

import contextlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from bench import called, called_by_execnet

#: Begins a call of a function with arguments, and returns a function that waits for its result.
Start = Callable[..., Callable[[], Any]]

#: Nothing of the user's ssh configuration or known hosts; no warning on the terminal.
SSH_OPTIONS = (
    *("-F", "none", "-o", "UserKnownHostsFile=/dev/null"),
    *("-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR"),
)


@dataclass(frozen=True)
class Place:
    """Where calls run: so many slaves deep, the first one behind ssh if there is a port."""

    python: str
    depth: int = 1
    port: int = 0
    user: str = ""
    key: str = ""

    @property
    def hops(self) -> int:
        """Slaves on this machine, behind the one that ssh starts."""
        return self.depth - bool(self.port)


@contextlib.contextmanager
def econtext_at(place: Place) -> Iterator[Any]:
    import econtext

    with econtext.Router() as router:
        reached: Any = router
        if place.port:
            reached = router.ssh(
                "127.0.0.1",
                port=place.port,
                username=place.user,
                identity_file=place.key,
                python=place.python,
                ssh_args=SSH_OPTIONS,
            )
        for _ in range(place.hops):
            reached = reached.local(place.python)
        yield reached


@contextlib.contextmanager
def isolated(place: Place) -> Iterator[Start]:
    with econtext_at(place) as context:
        yield lambda function, *arguments: context.start(function, *arguments).result


@contextlib.contextmanager
def in_session(place: Place) -> Iterator[Start]:
    with econtext_at(place) as context, context.session() as session:
        yield lambda function, *arguments: session.start(function, *arguments).result


@contextlib.contextmanager
def by_mitogen(place: Place, compression: bool = True) -> Iterator[Start]:
    import mitogen.master

    broker = mitogen.master.Broker()
    try:
        router = mitogen.master.Router(broker)
        context: Any = None
        if place.port:
            context = router.ssh(
                hostname="127.0.0.1",
                port=place.port,
                username=place.user,
                identity_file=place.key,
                python_path=place.python,
                check_host_keys="ignore",
                compression=compression,
                ssh_args=[*SSH_OPTIONS],
            )
        for _ in range(place.hops):
            via = {} if context is None else {"via": context}
            context = router.local(python_path=place.python, **via)

        def start(function: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
            receiver = context.call_async(function, *arguments)
            return lambda: receiver.get().unpickle()

        yield start
    finally:
        broker.shutdown()
        broker.join()


@contextlib.contextmanager
def by_mitogen_uncompressed(place: Place) -> Iterator[Start]:
    with by_mitogen(place, compression=False) as start:
        yield start


@contextlib.contextmanager
def execnet_at(place: Place) -> Iterator[Any]:
    import execnet

    group = execnet.Group()
    try:
        gateway = None
        if place.port:
            options = " ".join([*SSH_OPTIONS, "-o", "IdentitiesOnly=yes", "-i", place.key])
            login = f"-p {place.port} {options} {place.user}@127.0.0.1"
            gateway = group.makegateway(f"ssh={login}//python={place.python}")
        for _ in range(place.hops):
            via = "" if gateway is None else f"//via={gateway.id}"
            gateway = group.makegateway(f"popen//python={place.python}{via}")
        yield gateway
    finally:
        group.terminate(timeout=5.0)


@contextlib.contextmanager
def by_execnet(place: Place) -> Iterator[Start]:
    """One `remote_exec` for each call, as execnet has no other call."""
    forms: dict[Callable[..., Any], tuple[Callable[..., Any], str]] = {
        called.nothing: (called_by_execnet.nothing, ""),
        called.take: (called_by_execnet.take, "data"),
        called.give: (called_by_execnet.give, "size"),
    }
    with execnet_at(place) as gateway:

        def start(function: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
            form, keyword = forms[function]
            keywords = {keyword: arguments[0]} if keyword else {}
            return gateway.remote_exec(form, **keywords).receive

        yield start


@contextlib.contextmanager
def on_channel(place: Place) -> Iterator[Start]:
    """One `remote_exec` for all, and an item on its channel in place of a call."""
    with execnet_at(place) as gateway:
        channel = gateway.remote_exec(called_by_execnet.again_and_again)

        def start(function: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
            channel.send(arguments[0] if arguments else None)
            return channel.receive

        yield start


@dataclass(frozen=True)
class Contender:
    """A library, and a way to call by it."""

    reach: Callable[[Place], contextlib.AbstractContextManager[Start]]
    #: The package to install; none for this checkout.
    package: str = ""
    #: Whether a target imports the controller's modules by itself.
    imports: bool = True
    #: Whether it differs from the others without ssh.
    is_local: bool = True


ISOLATED, SESSION = "econtext, isolated", "econtext, session"
OWN_LOOP = "execnet, own loop"

CONTENDERS: dict[str, Contender] = {
    ISOLATED: Contender(isolated),
    SESSION: Contender(in_session),
    "mitogen": Contender(by_mitogen, "mitogen"),
    "mitogen, uncompressed": Contender(by_mitogen_uncompressed, "mitogen", is_local=False),
    "execnet, remote_exec": Contender(by_execnet, "execnet", imports=False),
    OWN_LOOP: Contender(on_channel, "execnet", imports=False),
}


def python_with(package: str) -> str:
    """Return a Python that has the package; "" if it cannot be installed."""
    from bench import environment

    if not package:
        return sys.executable
    try:
        return str(environment.prepare_tool(sys.executable, package) / "bin" / "python")
    except environment.NotPreparedError as error:
        print(error)
        return ""
