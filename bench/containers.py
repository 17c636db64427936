"""Tasks in a container: `python3 -m bench.containers --rounds 5`.

The container is this machine by chroot, which is the fastest way in that there is: what a docker or
podman takes to start a command comes on top for who starts one for each task.  Contenders are the
stock connection with pipelining, and this checkout.  For root.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

from bench import scale
from bench.contenders import CONTENDERS, Contender
from bench.play_list import TARGET_PYTHON
from bench.roles import public

PLAYS = {
    "50 pings": [{"ping": {}}] * 50,
    "loop of 100": [{"command": "true", "loop": list(range(100))}],
}


def seconds_of(contender: Contender, tasks: list[dict], playbook: str) -> float:
    """Seconds of a play, with a home of its own."""
    with tempfile.TemporaryDirectory(prefix="econtext-containers-") as made:
        directory = Path(made)
        host = {
            "ansible_connection": "community.general.chroot",
            "ansible_host": "/",
            "ansible_python_interpreter": TARGET_PYTHON,
        }
        (directory / "hosts.json").write_text(json.dumps({"all": {"hosts": {"container": host}}}))
        play = {"hosts": "all", "gather_facts": False, "tasks": tasks}
        (directory / "play.json").write_text(json.dumps([play]))
        strategy = contender.settings["defaults"]
        text = "".join(f"{name}={value}\n" for name, value in strategy.items())
        (directory / "ansible.cfg").write_text(
            f"[defaults]\ninventory={directory}/hosts.json\nhome={directory}/home\n{text}"
        )
        variables = {
            "PATH": os.environ["PATH"],
            "HOME": made,
            "LANG": "C.UTF-8",
            "ANSIBLE_CONFIG": str(directory / "ansible.cfg"),
            "ANSIBLE_PIPELINING": "1",
            **contender.cold,
        }
        return scale.timed([playbook, str(directory / "play.json")], variables)[0]


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.containers", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--core", default="2.19")
    options = parser.parse_args()
    prepared = public.prepare(sys.executable, options.core)
    chosen = [each for each in CONTENDERS if each.name in ("pipelining", "econtext")]
    print(f"ansible-core {prepared.ansible_core}, chroot, cold, medians of {options.rounds} rounds")
    for name, tasks in PLAYS.items():
        found: dict[str, list[float]] = {each.name: [] for each in chosen}
        for _ in range(options.rounds):
            for contender in chosen:
                found[contender.name].append(
                    seconds_of(contender, tasks, prepared.ansible_playbook)
                )
        stock, ours = (statistics.median(each) for each in found.values())
        print(f"{name}: {stock:.2f} s, {ours:.2f} s: {ours / stock:.2f}", flush=True)


if __name__ == "__main__":
    main()
