"""One run of one target under one strategy, by ansible-test."""

from __future__ import annotations

import enum
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
from typing import NamedTuple

from support import processes

from . import homes
from .source import VARIABLES, Tree

#: In place of the caller's own PATH: a version manager's stand-ins in it would be taken for
#: Pythons by the interpreter discovery.
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


#: Records of what was run, a line of JSON each.
OUTCOMES = "outcomes.jsonl"


class Outcome(enum.Enum):
    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


class Way(enum.Enum):
    """How a target is run."""

    STOCK = "stock"
    #: Under the econtext strategy.
    ECONTEXT = "econtext"
    #: Under the stock strategy, with connection plugins that shadow the stock ones.
    SHADOW = "shadow"


class Trial(NamedTuple):
    outcome: Outcome
    seconds: float
    #: Requests that slaves were sent: how much of the target was about econtext.
    requests: int
    log: pathlib.Path


class Bench:
    """Runs targets, with plugins out of the directory `plugins`.

    `port` is that of an sshd by which to reach the target's host, or None.
    """

    def __init__(
        self, tree: Tree, plugins: pathlib.Path, timeout: float, verbosity: int, port: int | None
    ) -> None:
        self._tree = tree
        self._plugins = plugins
        self._timeout = timeout
        self._verbosity = verbosity
        self._port = port
        self._logs = tree.root.with_name("logs")
        self._logs.mkdir(exist_ok=True)

    def run(self, target: str, way: Way) -> Trial:
        name = f"{target}.ssh" if self._port else target
        log = self._logs / f"{name}.{way.value}.log"
        trace = self._logs / f"{name}.{way.value}.trace"
        trace.unlink(missing_ok=True)
        print(f"{target} {way.value}", end=" ", file=sys.stderr, flush=True)
        start = time.monotonic()
        with homes.removed(), open(log, "wb") as output:
            status = self._ansible_test(target, self._variables(way, trace), output)
        trial = Trial(
            _outcome(status, log.read_text(errors="replace")),
            time.monotonic() - start,
            _requests(trace),
            log,
        )
        print(f"{trial.outcome.value} {trial.seconds:.0f} s", file=sys.stderr, flush=True)
        self._record(target, way, trial)
        return trial

    def _record(self, target: str, way: Way, trial: Trial) -> None:
        """For the table of all that was run; the last record of a target counts."""
        record = {
            "target": target,
            "transport": "ssh" if self._port else "local",
            "way": way.value,
            "outcome": trial.outcome.value,
            "requests": trial.requests,
            "seconds": round(trial.seconds),
        }
        with open(self._tree.root.with_name(OUTCOMES), "a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")

    def _variables(self, way: Way, trace: pathlib.Path) -> dict[str, str]:
        if way is Way.STOCK:
            return {}
        if way is Way.SHADOW:
            ours = {"ANSIBLE_CONNECTION_PLUGINS": str(self._plugins / "shadow")}
        else:
            ours = {
                "ANSIBLE_STRATEGY": "econtext",
                "ANSIBLE_STRATEGY_PLUGINS": str(self._plugins / "strategy"),
            }
        return {**ours, "ANSIBLE_ECONTEXT_TRACE": str(trace)}

    def _ansible_test(self, target: str, variables: dict[str, str], output: object) -> int:
        python = self._tree.python
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        argv: list[str | pathlib.Path] = [python, self._tree.commands / "ansible-test"]
        argv += ["integration", target, "--color", "no", "--truncate", "0"]
        argv += ["--allow-destructive", "--allow-root", "--allow-unsupported", "--allow-unstable"]
        argv += ["--controller", f"origin:python={version}@{python}"]
        where = f"ssh:root@localhost:{self._port}," if self._port else "controller:"
        argv += ["--target", f"{where}python={version}@{python}"]
        argv += ["-" + "v" * self._verbosity] if self._verbosity else []
        path = os.pathsep.join([str(python.parent), str(self._tree.commands), _SYSTEM_PATH])
        others = {name: os.environ[name] for name in os.environ if name not in VARIABLES}
        process = subprocess.Popen(
            argv,
            cwd=self._tree.root,
            env={**others, **variables, "PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=output,  # type: ignore[call-overload]
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            return process.wait(self._timeout)
        except subprocess.TimeoutExpired:
            return 124  # what timeout(1) says
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End what is left of a run: what has its session or is a descendant."""
    processes.end(processes.family(process.pid))
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def _outcome(status: int, log: str) -> Outcome:
    if status != 0:
        return Outcome.FAILED
    return Outcome.SKIPPED if "All targets skipped." in log else Outcome.PASSED


def _requests(trace: pathlib.Path) -> int:
    if not trace.exists():
        return 0
    lines = trace.read_text(encoding="utf-8").splitlines()
    return sum("action" in json.loads(line) for line in lines)
