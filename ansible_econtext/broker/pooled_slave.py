"""A running slave in the broker's pool, or the failure to get one."""

import functools
from typing import TYPE_CHECKING, Any

from ansible_econtext.client import messages
from econtext.controller.errors import EcontextError, LaunchTimeout, PasswordError, Stage
from econtext.controller.link import Link
from econtext.target.loop import Loop, monotonic

if TYPE_CHECKING:
    from ansible_econtext.broker.host_ssh import HostSSH
    from ansible_econtext.broker.request import RequestHandler
    from ansible_econtext.broker.warm_processes import WarmProcesses

#: Seconds since its last request after which the broker pings a slave before it is used.
_CERTAIN = 15.0

#: Seconds after which a slave is old: the rights of its login and of its sudo were checked then.
_YOUNG = 900.0

#: Directories that are kept for a slave, and the length of one's path.
_MAX_LEFT = 10_000
_MAX_PATH = 4096


class PooledSlave:
    """Running slave, with all that the broker keeps for it."""

    def __init__(
        self,
        link: Link,
        python: str,
        path: tuple[bytes, ...],
        loop: Loop,
        login: bytes = b"",
        host: bytes = b"",
        is_in_container: bool = False,
    ) -> None:
        self.link = link
        #: The key of the route to its host.
        self.host = host
        #: Whether its root directory may be one that this machine is to unmount.
        self.is_in_container = is_in_container
        #: The routes' keys of the slaves that lead to it: from the first one, to itself.
        self.path = path
        #: The key of the one that its account's login started, under another Python maybe.
        self.login = login
        #: The interpreter as the hop named it; empty if the first stage looked for one.
        self.python = python
        greeting = link.greeting
        #: Its own paths with a tilde, and what they expand to on the host.
        self.expanded = {"~": greeting["home"], f"~{greeting['user']}": greeting["directory"]}
        #: Directories that modules made for their temporary files.
        self.left: set[str | bytes] = set()
        #: The requests that use it now.
        self.users: set[RequestHandler[Any] | HostSSH] = set()
        #: When it was last known to run, by the loop's clock.
        self.seen = monotonic()
        self._began = self.seen
        self.loop = loop

    @functools.cached_property
    def warm_processes(self) -> "WarmProcesses":
        """Its warm processes."""
        # Not before the broker listens.
        from ansible_econtext.broker.warm_processes import WarmProcesses

        return WarmProcesses(self.loop)

    @property
    def is_certain(self) -> bool:
        """Whether it may be used without a ping."""
        return bool(self.users) or monotonic() - self.seen < _CERTAIN

    @property
    def is_old(self) -> bool:
        """Whether its account may have lost rights that it had at its start."""
        return monotonic() - self._began > _YOUNG

    @property
    def is_spent(self) -> bool:
        """Whether it has been used, and is not in use now."""
        return self.link.round_trips > 0 and not self.users

    @property
    def is_tidying(self) -> bool:
        """Whether it is in use for removals alone, of tasks that are over."""
        return bool(self.users) and all(user.tidies_up for user in self.users)

    def leaves(self, paths: Any) -> None:
        """Note directories that a module made; raises ValueError unless they are paths."""
        if type(paths) is not list or not all(type(path) in (str, bytes) for path in paths):
            raise ValueError("directories that are no list of paths")
        if any(len(path) > _MAX_PATH for path in paths):
            raise ValueError("a longer path than a module makes")
        # A Python 2 has byte strings where the others have text.  No task fails for more of them.
        self.left.update(paths[: max(0, _MAX_LEFT - len(self.left))])

    def release(self, user: "RequestHandler[Any] | HostSSH") -> None:
        """Note that a request has ended and that the slave runs."""
        self.users.discard(user)
        self.seen = monotonic()

    def status(self) -> messages.SlaveStatus:
        """Return its entry in the broker's status."""
        greeting = self.link.greeting
        return messages.SlaveStatus(
            name=self.link.name,
            user=greeting["user"],
            python=greeting["executable"],
            process=greeting["pid"],
            requests=len(self.users),
            idle=monotonic() - self.seen,
        )

    def runs(self, interpreter: str) -> bool:
        """Return whether this interpreter is its own."""
        return interpreter in (self.python, self.link.greeting["executable"])


def failure(hop: int, kind: str, error: EcontextError) -> messages.NotReached:
    """Return the failure to start a slave at the hop of this number in its route."""
    return messages.NotReached(
        code=_code_of(error),
        # Without the library's advice: Ansible has words of its own for people.
        text=EcontextError.__str__(error),
        hop=hop,
        hop_kind=kind,
        status=getattr(error, "status", None),
        stderr=getattr(error, "stderr", ""),
        seconds=getattr(error, "seconds", None),
    )


def _code_of(error: EcontextError) -> messages.FailureCode:
    codes = messages.FailureCode
    if isinstance(error, PasswordError):
        return codes.PASSWORD_MISSING if error.missing else codes.PASSWORD_REFUSED
    if getattr(error, "stage", None) is Stage.COMMAND:
        return codes.NOT_RUN
    return codes.TIMEOUT if isinstance(error, LaunchTimeout) else codes.NOT_STARTED
