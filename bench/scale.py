"""How the cost grows with the number of hosts: `python3 -m bench.scale --hosts 10,50,100,200`.

All hosts are one ssh server of this machine, each with a connection and a slave of its own.
So what is measured is controller and targets together, on the same processors; what belongs to
the controller alone is its processor time, and the broker's memory and descriptors.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench import environment, memory
from bench.contenders import CHECKOUT
from bench.play_list import TARGET_PYTHON
from bench.settings import SSH_COMMON_ARGS
from bench.sshd import Server
from bench.target import Target

TASKS = 10
FORKS = 50


@dataclass
class Figures:
    """One number of hosts: cold, then warm."""

    hosts: int
    cold: float
    warm: float
    #: Seconds of processor time of the warm run, without those of the broker.
    cpu: float
    #: Bytes that ansible-playbook held at its peak.
    playbook_memory: int
    #: The broker's own, in the warm run.
    broker_cpu: float
    broker_memory: int
    broker_files: int
    #: Of all ssh processes that the broker started.
    ssh_unique: int
    slaves_unique: int
    slaves_proportional: int

    def row(self) -> list[str]:
        tasks = self.hosts * TASKS
        return [
            str(self.hosts),
            f"{self.cold:.1f} s",
            f"{self.warm:.1f} s",
            f"{self.warm / tasks * 1000:.1f} ms",
            f"{self.cpu / tasks * 1000:.1f} ms",
            f"{self.broker_cpu / tasks * 1000:.1f} ms",
            f"{self.playbook_memory / 1e6:.0f} MB",
            f"{self.broker_memory / 1e6:.1f} MB",
            str(self.broker_files),
            f"{self.ssh_unique / self.hosts / 1e6:.2f} MB",
            f"{self.slaves_unique / self.hosts / 1e6:.2f} MB",
            f"{self.slaves_proportional / self.hosts / 1e6:.2f} MB",
        ]


HEAD = [
    "hosts",
    "cold",
    "warm",
    "warm, a host-task",
    "CPU of ansible, a host-task",
    "CPU of the broker",
    "memory of ansible",
    "of the broker",
    "its open files",
    "memory of an ssh",
    "of a slave",
    "proportional",
]


def measure(
    hosts: int, directory: Path, server: Server, prepared: environment.Environment
) -> Figures:
    variables = configure(hosts, directory, server)
    command = [prepared.ansible_playbook, str(directory / "play.json")]
    try:
        cold, _, _ = timed(command, variables)
        broker = broker_of(directory)
        before = processor_time(broker)
        warm, cpu, playbook_memory = timed(command, variables)
        broker_cpu = processor_time(broker) - before
        unique, proportional = memory.look(server.process.pid)
        held = memory.sizes(Path(f"/proc/{broker}/smaps_rollup").read_text())
        ssh_unique, _ = memory.look(broker)
        files = len(os.listdir(f"/proc/{broker}/fd"))
    finally:
        stop = [
            str(Path(prepared.directory, "bin", "python")),
            "-m",
            "ansible_econtext.cli",
        ]
        subprocess.run([*stop, "stop"], env=variables | {"PYTHONPATH": str(CHECKOUT)}, check=False)
    return Figures(
        hosts,
        cold,
        warm,
        cpu,
        playbook_memory,
        broker_cpu,
        memory.unique(held),
        files,
        ssh_unique,
        unique,
        proportional,
    )


def configure(hosts: int, directory: Path, server: Server) -> dict[str, str]:
    """Write what a run needs; its environment."""
    directory.mkdir(mode=0o700)
    inventory = {
        # The alias is all that differs: without it they would share a slave.
        f"target{number:04}": {"ansible_ssh_extra_args": f"-o HostKeyAlias=target{number:04}"}
        for number in range(hosts)
    }
    shared = {
        "ansible_host": "127.0.0.1",
        "ansible_port": server.port,
        "ansible_ssh_private_key_file": str(server.key),
        "ansible_python_interpreter": TARGET_PYTHON,
        "ansible_ssh_common_args": SSH_COMMON_ARGS,
        **server.target.variables(),
    }
    (directory / "hosts.json").write_text(json.dumps({"all": {"hosts": inventory, "vars": shared}}))
    play = {"hosts": "all", "gather_facts": False, "tasks": [{"ping": {}}] * TASKS}
    (directory / "play.json").write_text(json.dumps([play]))
    (directory / "ansible.cfg").write_text(
        f"[defaults]\ninventory={directory}/hosts.json\nhome={directory}/home\n"
        f"strategy_plugins={CHECKOUT}/plugins/strategy\nstrategy=econtext\nforks={FORKS}\n"
        "host_key_checking=False\ntimeout=60\n"
    )
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(directory),
        "LANG": "C.UTF-8",
        "ANSIBLE_CONFIG": str(directory / "ansible.cfg"),
        "ANSIBLE_ECONTEXT_PERSIST": "600",
    }


def timed(command: list[str], variables: dict[str, str]) -> tuple[float, float, int]:
    """Seconds of a run that has to succeed, seconds of processor time of it and its children, and
    the bytes that it held at its peak."""
    start = time.monotonic()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, env=variables, stdout=output, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.monotonic() - start
        if process.returncode != 0:
            output.seek(0)
            sys.exit(f"a run failed:\n{output.read().decode(errors='replace')[-4000:]}")
    return wall, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024


def broker_of(directory: Path) -> int:
    """The process of the only broker below the directory."""
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                command = Path("/proc", name, "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"ansible_econtext.broker.server" in command and str(
                directory
            ).encode() in b" ".join(command):
                return int(name)
    sys.exit("there is no broker")


def processor_time(process: int) -> float:
    """Seconds of processor time that a process used itself."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.scale", description=__doc__)
    parser.add_argument("--hosts", default="10,50,100,200")
    parser.add_argument("--core", default="2.19")
    options = parser.parse_args()
    prepared = environment.prepare(sys.executable, options.core)
    found = []
    work = Path(tempfile.mkdtemp(prefix="econtext-scale-"))
    work.chmod(0o755)
    try:
        with Target(work) as target, Server(work, target) as server:
            for hosts in map(int, options.hosts.split(",")):
                figures = measure(hosts, work / f"hosts{hosts}", server, prepared)
                found.append(figures)
                print(" | ".join(figures.row()), flush=True)
                server.end_sessions()
            target.wipe()
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print(f"\nansible-core {prepared.ansible_core}, {TASKS} pings, {FORKS} forks\n")
    print(table(found))


def table(found: list[Figures]) -> str:
    """The figures as a table of reStructuredText."""
    rows = [HEAD, *(figures.row() for figures in found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    rule = "  ".join("=" * width for width in widths)
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join([rule, lines[0], rule, *lines[1:], rule])


if __name__ == "__main__":
    main()
