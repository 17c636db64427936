"""Runs many cases at once, in the stock way and in the way under test.

Each group of cases (`parity_cases.group_of`) is run in each way for each transport: from the
same state, with the same paths. The results are cut apart by the file that a play is from.
"""

from __future__ import annotations

import concurrent.futures
import hashlib
import os
import pathlib
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from .accounts import Accounts
from .parity_cases import DIRECTORY, Case, Group, group_of
from .parity_kept import Kept, Names, new_id
from .play import Result, Running, TaskResult, start_play
from .transports import Transport, not_in_the_home

#: Of the target, in place of one that is found there.
INTERPRETER = os.environ.get("ECONTEXT_TEST_INTERPRETER")

#: What shares a run: the group, and the name of the transport.
Key = tuple[Group, str]


class Way(NamedTuple):
    """How plays are run."""

    strategy: str
    settings: Mapping[str, str] = {}  # more of ansible.cfg's section [defaults]
    variables: Mapping[str, Any] = {}  # more of the hosts that the transport leads to


class Results(NamedTuple):
    """The same cases, run in all ways."""

    by_way: list[Result]  # the stock one first
    last: Case  # of those that were to be run
    python: str  # the interpreter on the target, where the transport names one
    renew: Callable[[], list[Result]] | None  # where stock's is kept: runs all ways


class Pair(NamedTuple):
    """The same cases, run both ways."""

    ours: Result
    stock: Result
    last: Case
    python: str


class Runs:
    """The runs of a session, two groups at a time: a run of one host leaves a core idle."""

    def __init__(
        self,
        scratch: pathlib.Path,
        ways: Sequence[Way],
        accounts: Accounts | None,
        group_of: Callable[[Case], Group] = group_of,
    ) -> None:
        self._scratch = scratch
        self._ways = ways  # the stock one first
        self._accounts = accounts
        self._group_of = group_of
        self._pool = concurrent.futures.ThreadPoolExecutor(max_workers=2)
        self._results: dict[Key, concurrent.futures.Future[Results]] = {}
        self._kept = Kept()
        self._running: set[Running] = set()
        self._ending = False
        make_sources(scratch / "sources")

    def start(self, cases: Iterable[tuple[Case, Transport]]) -> None:
        """Begin the runs of these cases, each of them once."""
        together: dict[Key, list[Case]] = {}
        reached: dict[str, Transport] = {}
        for case, transport in cases:
            reached[transport.name] = transport
            members = together.setdefault((self._group_of(case), transport.name), [])
            if case not in members:
                members.append(case)
        # The longest one that is begun last would leave a core idle.
        longest_first = sorted(together.items(), key=lambda item: -len(item[1]))
        for key, members in longest_first:
            # Short, for ssh's control sockets, and the same whatever else is run.
            name = hashlib.sha256(repr(key).encode()).hexdigest()[:6]
            directory = self._scratch / name
            self._results[key] = self._pool.submit(
                self._run_all, key[0], reached[key[1]], members, directory
            )

    def pair(self, case: Case, transport: str, ours: Way) -> Pair:
        """Both results of the runs that the case is part of, when they have ended."""
        found = self._results[self._group_of(case), transport].result()
        own = found.by_way[self._ways.index(ours)]
        return Pair(own, found.by_way[0], found.last, found.python)

    def renewed(self, case: Case, transport: str) -> bool:
        """Run all ways anew where stock's result was a kept one; False where it was not."""
        key = self._group_of(case), transport
        found = self._results[key].result()
        if found.renew is None:
            return False
        future: concurrent.futures.Future[Results] = concurrent.futures.Future()
        future.set_result(found._replace(by_way=found.renew(), renew=None))
        self._results[key] = future
        return True

    def end(self) -> None:
        """Begin nothing more, and end what still runs."""
        self._ending = True
        self._pool.shutdown(wait=False, cancel_futures=True)
        for running in list(self._running):
            running.process.kill()
        self._pool.shutdown()

    def _run_all(
        self, group: Group, transport: Transport, cases: list[Case], directory: pathlib.Path
    ) -> Results:
        def run(way: Way) -> Result:
            return self._run(group, transport, cases, way, directory)

        def run_all() -> list[Result]:
            stock = run(self._ways[0])
            self._kept.put(path, names, stock)
            return [stock, *map(run, self._ways[1:])]

        names = Names(self._scratch, self._accounts, transport)
        path = self._kept.path(self._went_in(group, transport, cases, directory), names)
        kept = self._kept.get(path, names)
        by_way = [kept, *map(run, self._ways[1:])] if kept else run_all()
        python = transport.variables.get("ansible_python_interpreter", "")
        return Results(by_way, cases[-1], python, run_all if kept else None)

    def _went_in(
        self, group: Group, transport: Transport, cases: list[Case], directory: pathlib.Path
    ) -> dict[str, Any]:
        """Return the inputs of a run in the stock way, besides those that all runs share."""
        return {
            "group": group,
            "way": [dict(each) if isinstance(each, Mapping) else each for each in self._ways[0]],
            "hosts": self._hosts(transport, self._ways[0]),
            "account": transport.account.name,
            "cases": [
                (self._variables(case, directory), case.path.read_text(encoding="utf-8"))
                for case in cases
            ],
        }

    def _run(
        self,
        group: Group,
        transport: Transport,
        cases: list[Case],
        way: Way,
        directory: pathlib.Path,
    ) -> Result:
        if self._ending:
            raise RuntimeError("the session ends")
        remote = directory / "remote"
        shutil.rmtree(directory, ignore_errors=True)
        remote.mkdir(parents=True)
        (directory / "fetched").mkdir()
        imports = []
        for case in cases:
            (remote / case.path.stem).mkdir()
            given = self._variables(case, directory)
            imports.append({"ansible.builtin.import_playbook": str(case.path), "vars": given})
        for path in (remote, *remote.iterdir()):
            os.chown(path, transport.account.uid, transport.account.gid)
        hosts = self._hosts(transport, way)
        running = start_play(
            imports,
            directory=directory / "run",
            strategy=way.strategy,
            inventory=hosts.pop("target"),
            others=hosts,
            cfg={
                "collections_path": str(DIRECTORY / "collections"),
                "library": str(self._scratch / "sources" / "library"),
                **way.settings,
            },
            env=dict(setting.split("=", 1) for setting in group.settings),
        )
        self._running.add(running)
        try:
            return running.wait(300 + 30 * len(cases))  # a limit for what hangs, however slow
        finally:
            self._running.discard(running)

    def _variables(self, case: Case, directory: pathlib.Path) -> dict[str, Any]:
        """What a case may use."""
        return {
            # its own directory on the target
            "remote": str(directory / "remote" / case.path.stem),
            # its own directory on the controller, not there yet
            "fetched": str(directory / "fetched" / case.path.stem),
            # files on the controller, made by make_sources
            "sources": str(self._scratch / "sources"),
            # the directory of the case's file
            "beside": str(case.path.parent),
            # an unprivileged account that nobody logs in to; empty where there is no root
            "other_user": self._accounts.bare.name if self._accounts else "",
            # a name and a number for an account that a case makes and removes
            "new_user": f"ectx{os.getpid()}new",
            "new_id": new_id(),
        }

    def _hosts(self, transport: Transport, way: Way) -> dict[str, Any]:
        python = {"ansible_python_interpreter": INTERPRETER} if INTERPRETER else {}
        pipelining = {"ansible_pipelining": True}
        same = python | transport.variables | pipelining | dict(way.variables)
        local = {"ansible_connection": "local", **pipelining, **python}
        nowhere = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
        return {
            "target": same,
            # further names of the same account on the same machine
            "second": same,
            "third": same,
            # the controller, without any become
            "near": local | not_in_the_home(self._scratch),
            # nobody answers there
            "unreachable": nowhere,
        }


