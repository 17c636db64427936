"""One run of the real `ansible-playbook`, in a directory of its own, with its results per task."""

from __future__ import annotations

import itertools
import json
import os
import pathlib
import shutil
import subprocess
import sys
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
STRATEGIES = CHECKOUT / "plugins" / "strategy"
CALLBACKS = pathlib.Path(__file__).resolve().parent / "callback_plugins"
ANSIBLE_PLAYBOOK = pathlib.Path(sys.executable).with_name("ansible-playbook")
STOCK = ("linear", "free", "host_pinned")

Play = list[dict[str, Any]]


class TaskResult(NamedTuple):
    task: str
    host: str
    item: Any
    status: str
    result: dict[str, Any]
    play: str  # its file and line


class Result(NamedTuple):
    rc: int
    stdout: str
    stderr: str
    tasks: list[TaskResult]
    plays: list[str]  # those that began, as TaskResult.play
    said: list[str]  # on standard error during each of them; the first one's from the beginning
    summary: dict[str, Any]  # at the end: counts by host, custom statistics

    def one(self, task: str) -> TaskResult:
        """The only result of the task with this name."""
        found = [one for one in self.tasks if one.task == task]
        assert len(found) == 1, f"{task}: {len(found)} results\n{self}"
        return found[0]

    def __str__(self) -> str:
        return f"rc={self.rc}\n--- stdout\n{self.stdout}\n--- stderr\n{self.stderr}"


class Both(NamedTuple):
    """The same play, run by stock Ansible and by the strategy under test."""

    stock: Result
    ours: Result


class NotEnded(AssertionError):
    """The run in a directory has not ended in time."""

    def __init__(self, directory: pathlib.Path, text: str) -> None:
        super().__init__(text)
        self.directory = directory


class Running:
    """A started run. Its output goes to files: a process that lives on cannot keep us waiting."""

    def __init__(
        self, command: list[str], directory: pathlib.Path, env: dict[str, str], stdin: str = ""
    ) -> None:
        self.command = command
        self.env = env
        self.marker = "ECONTEXT_TEST_RUN=" + env["ECONTEXT_TEST_RUN"]
        self._directory = directory
        self._record = pathlib.Path(env["ECONTEXT_TEST_RECORD"])
        (directory / "stdin").write_text(stdin, encoding="utf-8")
        with (
            open(directory / "stdin" if stdin else os.devnull, "rb") as given,
            open(directory / "stdout", "wb") as out,
            open(directory / "stderr", "wb") as err,
        ):
            self.process = subprocess.Popen(
                command,
                cwd=directory,
                env=env,
                stdin=given,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    def wait(self, seconds: float = 200) -> Result:
        try:
            rc = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            text = f"not ended after {seconds:g} s\n{self._result(-9)}"
            raise NotEnded(self._directory, text) from None
        return self._result(rc)

    def _result(self, rc: int) -> Result:
        raw_out, raw_err = ((self._directory / name).read_bytes() for name in ("stdout", "stderr"))
        text = self._record.read_text("utf-8") if self._record.exists() else ""
        lines = [json.loads(line) for line in text.splitlines()]
        tasks = [TaskResult(**line) for line in lines if "task" in line]
        plays = [line["began"] for line in lines if "began" in line]
        begins = [line["said"] for line in lines if "began" in line]
        bounds = [0, *begins[1:], len(raw_err)]
        said = [decoded(raw_err[a:b]) for a, b in itertools.pairwise(bounds)] if plays else []
        summary = next((line["summary"] for line in lines if "summary" in line), {})
        return Result(rc, decoded(raw_out), decoded(raw_err), tasks, plays, said, summary)


def decoded(data: bytes) -> str:
    return data.decode("utf-8", errors="replace")


def start_play(
    play: Play | pathlib.Path,
    *,
    directory: pathlib.Path,
    strategy: str,
    inventory: Mapping[str, Any],
    others: Mapping[str, Any] | None = None,
    extra_args: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    cfg: Mapping[str, str] | None = None,
) -> Running:
    """Start a play (data, or a file) on the host `target`, whose variables are `inventory`.

    `others` are further hosts with their variables.

    For `directory`, `env` and `cfg` see `prepared`.
    """
    hosts = {"target": dict(inventory), **(others or {})}
    environment = prepared(directory, strategy, hosts, env=env, cfg=cfg)
    playbook = directory / "play.yml"
    if isinstance(play, pathlib.Path):
        shutil.copy(play, playbook)
    else:
        playbook.write_text(json.dumps(play), encoding="utf-8")
    return Running([str(ANSIBLE_PLAYBOOK), str(playbook), *extra_args], directory, environment)


def prepared(
    directory: pathlib.Path,
    strategy: str,
    all_hosts: Mapping[str, Any],
    *,
    env: Mapping[str, str] | None = None,
    cfg: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The environment of a run: with an inventory of these hosts, and a configuration.

    Everything that the controller writes goes into `directory`, which is emptied first. The path
    should be short: ssh's control sockets live below it. `cfg` adds to the section [defaults].
    """
    shutil.rmtree(directory, ignore_errors=True)
    for name in ("home", "local", "tmp"):
        (directory / name).mkdir(parents=True)

    hosts = directory / "hosts.json"
    hosts.touch(mode=0o600)  # it may hold passwords
    hosts.write_text(json.dumps({"all": {"hosts": all_hosts}}), encoding="utf-8")

    settings = {
        "inventory": str(hosts),
        "home": str(directory / "home"),
        "local_tmp": str(directory / "local"),
        "strategy": strategy,
        "callback_plugins": str(CALLBACKS),
        "callbacks_enabled": "record",
        "nocows": "True",
    }
    if strategy not in STOCK:
        settings["strategy_plugins"] = str(STRATEGIES)
    settings.update(cfg or {})
    config = directory / "ansible.cfg"
    lines = [f"{name} = {value}\n" for name, value in settings.items()]
    # ssh's control sockets are the one thing that does not follow Ansible's own home.
    lines.append(f"[ssh_connection]\ncontrol_path_dir = {directory}/home/cp\n")
    config.write_text("[defaults]\n" + "".join(lines), encoding="utf-8")

    environment = {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8",
        # Not a private one: stock Ansible takes `~` from here and from the user database, and
        # a local asynchronous task fails when they differ.
        "HOME": str(pathlib.Path.home()),
        "TMPDIR": str(directory / "tmp"),
        "ANSIBLE_CONFIG": str(config),
        "ECONTEXT_TEST_RECORD": str(directory / "record"),
        "ECONTEXT_TEST_RUN": uuid.uuid4().hex,
        # Tests see that nothing is left after a run; test_persist.py has brokers that stay.
        "ANSIBLE_ECONTEXT_PERSIST": "0",
    }
    environment.update({n: v for n, v in os.environ.items() if n.startswith("ANSIBLE_ECONTEXT")})
    environment.update(env or {})
    return environment


def run_play(play: Play | pathlib.Path, *, seconds: float = 200, **options: Any) -> Result:
    """Run a play to its end; options as for start_play."""
    return start_play(play, **options).wait(seconds)


def play_of(*tasks: dict[str, Any], **keywords: Any) -> Play:
    """One play on the target with these tasks; keywords are keywords of the play."""
    return [{"hosts": "target", "gather_facts": False, **keywords, "tasks": list(tasks)}]
