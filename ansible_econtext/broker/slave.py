"""A slave that runs, as the broker knows it, or why there is none."""

import functools
from typing import TYPE_CHECKING, Any

from econtext.controller.errors import EcontextError
from econtext.controller.link import Link
from econtext.target.loop import Loop, monotonic

if TYPE_CHECKING:
    from ansible_econtext.broker.cleanup import Cleanup
    from ansible_econtext.broker.warm_processes import WarmProcesses

#: Seconds after which a slave that was not heard of is asked whether it is still there.
_CERTAIN = 15.0


class PooledSlave:
    """A slave that runs."""

    def __init__(self, link: Link, python: str, root: bytes, loop: Loop) -> None:
        self.link = link
        #: The key of the first slave on its host.
        self.root = root
        #: The interpreter as the step named it; empty where it was looked for.
        self.python = python
        #: What paths with a tilde expand to there.
        greeting = link.greeting
        self.expanded = {"~": greeting["home"], f"~{greeting['user']}": greeting["directory"]}
        #: Directories that modules made for their temporary files.
        self.left: set[str] = set()
        #: The requests that it is at.
        self.users: set[object] = set()
        #: When it was last known to be there, by the loop's clock.
        self.seen = monotonic()
        self._loop = loop

    @functools.cached_property
    def warm_processes(self) -> "WarmProcesses":
        """Its call processes that stay."""
        from ansible_econtext.broker.warm_processes import (
            WarmProcesses,
        )  # not before the broker listens

        return WarmProcesses(self._loop)

    @functools.cached_property
    def cleanup(self) -> "Cleanup":
        """What is to be removed there before long."""
        from ansible_econtext.broker.cleanup import Cleanup

        return Cleanup(self.link, self._loop)

    @property
    def is_certain(self) -> bool:
        """Whether there is no need to ask if it is still there."""
        return bool(self.users) or monotonic() - self.seen < _CERTAIN

    def release(self, user: object) -> None:
        """A request is through with it."""
        self.users.discard(user)
        self.seen = monotonic()

    def describe(self) -> dict[str, Any]:
        """What it is, for who asks for the broker's status."""
        return {
            "name": self.link.name,
            "user": self.link.greeting["user"],
            "python": self.link.greeting["executable"],
            "process": self.link.greeting["pid"],
            "requests": len(self.users),
            "idle": monotonic() - self.seen,
        }

    def runs(self, interpreter: str) -> bool:
        """Whether it is of this interpreter."""
        return interpreter in (self.python, self.link.greeting["executable"])


class Failure:
    """Why a slave could not be had, and at which step of its way."""

    def __init__(self, hop: int, kind: str, error: EcontextError) -> None:
        self.hop = hop
        self.kind = kind
        self.error = error


def describe(failure: Failure) -> dict[str, Any]:
    """A failure as a reply's value."""
    error = failure.error
    return {
        "failed": "launch",
        "hop": failure.hop,
        "kind": failure.kind,
        "text": str(error),
        "status": getattr(error, "status", None),
        "stderr": getattr(error, "stderr", ""),
        "missing": getattr(error, "missing", None),
        "waited": getattr(error, "seconds", None),
    }