def make_sources(directory: pathlib.Path) -> None:
    """The files on the controller that the cases send."""
    tree = directory / "tree"
    tree.mkdir(parents=True)
    (tree / "one").write_text("1\n", encoding="utf-8")
    (tree / "two").write_text("2 ☃\n", encoding="utf-8")
    with tarfile.open(directory / "tree.tar.gz", "w:gz") as archive:
        archive.add(tree, "packed")
    (directory / "text").write_text("text\n", encoding="utf-8")
    # Larger than any buffer on the way, and every byte there is.
    (directory / "binary").write_bytes(bytes(range(256)) * 1200)
    (directory / "template.j2").write_text("{% for v in values %}{{ v }}\n{% endfor %}", "utf-8")
    (directory / "who.sh").write_text("#!/bin/sh\nid -un; echo $HOME; pwd\n", "utf-8")
    make_compiled_module(directory / "library")
    (directory / "key.pub").write_text("ssh-ed25519 " + "A" * 68, encoding="utf-8")


def make_compiled_module(directory: pathlib.Path) -> None:
    """The module `compiled`, where there is a compiler."""
    directory.mkdir()
    compiler = shutil.which("gcc")
    if compiler:
        source = str(DIRECTORY / "modules" / "compiled.c")
        command = [compiler, "-o", str(directory / "compiled"), source]
        subprocess.run(command, check=True, timeout=60)


def tasks_of(case: Case, result: Result) -> dict[str, list[TaskResult]]:
    """What the case's tasks came to, by host: the order between hosts is nobody's choice.

    Without the attempts in between: how often a job is polled depends on the machine.
    """
    found: dict[str, list[TaskResult]] = {}
    for task in result.tasks:
        if is_from(case, task.play) and task.status != "retry":
            found.setdefault(task.host, []).append(task)
    return found


def said_of(case: Case, result: Result) -> list[str]:
    """What was said on standard error while the case's plays ran."""
    both = zip(result.plays, result.said, strict=True)
    return [said for play, said in both if is_from(case, play)]


def is_from(case: Case, play: str) -> bool:
    """Whether a play, a file with a line number, is from the case's file."""
    return play.rpartition(":")[0] == str(case.path)


def names_of(plays: list[str]) -> list[str]:
    """The plays as cases, for a message."""
    return [str(pathlib.Path(p.rpartition(":")[0]).relative_to(DIRECTORY)) for p in plays]
