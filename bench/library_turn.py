"""One turn of `bench/library.py`: one contender at one place, in a process of its own.

Takes a `Turn` as JSON from its command line, and prints what it measured as JSON.
"""

import contextlib
import dataclasses
import importlib
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from bench import called, memory
from bench.library_peers import CONTENDERS, Place, Start
from bench.link import Link

#: Calls in flight at the most, in the row of many.
IN_FLIGHT = 64

#: Bytes of one argument or result, and how many of them make 256 MB.
CHUNK, CHUNKS = 16 << 20, 16

#: Seconds after which no further one begins: ssh that compresses may take minutes for all.
LONGEST = 10.0

#: Calls in the row one by one, at least: too few have no percentiles.
FEWEST = 20

#: Modules of the package besides its first file, and the functions of the smallest and the largest.
MODULES = 20
FUNCTIONS = (1, 24)

#: Calls before memory is looked at.
CALLS_BEFORE_MEMORY = 100

WORDS = (
    "account archive block buffer channel column count device entry field file filter group "
    "handle index item key label limit line list match member message mode name number offset "
    "option owner packet page path pattern port range record row scale section size state table "
    "text unit value"
).split()


@dataclass(frozen=True)
class Turn:
    """Task of one process: the rows to measure."""

    contender: str
    place: Place
    rows: tuple[str, ...]
    seconds: float
    #: Round-trip time in milliseconds, of a proxy before the place's port.
    ms: float = 0.0
    #: Process below which the slaves run; 0 is this one.
    below: int = 0

    @classmethod
    def from_json(cls, text: str) -> "Turn":
        found = json.loads(text)
        return cls(**{**found, "place": Place(**found["place"]), "rows": tuple(found["rows"])})

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self))


class Counter:
    """Bytes that have gone over the network, both ways; none without a proxy."""

    def __init__(self, link: Link | None, settling: float) -> None:
        self._link = link
        self._settling = settling

    def seen(self) -> int:
        """Return the sum, when all that is on its way has come through."""
        if self._link is None:
            return 0
        time.sleep(self._settling)
        counts = self._link.count()
        return counts["sent"] + counts["received"]


def measure(turn: Turn) -> dict[str, float]:
    """Return the figures of a turn by the names of their rows."""
    contender, place, found = CONTENDERS[turn.contender], turn.place, {}
    with contextlib.ExitStack() as stack:
        link = None
        if place.port:
            link = stack.enter_context(Link(place.port, turn.ms, ["127.0.0.1"]))
            place = dataclasses.replace(place, port=link.port)
        counter = Counter(link, 0.3 + 2 * turn.ms / 1000)
        begun = perf_counter()
        start = stack.enter_context(contender.reach(place))
        start(called.nothing)()
        found["connect"] = perf_counter() - begun
        if link is not None:
            found["bootstrap"] = counter.seen()
        if "memory" in turn.rows:
            found["memory"], found["unique"] = target_memory(start, turn.below)
        if "package" in turn.rows and contender.imports:
            found |= first_import(start, counter)
        if "calls" in turn.rows:
            found |= one_by_one(start, turn.seconds)
        if "flight" in turn.rows:
            found["flight"] = rate(start, turn.seconds, IN_FLIGHT)
        if "transfer" in turn.rows:
            found |= transfer(start)
    return {name: value for name, value in found.items() if value}


def target_memory(start: Start, below: int) -> tuple[int, int]:
    """Return the proportional and the unique set size of all slaves on the route, in bytes."""
    for _ in range(CALLS_BEFORE_MEMORY):
        start(called.nothing)()
    time.sleep(memory.SETTLING)
    looks = [memory.look(below or os.getpid()) for _ in range(3)]
    unique, proportional = (statistics.median(column) for column in zip(*looks, strict=True))
    return int(proportional), int(unique)


def first_import(start: Start, counter: Counter) -> dict[str, float]:
    """Return seconds and bytes of the first call of a function that needs a package."""
    with package() as work:
        before = counter.seen()
        begun = perf_counter()
        result = start(work)()
        took = perf_counter() - begun
        if result != MODULES:
            raise RuntimeError(f"the package's function returned {result!r}")
        return {"import": took, "import_bytes": counter.seen() - before}


