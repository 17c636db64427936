"""The broker's slaves, by the way that leads to them; each is started once."""

from collections.abc import Callable
from typing import Any

from ansible_econtext import ways
from econtext.controller import launch as launching
from econtext.controller.errors import ConnectionLost, EcontextError
from econtext.controller.link import Link
from econtext.target.loop import Loop

Found = Callable[["Slave | Failure"], None]


class Slave:
    """A slave that runs."""

    def __init__(self, link: Link, python: str, root: bytes) -> None:
        self.link = link
        #: The key of the first slave on its host.
        self.root = root
        #: The interpreter as the step named it; empty where it was looked for.
        self.python = python
        #: Manifests that it has imported and compiled ahead.
        self.warm: set[bytes] = set()
        #: What paths with a tilde expand to there.
        greeting = link.greeting
        self.expanded = {"~": greeting["home"], f"~{greeting['user']}": greeting["directory"]}
        #: Directories that modules made for their temporary files.
        self.left: set[str] = set()

    def runs(self, interpreter: str) -> bool:
        """Whether it is of this interpreter."""
        return interpreter in (self.python, self.link.greeting["executable"])


class Failure:
    """Why a slave could not be had, and at which step of its way."""

    def __init__(self, step: int, kind: str, error: EcontextError) -> None:
        self.step = step
        self.kind = kind
        self.error = error


class Slaves:
    """Starts slaves, and keeps them until they end."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._slaves: dict[bytes, Slave] = {}
        self._starting: dict[bytes, list[Found]] = {}
        self._roots: dict[bytes, Link] = {}
        self._attempts: dict[bytes, launching.Starting] = {}

    def all(self) -> list[Slave]:
        return list(self._slaves.values())

    @property
    def count(self) -> int:
        """How many processes of ours are there, or on their way."""
        return len(self._roots) + len(self._starting)

    def find(self, way: list[ways.Step], found: Found) -> None:
        """Call `found` with the slave at the end of the way, which is started if need be."""
        key = ways.key(way)
        if key in self._slaves:
            found(self._slaves[key])
        elif key in self._starting:
            self._starting[key].append(found)
        else:
            self._starting[key] = [found]
            self._start(way, key)

    def _start(self, way: list[ways.Step], key: bytes) -> None:
        if len(way) == 1:
            self._launch(way, key, None)
            return

        def parent_found(parent: Slave | Failure) -> None:
            if isinstance(parent, Failure):
                self._settle(key, parent)
            else:
                self._launch(way, key, parent.link)

        self.find(way[:-1], parent_found)

    def _launch(self, way: list[ways.Step], key: bytes, parent: Link | None) -> None:
        step = way[-1]

        def done(outcome: Link | EcontextError) -> None:
            self._attempts.pop(key, None)
            if isinstance(outcome, EcontextError):
                self._settle(key, Failure(len(way) - 1, step["kind"], outcome))
                return
            self._slaves[key] = Slave(outcome, step["python"], ways.key(way[:1]))
            if parent is None:
                self._roots[key] = outcome
            outcome.on_end.append(lambda error: self._ended(key))
            self._settle(key, self._slaves[key])

        plan = ways.launch(step, parent.name if parent is not None else "")
        self._attempts[key] = launching.start(self._loop, plan, parent, done)

    def _settle(self, key: bytes, outcome: "Slave | Failure") -> None:
        for found in self._starting.pop(key):
            found(outcome)

    def _ended(self, key: bytes) -> None:
        self._slaves.pop(key, None)
        self._roots.pop(key, None)

    def vacate(self, way: list[ways.Step], account: str, then: Callable[[], None]) -> None:
        """End what is idle of an account's slaves on the host of a way, then call `then`.

        Those on the way itself stay, and those that are in use.
        """
        on_the_way = {ways.key(way[: length + 1]) for length in range(len(way))}
        idle = [
            slave.link
            for key, slave in self._slaves.items()
            if slave.root == ways.key(way[:1]) and key not in on_the_way
            if slave.link.greeting["user"] == account and not slave.link.is_busy
        ]
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

    def forget(self, way: list[ways.Step]) -> None:
        """End the slave at the end of the way, and all that were started through it."""
        link = self._roots.get(ways.key(way[:1]))
        if link is not None:
            link.close()
            link.fail(ConnectionLost(link.name, "the connection was reset"))

    def close(self) -> None:
        """End all slaves."""
        for attempt in list(self._attempts.values()):
            attempt.abandon()
        for link in list(self._roots.values()):
            link.close()

    def kill(self) -> None:
        """End the processes of this machine that lead to slaves."""
        for link in list(self._roots.values()):
            link.process.kill()


def describe(failure: Failure) -> dict[str, Any]:
    """A failure as a reply's value."""
    error = failure.error
    return {
        "failed": "launch",
        "step": failure.step,
        "kind": failure.kind,
        "text": str(error),
        "status": getattr(error, "status", None),
        "stderr": getattr(error, "stderr", ""),
        "missing": getattr(error, "missing", None),
        "waited": getattr(error, "seconds", None),
    }
