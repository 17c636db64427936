"""One run of a real play by one contender on hosts that are there."""

import configparser
import itertools
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from bench import settings
from bench.contenders import CHECKOUT, Contender
from bench.environment import Environment, plain_variables
from bench.link import Link
from bench.roles import public
from bench.roles.hosts import Hosts
from bench.roles.play_list import GROUP, RealPlay

RECAP = re.compile(r"^(\S+)\s+: (ok=\d+ .*ignored=\d+)", re.MULTILINE)

# How many lines of the output of a failed run are worth reading.
LAST_LINES = 25

CALLBACKS = Path(__file__).parent / "callbacks"


@dataclass
class Run:
    """What one run took. A run with a `failure` is reported, and never counted."""

    contender: str
    play: str
    round_trip: float
    hosts: int
    turn: str
    number: int
    failure: str = ""
    last_lines: list[str] = field(default_factory=list)
    wall: float = 0.0
    cpu: float = 0.0
    #: Of the hosts.
    target_cpu: float = 0.0
    sent: int = 0
    received: int = 0
    load: float = 0.0
    recap: dict[str, str] = field(default_factory=dict)
    #: What came of each task, where that was noted.
    results: list[str] = field(default_factory=list)
    #: Where it left something else than the first contender did.
    differences: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Variant:
    """A contender, and environment variables that make it another one."""

    name: str
    contender: Contender
    variables: dict[str, str] = field(default_factory=dict)


class Runner:
    """Runs plays in one environment; each run has a home of its own."""

    def __init__(
        self, work: Path, prepared: Environment, time_limit: int, notes_results: bool = False
    ) -> None:
        """With `notes_results` a callback notes what came of each task, which takes its time."""
        self.work = work
        self.prepared = prepared
        self.time_limit = time_limit
        self.notes_results = notes_results
        self.counter = itertools.count(1)

    def run(self, variant: Variant, play: RealPlay, hosts: Hosts, result: Run) -> Run:
        """Run a play once, cold, and note in `result` what it took."""
        directory = self.work / f"r{next(self.counter)}"
        # DebOps wants a home that is not the directory it is run in.
        for path in (directory, directory / "home", directory / "tmp", settings.masters(directory)):
            path.mkdir(mode=0o700)
        own = hosts.own()
        if play.destination:
            hosts.empty(play.destination)
        result.load = os.getloadavg()[0]
        used_before = hosts.used()
        with Link(hosts.port, result.round_trip, hosts.addresses, same_address=True) as link:
            groups = [name for name in (GROUP, play.group) if name]
            # Else they would be beside the runs' directories, for all contenders together.
            told = play.variables | {"secret": str(hosts.work / "secret")}
            (directory / "inventory.json").write_text(hosts.inventory(link.port, groups, told))
            answer = self.measure(self.request(variant, play, directory))
        hosts.end_sessions(own)
        result.target_cpu = hosts.used() - used_before
        result.sent, result.received = link.counts["sent"], link.counts["received"]
        result.cpu, result.wall = answer["cpu"], answer["wall"] or 0.0
        output = (directory / "output").read_text(errors="replace")
        result.recap = dict(RECAP.findall(output))
        if (directory / "results").exists():
            result.results = (directory / "results").read_text().splitlines()
        result.failure = self.failure(answer, hosts, result)
        if result.failure:
            result.last_lines = output.splitlines()[-LAST_LINES:]
        return result

    def request(self, variant: Variant, play: RealPlay, directory: Path) -> dict:
        """What the measuring process is asked to run."""
        variables = plain_variables(str(directory / "home")) | {
            "ANSIBLE_CONFIG": str(self.write_configuration(directory, variant.contender)),
            "TMPDIR": str(directory / "tmp"),
        }
        if self.notes_results:
            variables["ANSIBLE_CALLBACK_PLUGINS"] = str(CALLBACKS)
            variables["ANSIBLE_CALLBACKS_ENABLED"] = "bench_results"
            variables["BENCH_RESULTS"] = str(directory / "results")
        return {
            "before": [],
            "command": [self.prepared.ansible_playbook, str(play.path(self.prepared))],
            "directory": str(directory),
            "environment": variables | variant.contender.cold | variant.variables,
            "output": str(directory / "output"),
            "masters": str(settings.masters(directory)),
            "time_limit": self.time_limit,
        }

    def write_configuration(self, directory: Path, contender: Contender) -> Path:
        """Write ansible.cfg: the benchmark's own, and where the public roles are."""
        path = settings.write_configuration(directory, contender, self.prepared)
        configuration = configparser.ConfigParser(interpolation=None)
        configuration.read(path)
        configuration["defaults"]["collections_path"] = str(public.debops(self.prepared))
        configuration["defaults"]["roles_path"] = str(public.single_roles(self.prepared))
        configuration["defaults"]["hash_behaviour"] = "replace"
        # DebOps 3.3 has conditions that are strings, which 2.19 and later refuse otherwise.
        configuration["defaults"]["allow_broken_conditionals"] = "True"
        with open(path, "w") as file:
            configuration.write(file)
        return path

    def measure(self, request: dict) -> dict:
        """Have the measuring process run the command, and return its answer."""
        path = Path(request["directory"], "request.json")
        path.write_text(json.dumps(request))
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.measure", str(path)],
            cwd=CHECKOUT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for us, who then end what we started
        )
        try:
            output, _ = process.communicate("go\n")
        except BaseException:
            process.terminate()
            process.wait()
            raise
        if process.returncode != 0:
            raise RuntimeError("the measuring process failed")
        return json.loads(output.removeprefix("ready\n"))

    def failure(self, answer: dict, hosts: Hosts, result: Run) -> str:
        """Why a run does not count; empty when it does."""
        if answer["timed_out"]:
            return f"not done after {self.time_limit} s"
        if answer["exit_status"] != 0:
            return f"exit status {answer['exit_status']}"
        if sorted(result.recap) != sorted(hosts.names):
            return f"recap of {', '.join(result.recap) or 'no host'}"
        return ""
