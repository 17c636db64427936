"""The part `runs` of a soak: runs that begin, overlap and are interrupted at random, one broker."""

import os
import random
import shutil
import signal
import statistics
import subprocess
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from bench import processes
from bench.soak.parts import WARM_UP, at_rest, one_run
from bench.soak.place import Place, Run
from bench.soak.sampler import Sampler

AT_ONCE = 3
HOSTS = 3
#: Seconds after a signal in which a run has to end, and after its end in which everything of it has
#: to be gone: the soak may have to make do with what other work leaves of the machine.
ENDED = 60.0
GONE = 60.0
#: Seconds between two looks at what is left, and until what is left on the target is counted.
LOOK = 0.5
SETTLED = 15.0
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)


@dataclass(frozen=True)
class Choice:
    """Length, interruption and pause of a run: the same for each soak with the seed."""

    count: int
    #: The signal and the seconds until it; 0 and 0.0 for a run that is left alone.
    number: int
    after: float
    #: The place of a task that takes longer than everything.
    long_at: int | None
    pause: float


def choice(seed: int, run: int) -> Choice:
    """Choose the length, the interruption and the pause before a run."""
    chance = random.Random(f"{seed} {run}")
    count = chance.randint(20, 80)
    pause = chance.uniform(0, 3)
    if chance.random() < 0.4:
        return Choice(count, 0, 0.0, None, pause)
    long_at = chance.randrange(count) if chance.random() < 0.5 else None
    return Choice(count, chance.choice(SIGNALS), chance.uniform(0.2, 12), long_at, pause)


@dataclass
class Turn:
    """A run under way or just over, and what it may leave."""

    run: Run
    chosen: Choice
    started: float
    signalled: float = 0.0
    ended: float = 0.0
    #: When nothing of it was left, and when to look for that again.
    gone: float = 0.0
    next_look: float = 0.0
    #: Whether it went on after the signal for too long.
    is_stuck: bool = False
    #: Its processes when it was interrupted, with their times of start.
    family: dict[int, str] = field(default_factory=dict)

    def interrupt(self, sampler: Sampler) -> None:
        """Send the signal; SIGINT goes to the group, as from a terminal."""
        pid = self.run.process.pid
        others = set(sampler.brokers)
        others.update(*map(processes.below, list(others)))
        family = set(processes.below(pid)) - others
        self.family = {child: began(child) for child in family}
        self.signalled = time.monotonic()
        if self.chosen.number == signal.SIGINT:
            os.killpg(pid, signal.SIGINT)
        else:
            os.kill(pid, self.chosen.number)

    def how(self) -> str:
        """Return the name of the signal that the run got, or that it got none."""
        return signal.Signals(self.chosen.number).name if self.signalled else "whole"

    def files(self) -> list[Path]:
        """Return the temporary directories of the run that are left on the target."""
        home = self.run.place.server.target.home
        return list(home.glob(f".ansible/tmp/ansible-tmp-*-{self.run.process.pid}-*"))

    def left(self) -> list[str]:
        """Return the processes of the run that are still there."""
        prefixes = [(self.run.name + digits).encode() for digits in self.run.place.digits.values()]
        found = [pid for pid, when in self.family.items() if began(pid) == when]
        found += [
            pid
            for pid in processes.below(os.getpid())
            if any(prefix in processes.command_line(pid) for prefix in prefixes)
        ]
        return [f"run {self.run.name}: {processes.name_of(pid)}" for pid in found]


