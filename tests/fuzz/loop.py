"""Loop that changes inputs at random and looks whether a property still holds.

The properties take turns.  Some executions are traced: an input that reaches a line which no other
has reached joins the inputs that are changed.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import time
import traceback
from collections.abc import Callable

from . import corpus, coverage
from .properties import PROPERTIES

#: Seconds of the processor's time of one property's turn, of which the first execution goes through
#: hypothesis.  One in so many is traced: usually, and if inputs are to be kept.
TURN, TRACED, TRACED_TO_KEEP = 0.3, 100, 3

#: Seconds of the processor's time that no input may take.
LONGEST = 2.0

#: Bytes of an input at the most.
SIZE = 4000

BYTES = (0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 127, 128, 254, 255)


def mutated(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """Return an input with some changes."""
    made = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4, 8))):
        at = chance.randrange(len(made) + 1)
        match chance.randrange(6):
            case 0:
                made[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                made[at : at + 1] = bytes([chance.choice(BYTES)])
            case 2:
                made[at:at] = chance.randbytes(chance.choice((1, 2, 8, 64)))
            case 3:
                del made[at : at + chance.choice((1, 2, 8, 64))]
            case 4:
                end = at + chance.choice((4, 16, 64))
                made[at:at] = made[at:end]
            case _:
                other = chance.choice(others)
                start = chance.randrange(len(other) + 1)
                made[at : at + 64] = other[start : start + chance.choice((4, 64, 400))]
    return bytes(made[:SIZE])


class Fuzzer:
    """Fuzzer of one property."""

    def __init__(self, name: str, chance: random.Random) -> None:
        self.name = name
        self.check = PROPERTIES[name]
        self._chance = chance
        self.inputs = [*corpus.read(name), b"\0", *(chance.randbytes(300) for _ in range(30))]
        self._through_hypothesis: Callable[[bytes], bytes | None] | None = None
        self.executions = self.frames = 0
        self.slowest = 0.0
        self.reached: set[coverage.Line] = set()
        self.findings: dict[str, bytes] = {}

    def turn(self, traced: int) -> None:
        self._run(self._mutated(), self._hypothesis)
        end = time.process_time() + TURN
        while time.process_time() < end:
            if self.executions % traced == 0:
                self._trace(self._mutated())
            else:
                self._run(self._mutated(), self.check)

    def _mutated(self) -> bytes:
        return mutated(self._chance.choice(self.inputs), self.inputs, self._chance)

    def begin(self) -> None:
        """Look which lines the first inputs reach; leave out those that add none."""
        inputs, self.inputs = sorted(self.inputs, key=len), [b"\0"]
        for data in inputs:
            self._trace(data)

    def _trace(self, data: bytes) -> None:
        reached = coverage.lines_of(lambda: self._run(data, self.check, is_timed=False))
        if reached - self.reached:
            self.reached |= reached
            if data not in self.inputs:
                self.inputs.append(data)

    def _hypothesis(self, data: bytes) -> int:
        if self._through_hypothesis is None:
            from .test_properties import checked_by_hypothesis

            self._through_hypothesis = checked_by_hypothesis(self.name).hypothesis.fuzz_one_input
        self._through_hypothesis(data)
        return 1

    def _run(self, data: bytes, check: Callable[[bytes], int], is_timed: bool = True) -> None:
        before = time.process_time()
        try:
            self.frames += check(data)
        except Exception as error:
            frame = traceback.extract_tb(error.__traceback__)[-1]
            self._find(f"{type(error).__name__} at {frame.filename}:{frame.lineno}", data)
        taken = time.process_time() - before
        self.executions += 1
        if is_timed:
            self.slowest = max(self.slowest, taken)
            if taken > LONGEST:
                self._find(f"took {taken:.1f} s", data)

    def _find(self, words: str, data: bytes) -> None:
        if words not in self.findings:
            self.findings[words] = data
            print(f"{self.name}: {words}\n  {data.hex()}", flush=True)
            traceback.print_exc()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    parser.add_argument("--time", type=float, default=60, help="seconds (60)")
    parser.add_argument("--frames", type=float, help="end after so many frames, whatever the time")
    parser.add_argument("--seed", type=int, default=None, help="of the changes")
    parser.add_argument("--keep", action="store_true", help="keep inputs that reach new lines")
    parser.add_argument("names", nargs="*", default=[], help=f"of {', '.join(PROPERTIES)}")
    chosen = parser.parse_args(arguments)
    chance = random.Random(chosen.seed)
    fuzzers = [Fuzzer(name, chance) for name in chosen.names or PROPERTIES]
    for each in fuzzers:
        each.begin()
    began, size = time.monotonic(), _resident()
    while _goes_on(chosen, began, sum(each.frames for each in fuzzers)):
        for each in fuzzers:
            each.turn(TRACED_TO_KEEP if chosen.keep else TRACED)
    _tell(fuzzers, time.monotonic() - began, _resident() - size)
    if chosen.keep:
        for each in fuzzers:
            corpus.write(each.name, [*each.inputs, *each.findings.values()])
    return int(any(each.findings for each in fuzzers))


def _goes_on(chosen: argparse.Namespace, began: float, frames: int) -> bool:
    if chosen.frames is not None:
        return frames < chosen.frames
    return time.monotonic() - began < chosen.time


def _resident() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _tell(fuzzers: list[Fuzzer], seconds: float, grown: int) -> None:
    print(
        f"{'property':10} {'executions':>11} {'frames':>11} {'slowest':>9} {'inputs':>7}  findings"
    )
    for each in fuzzers:
        print(
            f"{each.name:10} {each.executions:11,} {each.frames:11,} {each.slowest:7.3f} s "
            f"{len(each.inputs):7}  {len(each.findings)}"
        )
    frames = sum(each.frames for each in fuzzers)
    executions = sum(each.executions for each in fuzzers)
    print(f"\n{executions:,} executions, {frames:,} frames in {seconds:.0f} s; ", end="")
    print(f"the resident size grew by {grown} MiB at the most\n")
    print("Lines within functions that were reached:\n")
    print(coverage.report(set().union(*(each.reached for each in fuzzers))))


if __name__ == "__main__":
    sys.exit(main())
