"""Hosts behind a bastion: `python3 -m bench.bastion --hosts 30 --rounds 3`.

All hosts are one ssh server of this machine; the proxy makes the way to the bastion long.  Those
behind it have addresses of their own, and no delay.  Each run begins with an empty home, and with
no connection.  Contenders are ssh's ProxyJump with pipelining, Mitogen, and this checkout.
"""

import argparse
import contextlib
import json
import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from bench import environment, scale
from bench.contenders import CONTENDERS, Contender
from bench.link import Link
from bench.play_list import TARGET_PYTHON
from bench.settings import SSH_COMMON_ARGS
from bench.sshd import Server
from bench.target import Target

#: Ten tasks of ten modules.
TASKS = [
    {"ping": {}},
    {"command": "echo text"},
    {"shell": "echo text | cat"},
    {"copy": {"content": "text\n", "dest": "{{ own }}"}},
    {"stat": {"path": "{{ own }}"}},
    {"lineinfile": {"path": "{{ own }}", "line": "more"}},
    {"file": {"path": "{{ own }}", "mode": "0600"}},
    {"slurp": {"src": "{{ own }}"}},
    {"find": {"paths": "{{ destination }}", "patterns": "none"}},
    {"file": {"path": "{{ own }}", "state": "absent"}},
]


class Run(NamedTuple):
    seconds: float
    #: Over the way to the bastion, in both directions.
    size: int
    connections: int


def variables_of(contender: Contender, server: Server, key: Path, far: Link) -> dict[str, str]:
    """The host variables that lead a contender to the hosts behind the bastion."""
    user = server.target.user
    if contender.name == "pipelining":
        jump = f"ssh {SSH_COMMON_ARGS} -o StrictHostKeyChecking=no -i {server.key}"
        jump += f" -p {far.port} -W %h:%p {user}@127.0.0.1"  # ProxyJump, with options of its own
        common = f"{SSH_COMMON_ARGS} -o ProxyCommand='{jump}'"
        return {"ansible_ssh_private_key_file": str(server.key), "ansible_ssh_common_args": common}
    name = "mitogen_via" if contender.name == "mitogen" else "econtext_via"
    return {
        name: "bastion",
        "ansible_ssh_private_key_file": str(key),
        "ansible_ssh_common_args": SSH_COMMON_ARGS,
    }


def configure(
    directory: Path,
    contender: Contender,
    prepared: environment.Environment,
    hosts: int,
    links: tuple[Link, Link],
    server: Server,
    key: Path,
) -> dict[str, str]:
    """Write what a run needs; its environment."""
    directory.mkdir(mode=0o700)
    far, near = links
    bastion = {
        "ansible_host": "127.0.0.1",
        "ansible_port": far.port,
        "ansible_ssh_private_key_file": str(server.key),
        "ansible_ssh_common_args": SSH_COMMON_ARGS,
    }
    behind = {
        "hosts": {
            f"inner{number:02}": {"ansible_host": address, "own": f"{{{{ destination }}}}/{number}"}
            for number, address in enumerate(addresses(hosts))
        },
        "vars": {"ansible_port": near.port, **variables_of(contender, server, key, far)},
    }
    shared = {"ansible_python_interpreter": TARGET_PYTHON, **server.target.variables()}
    inventory = {"hosts": {"bastion": bastion}, "children": {"inner": behind}, "vars": shared}
    (directory / "hosts.json").write_text(json.dumps({"all": inventory}))
    play = {"hosts": "inner", "gather_facts": False, "tasks": TASKS}
    (directory / "play.json").write_text(json.dumps([play]))
    sections = {"defaults": {}, **contender.settings}
    lines = [f"[defaults]\ninventory={directory}/hosts.json\nhome={directory}/home\nforks=30"]
    lines += ["host_key_checking=False\ntimeout=60"]
    for section, values in sections.items():
        lines += [f"[{section}]"] if section != "defaults" else []
        lines += [f"{name}={value}" for name, value in values.items()]
    text = "\n".join(lines).replace("{mitogen}", prepared.mitogen_strategies)
    (directory / "ansible.cfg").write_text(text + "\n")
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(directory),
        "LANG": "C.UTF-8",
        "ANSIBLE_CONFIG": str(directory / "ansible.cfg"),
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(directory / "cp"),
        **contender.cold,
    }


def addresses(hosts: int) -> list[str]:
    return [f"127.0.1.{number}" for number in range(1, hosts + 1)]


def measure(
    contender: Contender,
    prepared: environment.Environment,
    hosts: int,
    round_trip: float,
    server: Server,
) -> Run:
    target = server.target
    target.wipe()
    key = target.home.parent / "bastion_key"
    shutil.copy(server.key, key)
    shutil.chown(key, target.user)
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ectb-"))) / "run"
        far = stack.enter_context(Link(server.port, round_trip, ["127.0.0.1"]))
        near = stack.enter_context(Link(server.port, 0, addresses(hosts)))
        variables = configure(directory, contender, prepared, hosts, (far, near), server, key)
        command = [prepared.ansible_playbook, str(directory / "play.json")]
        seconds, _, _ = scale.timed(command, variables)
        counts = far.count()
    server.end_sessions()
    return Run(seconds, counts["sent"] + counts["received"], counts["connections"])


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.bastion", description=__doc__)
    parser.add_argument("--hosts", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rtt", type=float, default=50.0)
    parser.add_argument("--core", default="2.19")
    options = parser.parse_args()
    prepared = environment.prepare(sys.executable, options.core)
    chosen = [each for each in CONTENDERS if each.name != "stock" and not each.missing(prepared)]
    found: dict[tuple[str, int], list[Run]] = {}
    work = Path(tempfile.mkdtemp(prefix="econtext-bastion-"))
    work.chmod(0o755)
    try:
        with Target(work) as target, Server(work, target) as server:
            for _ in range(options.rounds):
                for hosts in (1, options.hosts):
                    for contender in chosen:
                        run = measure(contender, prepared, hosts, options.rtt, server)
                        found.setdefault((contender.name, hosts), []).append(run)
                        print(contender.name, hosts, run, flush=True)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    about = f"{len(TASKS)} tasks, {options.rtt:g} ms to the bastion, medians"
    print(f"\nansible-core {prepared.ansible_core}, {about}\n")
    for (name, hosts), runs in found.items():
        seconds, size, connections = (statistics.median(each) for each in zip(*runs, strict=True))
        print(
            f"{name:12} {hosts:3} hosts {seconds:7.2f} s {size:9.0f} bytes {connections:3.0f} ways"
        )


if __name__ == "__main__":
    main()
