#!/usr/bin/env python3
"""Run examples/site.yml on this host, first under `linear`, then under `econtext`, and compare.

Run by `make demo` with the Python of an environment that has ansible-core. Standard library only.
Everything that is written goes into one temporary directory, which is removed at the end.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple, NoReturn

CHECKOUT = pathlib.Path(__file__).resolve().parent.parent
PLAY = CHECKOUT / "examples" / "site.yml"
PLUGINS = CHECKOUT / "plugins" / "strategy"
ANSIBLE_PLAYBOOK = pathlib.Path(sys.executable).parent / "ansible-playbook"
LONGEST_RUN = 600  # seconds

CONFIG = """\
[defaults]
inventory = {scratch}/hosts
home = {scratch}/ansible
local_tmp = {scratch}/local
remote_tmp = {scratch}/remote
retry_files_enabled = False
strategy = {strategy}
"""

# The interpreter is named, as Ansible does for its implicit localhost: no time is spent on
# finding one, and both runs use the same.
HOSTS = "localhost ansible_connection=local ansible_python_interpreter={python}\n"


class Run(NamedTuple):
    strategy: str
    tasks: int
    changed: int
    seconds: float


def fail(words: str) -> NoReturn:
    print(f"\ndemo: {words}", file=sys.stderr)
    sys.exit(1)


def environment(scratch: pathlib.Path, config: pathlib.Path) -> dict[str, str]:
    """The caller's environment without any setting of Ansible's, at home in the scratch."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    env.update(ANSIBLE_CONFIG=str(config), HOME=str(scratch), TMPDIR=str(scratch))
    env.update(ANSIBLE_ECONTEXT_PERSIST="0")  # the directory is removed at the end
    return env


def configure(scratch: pathlib.Path, strategy: str) -> pathlib.Path:
    text = CONFIG.format(scratch=scratch, strategy=strategy)
    if strategy == "econtext":
        text += f"strategy_plugins = {PLUGINS}\n"
    config = scratch / f"{strategy}.cfg"
    config.write_text(text, encoding="utf-8")
    return config


def counts(output: str) -> tuple[int, int]:
    """Tasks and changed tasks from the recap, whose line ends the output of every run."""
    recap = re.findall(r"^localhost\s*: (.*)$", output, re.MULTILINE)
    if not recap:
        fail("the play's output has no recap")
    numbers = {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", recap[-1])}
    return numbers["ok"] + numbers["skipped"], numbers["changed"]


def run_play(scratch: pathlib.Path, strategy: str) -> Run:
    dest = scratch / "service"
    shutil.rmtree(dest, ignore_errors=True)
    command = [str(ANSIBLE_PLAYBOOK), str(PLAY), "-e", f"dest={dest}"]
    env = environment(scratch, configure(scratch, strategy))

    print(f"Running {PLAY.name} under {strategy} ...", flush=True)
    start = time.monotonic()
    try:
        done = subprocess.run(
            command,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=LONGEST_RUN,
        )
    except subprocess.TimeoutExpired:
        fail(f"the run under {strategy} had not ended after {LONGEST_RUN} seconds")
    seconds = time.monotonic() - start
    if done.returncode != 0:
        print(done.stdout)
        fail(f"the run under {strategy} failed (exit status {done.returncode}); no comparison")
    return Run(strategy, *counts(done.stdout), seconds)


def table(runs: list[Run]) -> str:
    lines = [f"{'strategy':<10} {'tasks':>6} {'changed':>8} {'wall time':>10} {'factor':>7}"]
    for name, tasks, changed, seconds in runs:
        factor = runs[0].seconds / seconds
        lines.append(f"{name:<10} {tasks:>6} {changed:>8} {seconds:>8.2f} s {factor:>7.2f}")
    return "\n".join(lines)


def main() -> None:
    if not ANSIBLE_PLAYBOOK.exists():
        fail(f"no ansible-playbook beside {sys.executable}: run this with `make demo`")
    if not (PLUGINS / "econtext.py").exists():
        fail("plugins/strategy/econtext.py is missing: this checkout is not complete")

    with tempfile.TemporaryDirectory(prefix="econtext-demo-") as name:
        scratch = pathlib.Path(name)
        (scratch / "hosts").write_text(HOSTS.format(python=sys.executable), encoding="utf-8")
        # One untimed start, so that the first timed run does not pay for a cold disk cache.
        check = subprocess.run(
            [str(ANSIBLE_PLAYBOOK), "--syntax-check", str(PLAY), "-e", "dest=/nowhere"],
            env=environment(scratch, configure(scratch, "linear")),
            stdout=subprocess.DEVNULL,
            timeout=LONGEST_RUN,
        )
        if check.returncode != 0:
            fail("ansible-playbook cannot read the play (its words are above)")
        runs = [run_play(scratch, strategy) for strategy in ("linear", "econtext")]

    print(f"\n{table(runs)}")
    stock, ours = runs
    if (stock.tasks, stock.changed) != (ours.tasks, ours.changed):
        fail("the two runs did not do the same")


if __name__ == "__main__":
    main()
