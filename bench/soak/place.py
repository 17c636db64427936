"""The place of a soak: hosts on a private ssh server, a playbook, and the runs of it."""

import contextlib
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench import environment
from bench.contenders import PRODUCT_STRATEGIES
from bench.play_list import TARGET_PYTHON
from bench.settings import SSH_COMMON_ARGS
from bench.soak import plays
from bench.sshd import Server
from bench.target import Target

SUDOERS = Path("/etc/sudoers.d")

#: Seconds that the broker stays: longer than any pause of a soak.
PERSIST = 900
FORKS = 50
#: Of the hosts of a soak with many, every tenth has a slave of root besides.
ALL_BECOME = 10


@dataclass
class Place:
    """A directory with all that the runs of one part need."""

    directory: Path
    server: Server
    prepared: environment.Environment
    hosts: int
    strategy: str = "econtext"
    #: The three digits of each host's name.
    digits: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.digits = {f"target{number:03}": f"{number:03}" for number in range(self.hosts)}

    @property
    def executed(self) -> Path:
        """The file of the target that has a line for each execution."""
        return self.server.target.destination / "executed"

    def make(self) -> None:
        """Write the inventory, the settings and what the plays refer to."""
        (self.directory / "library").mkdir(parents=True)
        (self.directory / "library" / "leave_number.py").write_text(plays.MODULE)
        (self.directory / "templates").mkdir()
        (self.directory / "templates" / "soak.j2").write_text(plays.TEMPLATE)
        self.server.target.wipe()
        self.executed.touch()
        self.executed.chmod(0o666)
        count = self.server.target.destination / "count"
        count.write_text(plays.COUNT.format(executed=self.executed))
        count.chmod(0o755)
        (self.directory / "hosts.json").write_text(json.dumps(self._inventory()))
        (self.directory / "ansible.cfg").write_text(self._settings())

    def _inventory(self) -> dict:
        hosts = {
            name: {
                "host_number": digits,
                "becomes": self.hosts <= ALL_BECOME or int(digits) % 10 == 0,
                # The alias is all that differs: without it they would share a slave.
                "ansible_ssh_extra_args": f"-o HostKeyAlias={name}",
            }
            for name, digits in self.digits.items()
        }
        shared = {
            "ansible_host": "127.0.0.1",
            "ansible_port": self.server.port,
            "ansible_ssh_private_key_file": str(self.server.key),
            "ansible_python_interpreter": TARGET_PYTHON,
            "ansible_ssh_common_args": SSH_COMMON_ARGS,
            "executed": str(self.executed),
            **self.server.target.variables(),
        }
        return {"all": {"hosts": hosts, "vars": shared}}

    def _settings(self) -> str:
        return (
            f"[defaults]\ninventory={self.directory}/hosts.json\nhome={self.directory}/home\n"
            f"library={self.directory}/library\nlocal_tmp={self.directory}/tmp\n"
            f"strategy_plugins={PRODUCT_STRATEGIES}\nstrategy={self.strategy}\nforks={FORKS}\n"
            "host_key_checking=False\nstdout_callback=default\nnocows=True\ntimeout=120\n"
            "[ssh_connection]\npipelining=True\n"
        )

    def start(self, run: int, count: int, long_at: int | None = None) -> "Run":
        """Start a run with this number, of so many tasks on each host."""
        playbook, numbers = plays.play(count, long_at)
        path = self.directory / f"play{run:04}.json"
        path.write_text(json.dumps(playbook))
        output = self.directory / f"output{run:04}"
        command = [self.prepared.ansible_playbook, "-e", f'{{"run": "{run:04}"}}', str(path)]
        with open(output, "wb") as file:
            process = subprocess.Popen(
                command,
                cwd=self.directory,
                env=self.variables(),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return Run(self, f"{run:04}", numbers, process, path, output)

    def variables(self) -> dict[str, str]:
        """Return the environment of all runs; one that differs would have another broker."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.directory),
            "LANG": "C.UTF-8",
            "ANSIBLE_CONFIG": str(self.directory / "ansible.cfg"),
            "ANSIBLE_ECONTEXT_PERSIST": str(PERSIST),
        }

    def done(self) -> int:
        """Return the number of executions until now."""
        return self.executed.stat().st_size // plays.LINE

    def executions(self) -> Counter[str]:
        """Return how often each number was executed."""
        return Counter(self.executed.read_text().split())

    def stop(self) -> None:
        """End the broker, if there is one."""
        python = str(Path(self.prepared.directory, "bin", "python"))
        subprocess.run(
            [python, "-m", "ansible_econtext.cli", "stop"],
            env=self.variables() | {"PYTHONPATH": str(PRODUCT_STRATEGIES.parents[1])},
            stdout=subprocess.DEVNULL,
            cwd=self.directory,
            check=False,
        )


@dataclass
class Run:
    """One ansible-playbook."""

    place: Place
    name: str
    numbers: list[str]
    process: subprocess.Popen
    play: Path
    output: Path

    def expected(self) -> list[str]:
        """Return the numbers that a whole run leaves."""
        return [self.name + digits + number for digits in self.place.digits.values()
                for number in self.numbers]  # fmt: skip

    def reported(self) -> list[str]:
        """Return the numbers of which the output says that they are done."""
        text = self.output.read_text(errors="replace")
        return plays.reported(text, self.name, self.place.digits)

    def refused(self) -> str:
        """Return why the run did not do all of its tasks, by its own words; "" if it did."""
        text = self.output.read_text(errors="replace")
        counts = plays.recap(text)
        bad = [host for host, count in counts.items() if count["failed"] or count["unreachable"]]
        if self.process.returncode == 0 and len(counts) == self.place.hosts and not bad:
            return ""
        return f"run {self.name}: status {self.process.returncode}\n{text[-3000:]}"

    def wait(self) -> None:
        """Wait for the end; a run that did not do everything ends the soak."""
        self.process.wait()
        if why := self.refused():
            sys.exit(why)

    def forget(self) -> None:
        """Remove the files of the run."""
        self.play.unlink()
        self.output.unlink()


@contextlib.contextmanager
def sudo_allowed(target: Target) -> Iterator[None]:
    """Let the account of the target become root, which needs the throwaway account."""
    if not target.throwaway:
        sys.exit("a soak needs root, for an account that may use sudo")
    path = SUDOERS / target.user
    path.touch(mode=0o440)
    path.write_text(
        f"Defaults:{target.user} timestamp_timeout=0, lecture=never\n"
        f"{target.user} ALL=(ALL:ALL) NOPASSWD: ALL\n"
    )
    try:
        yield
    finally:
        path.unlink()
