"""One run of one play by one contender: from a cold start, or from one that a run has warmed."""

import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from bench import instruments, memory, programs, settings
from bench.contenders import CHECKOUT, Contender
from bench.data import Data
from bench.environment import Environment
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
    warm: bool = False
    #: Seconds from the start to the first result, and until all plays were through.
    first_result: float = 0.0
    through: float = 0.0
    #: Seconds in which econtext's broker was sending a file.
    transfer: float = 0.0
    #: Bytes on the target while it was idle: unique and proportional set sizes.
    memory: int = 0
    memory_proportional: int = 0
    left_behind: list[str] = field(default_factory=list)


class Ground:
    """Where the runs take place: one server, one environment, one working directory."""

    def __init__(
        self,
        work: Path,
        server: Server,
        environment: Environment,
        data: Data,
        time_limit: int,
        pyinfra: Path | None = None,
    ) -> None:
        self.work = work
        self.server = server
        self.environment = environment
        self.data = data
        self.time_limit = time_limit
        self.pyinfra = pyinfra
        self.counter = itertools.count(1)
        self.outcomes: dict[str, tuple[str, str]] = {}

    def run(
        self,
        contender: Contender,
        play: Play,
        round_trip: float,
        number: int,
        warm: bool = False,
        figure: str = "wall",
    ) -> Run:
        """Run a play once: everything made for it is gone afterwards.

        `warm` has the same run before it, which is not measured; all that it leaves stays.
        `figure` is what is wanted: some figures need an instrument, others must not have one.
        """
        result = Run(contender.name, play.name, round_trip, number, warm=warm)
        directory = self.work / f"r{next(self.counter)}"
        for path in (directory, directory / "tmp", settings.masters(directory)):
            path.mkdir(mode=0o700)
        self.server.target.wipe()
        try:
            result.load = os.getloadavg()[0]
            with Link(self.server.port, round_trip, settings.ADDRESSES) as link:
                place = programs.Place(
                    directory,
                    self.server,
                    link.port,
                    self.data,
                    self.environment,
                    self.pyinfra,
                )
                settings.write_inventory(directory, link.port, self.server, self.data)
                started = programs.start(contender, play, place, warm, figure)
                answer = self.measure(started, play, place, link, result)
            self.server.end_sessions()
            result.sent += link.counts["sent"]
            result.received += link.counts["received"]
            result.connections += link.counts["connections"]
            result.cpu = answer["cpu"]
            result.wall = answer["wall"] or 0.0
            result.left_behind = answer["left_behind"]
            instruments.read(result, place, answer.get("started"))
            output = (directory / "output").read_text(errors="replace")
            result.failure = self.failure(play, contender, answer, output)
            result.failure = result.failure or instruments.missing(result, figure)
            if result.failure:
                result.last_lines = output.splitlines()[-LAST_LINES:]
        finally:
            shutil.rmtree(directory, ignore_errors=True)
        return result

    def measure(
        self,
        started: programs.Started,
        play: Play,
        place: programs.Place,
        link: Link,
        result: Run,
    ) -> dict:
        """Have the measuring process run the commands, and return its answer."""
        output = place.directory / "output"
        request = {
            "before": started.before,
            "command": started.command,
            "directory": str(place.directory),
            "environment": started.variables,
            "output": str(output),
            "masters": str(settings.masters(place.directory)),
            "time_limit": self.time_limit,
        }
        path = place.directory / "request.json"
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
            line = process.stdout.readline()
            if line == "ready\n":
                self.forget_what_was_before(place, link, result)
                process.stdin.write("go\n")
                process.stdin.flush()
                if play.idles:
                    result.memory, result.memory_proportional = memory.wait_and_look(
                        self.server.process.pid, output, play.idles, lambda: process.poll() is None
                    )
                line = ""
            rest, _ = process.communicate()
        except BaseException:
            process.terminate()
            process.wait()
            raise
        if process.returncode != 0:
            raise RuntimeError("the measuring process failed")
        return json.loads(line + rest)

    def forget_what_was_before(self, place: programs.Place, link: Link, result: Run) -> None:
        """What was run before the measured command shall not be counted."""
        (place.directory / "output").unlink(missing_ok=True)
        place.marks.unlink(missing_ok=True)
        counts = link.count()
        result.sent = -counts["sent"]
        result.received = -counts["received"]
        result.connections = -counts["connections"]

    def failure(self, play: Play, contender: Contender, answer: dict, output: str) -> str:
        """Why a run does not count; empty when it does."""
        if answer["timed_out"]:
            return f"not done after {self.time_limit} s"
        if answer["exit_status"] != 0:
            return f"exit status {answer['exit_status']}"
        if contender.program == "ansible" and not play.module:
            done = [int(ok) for _, ok, unreachable, failed in RECAP.findall(output)]
            expected = [play.tasks] * play.hosts if play.tasks else []
            if done != expected:
                return f"tasks done on each host: {done}, expected {expected}"
        return self.compare(play, contender, self.server.target.outcome())

    def compare(self, play: Play, contender: Contender, outcome: str) -> str:
        """Whether a run left the same files as the first one of its play: fast is not enough."""
        first, expected = self.outcomes.setdefault(play.name, (contender.name, outcome))
        return "" if outcome == expected else f"left other files than {first}"
