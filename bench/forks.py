"""For how long forks of ansible-playbook wait for its threads: `python3 -m bench.forks`.

Fifty hosts by the local connection, each with tasks that take their time, under `econtext_free`.
Of three tasks one runs in a thread, one is forked by the main thread, one by its own thread.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from bench import environment
from bench.contenders import CHECKOUT, PRODUCT_STRATEGIES
from bench.play_list import TARGET_PYTHON

CALLBACKS = Path(__file__).parent / "callbacks"

WHO = {"closed": "the main thread", "alone": "a task thread"}


def tasks(count: int) -> list[dict]:
    kinds = [
        {"command": "true"},
        {"command": "true", "timeout": 60},
        {"debug": {"msg": "{{ lookup('pipe', 'true') }}"}},
    ]
    return [kinds[number % len(kinds)] for number in range(count)]


def run(core: str, python: str, hosts: int, count: int, directory: Path) -> dict[str, list[float]]:
    """Run the play once; the seconds that forks waited, by who forked."""
    prepared = environment.prepare(python, core)
    play = [{"hosts": "all", "gather_facts": False, "tasks": tasks(count)}]
    (directory / "play.json").write_text(json.dumps(play))
    variables = {"ansible_connection": "local", "ansible_python_interpreter": TARGET_PYTHON}
    names = {f"h{number}": variables for number in range(hosts)}
    (directory / "hosts.json").write_text(json.dumps({"all": {"hosts": names}}))
    (directory / "ansible.cfg").write_text(
        f"[defaults]\nstrategy_plugins = {PRODUCT_STRATEGIES}\nstrategy = econtext_free\n"
        f"forks = {hosts}\ncallback_plugins = {CALLBACKS}\ncallbacks_enabled = bench_forks\n"
    )
    variables = {
        "ANSIBLE_CONFIG": str(directory / "ansible.cfg"),
        "ANSIBLE_ECONTEXT_PERSIST": "0",
        "BENCH_FORKS": str(directory / "forks.json"),
        "HOME": str(directory),
        "PYTHONPATH": str(CHECKOUT),
    }
    command = [prepared.ansible_playbook, "-i", "hosts.json", "play.json"]
    subprocess.run(
        command,
        cwd=directory,
        env=os.environ | variables,
        stdout=subprocess.DEVNULL,
        check=True,
        timeout=900,
    )
    return json.loads((directory / "forks.json").read_text())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--core", default="2.19")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--hosts", type=int, default=50)
    parser.add_argument("--tasks", type=int, default=12)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        waits = run(given.core, given.python, given.hosts, given.tasks, Path(directory))
    for kind, who in WHO.items():
        values = sorted(1000 * each for each in waits[kind])
        if len(values) > 1:
            tenths = statistics.quantiles(values, n=10)
            print(
                f"forks by {who}: {len(values)}, waited {statistics.median(values):.1f} ms in the "
                f"median, {tenths[-1]:.1f} at the ninth tenth, {values[-1]:.1f} at most"
            )


if __name__ == "__main__":
    main()
