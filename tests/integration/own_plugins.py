"""Runs of plays that have plugins of their users beside them, in a role, and in a collection.

The plugins are in isolated/; each run has copies of them.
"""

from __future__ import annotations

import contextlib
import functools
import json
import pathlib
import re
import shutil
from collections.abc import Mapping, Sequence
from typing import Any

from tests.support import processes
from tests.support.accounts import myself

from .normalise import normalise, text
from .parity_kept import Names, compared
from .play import ANSIBLE_PLAYBOOK, Both, Play, Result, Running, prepared
from .transports import Transport
from .warned import warned

SOURCES = pathlib.Path(__file__).resolve().parent / "isolated"

#: The copies of `does.py` below a play; their names are those in templates.
COPIES = {
    path.format(kind): "does.py"
    for path in (
        "{}_plugins/play_does.py",
        "roles/own/{}_plugins/role_does.py",
        "collections/ansible_collections/ectx/own/plugins/{}/does.py",
    )
    for kind in ("filter", "test", "lookup")
}

#: The frames of a traceback, which are ansible-core's or those of the thread that moved.
_FRAMES = re.compile(r"Traceback \(most recent call last\):.*\s(?=\S+: )", re.DOTALL)
_RUN = re.compile(r"/[^\s'\"]*?/run\d\b")

#: Where an object is, which differs by run: ansible-core 2.16 names callback plugins so.
_ADDRESS = re.compile(r"\bat 0x[0-9a-f]+\b")

#: The names in templates by who has the plugin.
NAMES = {"play": "play_does", "role": "role_does", "collection": "ectx.own.does"}

#: How each kind of plugin is called in a template; `{}` is its name, `what` its argument.
CALLS = {"filter": "what | {}", "test": "what is {}", "lookup": "lookup('{}', what)"}


def start(
    play: Play,
    *,
    directory: pathlib.Path,
    strategy: str,
    hosts: Mapping[str, Mapping[str, Any]],
    plugins: Sequence[str] = (),
    copies: Mapping[str, str] = COPIES,
    env: Mapping[str, str] | None = None,
    cfg: Mapping[str, str] | None = None,
    extra_args: Sequence[str] = (),
) -> Running:
    """Start a play that has beside it `copies` of files of isolated/, and `plugins` as they are.

    `shared` in the run's directory is for what tasks and plugins write; it is a variable of the
    play's hosts too.
    """
    shared = directory / "shared"
    every = {name: {**variables, "shared": str(shared)} for name, variables in hosts.items()}
    given = {"ECONTEXT_TEST_SHARED": str(shared), **(env or {})}
    environment = prepared(directory, strategy, every, env=given, cfg=cfg)
    (shared / "altered").mkdir(parents=True)
    shared.chmod(0o777)
    (shared / "secret").write_text("old\n", encoding="utf-8")
    for name, source in {**copies, **{name: name for name in plugins}}.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(SOURCES / source, directory / name)
    playbook = directory / "play.yml"
    playbook.write_text(json.dumps(play), encoding="utf-8")
    return Running([str(ANSIBLE_PLAYBOOK), str(playbook), *extra_args], directory, environment)


def local_hosts(count: int, scratch: pathlib.Path) -> dict[str, dict[str, Any]]:
    """Names of the controller itself, all reached by the local connection."""
    same = {
        "ansible_connection": "local",
        "ansible_python_interpreter": "/usr/bin/python3",
        "ansible_remote_tmp": str(scratch / "remote_tmp"),
        "ansible_async_dir": str(scratch / "async"),
        "ansible_pipelining": True,
    }
    return {f"host{number}": dict(same) for number in range(count)}


def run_both(
    play: Play,
    *,
    scratch: pathlib.Path,
    strategy: str,
    hosts: Mapping[str, Mapping[str, Any]],
    **options: Any,
) -> Both:
    """Run a play in both ways at once; neither run may leave a process behind."""
    ways = {"run1": "linear", "run2": strategy}
    return Both(*run_each(play, ways, scratch=scratch, hosts=hosts, **options))


def run_each(
    play: Play, strategies: Mapping[str, str], *, scratch: pathlib.Path, **options: Any
) -> list[Result]:
    """Run a play by each strategy at once, in directories by these names."""
    running = [
        start(play, directory=scratch / name, strategy=by, **options)
        for name, by in strategies.items()
    ]
    try:
        return [ended(each) for each in running]
    finally:
        for each in running:
            each.process.kill()
            each.process.wait()


def compare(
    play: Play,
    *,
    scratch: pathlib.Path,
    strategy: str,
    hosts: Mapping[str, Mapping[str, Any]],
    reached: Transport | None = None,
    more_in: str = "",
    **options: Any,
) -> Both:
    """Return both results as `run_both` does, stock's as it is kept (parity_kept.py).

    `reached` is how hosts are reached that are not local, and `more_in` what else decides.
    """

    def run(stock: Result | None) -> Both:
        if stock is None:
            return run_both(play, scratch=scratch, strategy=strategy, hosts=hosts, **options)
        way = {"run2": strategy}
        return Both(stock, *run_each(play, way, scratch=scratch, hosts=hosts, **options))

    went_in = {"play": play, "hosts": hosts, "options": options, "more": more_in}
    names = Names(scratch, None, reached or Transport("local", myself(), {}))
    return compared(went_in, names, run, alike)


def alike(both: Both) -> bool:
    """Whether all is the same that tests of both runs look at."""
    return seen(both.stock) == seen(both.ours)


def seen(result: Result) -> Any:
    shown = lines(result)
    if len(result.summary.get("hosts", ())) != 1:
        shown.sort()  # no rule orders the lines of several hosts
    return result.rc, outcomes(result), shown, told(result), result.summary


def ended(running: Running, seconds: float = 240) -> Result:
    """The result of a run that has left no process behind."""
    try:
        result = running.wait(seconds)
        # What watches an asynchronous job looks every five seconds whether that is over.
        wait = functools.partial(processes.with_environment, running.marker)
        with contextlib.suppress(AssertionError):
            processes.until(15, lambda: not wait(), "all processes have ended")
    finally:
        left = processes.with_environment(running.marker)
        processes.end(left)
    assert not left, f"left behind: {left}\n{result}"
    return result


def outcomes(result: Result) -> dict[str, list[list[Any]]]:
    """What the tasks came to, by host: name, item, status, result."""
    found: dict[str, list[list[Any]]] = {}
    for one in result.tasks:
        line = [one.task, one.item, one.status, without_run(normalise(one.result))]
        found.setdefault(one.host, []).append(line)
    return found


def without_run(value: Any) -> Any:
    """The same for both runs: without the directory of the run."""
    return json.loads(_RUN.sub("<run>", json.dumps(value)))


def lines(result: Result) -> list[str]:
    """What was shown on standard output."""
    return [text(_RUN.sub("<run>", line)).rstrip() for line in result.stdout.splitlines()]


def told(result: Result) -> list[str]:
    """The warnings and errors on standard error; of a traceback, the exception."""
    messages = [_RUN.sub("<run>", message) for message in warned(result.stderr)]
    messages = [_FRAMES.sub("Traceback: ", message) for message in messages]
    return [_ADDRESS.sub("at <address>", message) for message in messages]
