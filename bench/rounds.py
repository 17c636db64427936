"""One run of one play by one contender, from a cold start to a cold end."""

import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from bench import settings
from bench.contenders import CHECKOUT, Contender
from bench.environment import Environment, plain_variables
from bench.link import Link
from bench.play_list import Play
from bench.sshd import Server

RECAP = re.compile(r"^(\S+)\s+: ok=(\d+) .*unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE)

# How many lines of the output of a failed run are worth reading.
LAST_LINES = 12


@dataclass
class Run:
    """What one run took. A run with a `failure` is reported, and never counted."""

    contender: str
    play: str
    round_trip: float
    number: int
    failure: str = ""
    last_lines: list[str] = field(default_factory=list)
    wall: float = 0.0
    cpu: float = 0.0
    sent: int = 0
    received: int = 0
    connections: int = 0
    load: float = 0.0
    left_behind: list[str] = field(default_factory=list)


class Ground:
    """Where the runs take place: one server, one environment, one working directory."""

    def __init__(
        self,
        work: Path,
        server: Server,
        environment: Environment,
        large_file: Path,
        time_limit: int,
    ) -> None:
        self.work = work
        self.server = server
        self.environment = environment
        self.large_file = large_file
        self.time_limit = time_limit
        self.counter = itertools.count(1)
        self.outcomes: dict[str, tuple[str, str]] = {}

    def run(self, contender: Contender, play: Play, round_trip: float, number: int) -> Run:
        """Run a play once: everything made for it is gone afterwards."""
        result = Run(contender.name, play.name, round_trip, number)
        target = self.server.target
        directory = self.work / f"r{next(self.counter)}"
        for path in (directory, directory / "tmp", settings.masters(directory)):
            path.mkdir(mode=0o700)
        target.wipe()
        try:
            result.load = os.getloadavg()[0]
            with Link(self.server.port, round_trip, settings.ADDRESSES) as link:
                settings.write_inventory(directory, link.port, self.server, self.large_file)
                answer = self.measure(contender, play, directory)
            self.server.end_sessions()
            result.sent = link.counts["sent"]
            result.received = link.counts["received"]
            result.connections = link.counts["connections"]
            result.cpu = answer["cpu"]
            result.wall = answer["wall"] or 0.0
            result.left_behind = answer["left_behind"]
            output = (directory / "output").read_text(errors="replace")
            result.failure = self.failure(play, contender, answer, output)
            if result.failure:
                result.last_lines = output.splitlines()[-LAST_LINES:]
        finally:
            shutil.rmtree(directory, ignore_errors=True)
        return result

    def measure(self, contender: Contender, play: Play, directory: Path) -> dict:
        """Have the measuring process run ansible-playbook, and return its answer."""
        configuration = settings.write_configuration(directory, contender, self.environment)
        request = {
            "command": [self.environment.ansible_playbook, str(play.path)],
            "directory": str(directory),
            "environment": plain_variables(str(directory))
            | {"ANSIBLE_CONFIG": str(configuration), "TMPDIR": str(directory / "tmp")},
            "output": str(directory / "output"),
            "masters": str(settings.masters(directory)),
            "time_limit": self.time_limit,
        }
        path = directory / "request.json"
        path.write_text(json.dumps(request))
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.measure", str(path)],
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for us, who then end what we started
        )
        try:
            output, _ = process.communicate()
        except BaseException:
            process.terminate()
            process.wait()
            raise
        if process.returncode != 0:
            raise RuntimeError("the measuring process failed")
        return json.loads(output)

    def failure(self, play: Play, contender: Contender, answer: dict, output: str) -> str:
        """Why a run does not count; empty when it does."""
        if answer["timed_out"]:
            return f"not done after {self.time_limit} s"
        if answer["exit_status"] != 0:
            return f"exit status {answer['exit_status']}"
        done = [int(ok) for _, ok, unreachable, failed in RECAP.findall(output)]
        expected = [play.tasks] * play.hosts if play.tasks else []
        if done != expected:
            return f"tasks done on each host: {done}, expected {expected}"
        return self.compare(play, contender, self.server.target.outcome())

    def compare(self, play: Play, contender: Contender, outcome: str) -> str:
        """Whether a run left the same files as the first one of its play: fast is not enough."""
        first, expected = self.outcomes.setdefault(play.name, (contender.name, outcome))
        return "" if outcome == expected else f"left other files than {first}"