@contextlib.contextmanager
def package() -> Iterator[Callable[[], int]]:
    """Make a package that can be imported here, and import it; give its function."""
    with tempfile.TemporaryDirectory(prefix="econtext-bench-") as directory:
        write_package(Path(directory, "assorted"))
        sys.path.insert(0, directory)
        try:
            yield importlib.import_module("assorted.part01").modules
        finally:
            sys.path.remove(directory)


def write_package(directory: Path) -> None:
    """Write a package in which the first of 20 modules imports the others.

    Each has 300 bytes to some kB of source, the same ones each time.
    """
    directory.mkdir()
    (directory / "__init__.py").write_text('"""Assorted modules."""\n')
    chosen = random.Random(20)
    names = [f"part{number:02}" for number in range(1, MODULES + 1)]
    for number, name in enumerate(names):
        lines = [f'"""Functions, {number}."""\n\nimport os\n']
        if number == 0:
            lines += [f"from assorted import {each}\n" for each in names[1:]]
            lines.append("\n\ndef modules():\n")
            lines.append('    """Return how many modules of this package there are."""\n')
            lines.append(f"    return 1 + len([{', '.join(names[1:])}])\n")
        lines += [function(chosen, index) for index in range(chosen.randint(*FUNCTIONS))]
        (directory / f"{name}.py").write_text("".join(lines))


def function(chosen: random.Random, index: int) -> str:
    """Return the source of a function of no use, about 280 bytes."""
    name, first, second, third = chosen.sample(WORDS, 4)
    number = chosen.randrange(9999)
    return (
        f"\n\ndef {name}_{index}({first}, {second}=None):\n"
        f'    """Return the {name} of the {first}, by its {second} if there is one."""\n'
        f"    # without a {second} the {third} is that of the {first}\n"
        f"    {third} = os.path.join(str({first}), {chosen.choice(WORDS)!r})\n"
        f"    return {third} if {second} is None else [{third}, {second}, {number}]\n"
    )


def one_by_one(start: Start, seconds: float) -> dict[str, float]:
    """Return calls in a second, each after the end of the one before, and their percentiles."""
    took: list[float] = []
    begun = now = perf_counter()
    while now < begun + seconds or len(took) < FEWEST:
        start(called.nothing)()
        before, now = now, perf_counter()
        took.append(now - before)
    percentiles = statistics.quantiles(took, n=100)
    figures = {f"p{number}": percentiles[number - 1] for number in (50, 95, 99)}
    return {"calls": len(took) / (now - begun), **figures}


def rate(start: Start, seconds: float, in_flight: int) -> float:
    """Return calls in a second while so many are on their way."""
    waiting = deque(start(called.nothing) for _ in range(in_flight))
    begun, done = perf_counter(), 0
    while perf_counter() < begun + seconds or done < FEWEST:
        waiting.popleft()()
        waiting.append(start(called.nothing))
        done += 1
    took = perf_counter() - begun
    for wait in waiting:
        wait()
    return done / took


def transfer(start: Start) -> dict[str, float]:
    """Return MB in a second of arguments, and of results, one chunk after the other."""
    data = called.give(CHUNK)
    return {
        "up": throughput(lambda: start(called.take, data)()),
        "down": throughput(lambda: len(start(called.give, CHUNK)())),
    }


def throughput(move: Callable[[], int]) -> float:
    """Return MB in a second of chunks that `move` moves; it returns the size of each."""
    begun, moved = perf_counter(), 0
    while moved < CHUNK * CHUNKS and perf_counter() < begun + LONGEST:
        size = move()
        if size != CHUNK:
            raise RuntimeError(f"{size} bytes of {CHUNK} came over")
        moved += size
    return moved / 1e6 / (perf_counter() - begun)


if __name__ == "__main__":
    print(json.dumps(measure(Turn.from_json(sys.argv[1]))))