def began(pid: int) -> str:
    """Return the time of a process's start; "" if it has ended, be it reaped or not."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return ""
    fields = text.rpartition(")")[2].split()
    return "" if fields[0] == "Z" else fields[19]


def stacks(pid: int) -> str:
    """Return where each thread of a process is, if py-spy is there to tell."""
    if shutil.which("py-spy") is None:
        return ""
    command = ["py-spy", "dump", "-p", str(pid)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


class Soak:
    """Runs at random until the time is over."""

    def __init__(self, place: Place, seed: int, sampler: Sampler) -> None:
        self.place = place
        self.seed = seed
        self.sampler = sampler
        self.turns: list[Turn] = []
        self.over: list[Turn] = []
        self.waiting = [0.0] * AT_ONCE
        self.counts: Counter[str] = Counter()
        self.left: list[str] = []
        #: Temporary directories that runs left on the target, by how they ended.
        self.files: Counter[str] = Counter()
        self.wrong: list[str] = []
        #: Seconds from a signal to the run's end, and from there until nothing was left.
        self.waits: list[tuple[float, float]] = []
        #: What was reported as done, and what whole runs have to have done.
        self.reported: list[str] = []
        self.expected: list[str] = []
        self.started = 1

    def go_on(self, seconds: float) -> None:
        """Start, interrupt and check runs for so long, and then until all are checked."""
        end = time.monotonic() + seconds
        while time.monotonic() < end or self.turns or self.over:
            now = time.monotonic()
            if now < end:
                self._start(now)
            for turn in list(self.turns):
                self._attend(turn, now)
            for turn in list(self.over):
                self._look_back(turn, now)
            time.sleep(0.05)

    def _look_back(self, turn: Turn, now: float) -> None:
        """Look what is left of a run that is over."""
        if not turn.gone and now > turn.next_look:
            turn.next_look = now + LOOK
            left = turn.left()
            if not left:
                turn.gone = now
            elif now > turn.ended + GONE:
                turn.gone = now
                self.left += left
        if turn.gone and now > turn.ended + SETTLED:
            self.over.remove(turn)
            self.files[turn.how()] += len(turn.files())
            if turn.signalled:
                self.waits.append((turn.ended - turn.signalled, turn.gone - turn.ended))

    def _start(self, now: float) -> None:
        for due in [due for due in self.waiting if due <= now]:
            self.waiting.remove(due)
            chosen = choice(self.seed, self.started)
            run = self.place.start(self.started, chosen.count, chosen.long_at)
            self.sampler.runs.add(run.process.pid)
            self.turns.append(Turn(run, chosen, now))
            self.started += 1

    def _attend(self, turn: Turn, now: float) -> None:
        """Look whether a run is over, or due to be interrupted."""
        if turn.run.process.poll() is not None:
            self._ended(turn, now)
        elif turn.chosen.number and not turn.signalled and now > turn.started + turn.chosen.after:
            turn.interrupt(self.sampler)
        elif turn.signalled and not turn.is_stuck and now > turn.signalled + ENDED:
            turn.is_stuck = True
            pid = turn.run.process.pid
            self.wrong.append(f"run {turn.run.name} goes on after {turn.how()}\n{stacks(pid)}")
            turn.run.process.kill()

    def _ended(self, turn: Turn, now: float) -> None:
        turn.ended = now
        self.turns.remove(turn)
        self.over.append(turn)
        self.sampler.runs.discard(turn.run.process.pid)
        self.waiting.append(now + choice(self.seed, self.started).pause)
        self.reported += turn.run.reported()
        refused = turn.run.refused()
        if turn.is_stuck:
            self.counts["stuck"] += 1
        elif not refused:
            self.counts["whole"] += 1
            self.expected += turn.run.expected()
        elif turn.signalled:
            self.counts[turn.how()] += 1
        else:
            self.wrong.append(refused)
        turn.run.forget()


def summary(seconds: list[float]) -> dict[str, float]:
    """Return the median and the most of some waits."""
    if not seconds:
        return {}
    return {"median": round(statistics.median(seconds), 2), "most": round(max(seconds), 2)}


def random_runs(place: Place, seconds: float, seed: int, looks: Path) -> dict:
    """Run at random for so many seconds; return what was found."""
    with Sampler(place.server.process.pid, place.done, looks) as sampler:
        one_run(place, sampler, 0, WARM_UP).forget()
        before = at_rest(sampler)
    with Sampler(place.server.process.pid, place.done, looks) as sampler:
        load = os.getloadavg()[0]
        soak = Soak(place, seed, sampler)
        soak.go_on(seconds)
        after = at_rest(sampler)
    executions = place.executions()
    return {
        "hosts": place.hosts,
        "seconds": seconds,
        "seed": seed,
        "load": [load, os.getloadavg()[0]],
        "runs": soak.started - 1,
        "ended": dict(soak.counts),
        "executions": executions.total(),
        "lost": sum(number not in executions for number in soak.expected),
        "reported, not executed": sum(number not in executions for number in soak.reported),
        "twice": sum(times > 1 for times in executions.values()),
        "left": soak.left,
        "seconds to the end": summary([ended for ended, _ in soak.waits]),
        "seconds until gone": summary([gone for _, gone in soak.waits]),
        "wrong": soak.wrong,
        "brokers": len(sampler.brokers),
        "strays": [processes.name_of(pid) for pid in sampler.strays],
        "directories left": dict(soak.files),
        "directories in home": len(list(place.server.target.home.glob(".ansible/tmp/*"))),
        "local directories left": len(list(place.directory.glob("tmp/*"))),
        "rest_before": before,
        "rest_after": after,
    }
