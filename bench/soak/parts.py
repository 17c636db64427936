"""The parts `tasks` and `hosts` of a soak: one run that is long, or has many hosts."""

import os
import time
from pathlib import Path

from bench.soak.place import Place, Run
from bench.soak.sampler import Sampler

#: Seconds after which a target has nothing but slaves and spares: a warm process ends after one.
REST = 5.0
#: A task of each kind, by which the broker, the slaves and the files that they keep are there.
WARM_UP = 10


def at_rest(sampler: Sampler) -> dict[str, dict[str, int]]:
    """Return the sums of each group while no run is under way."""
    time.sleep(REST)
    return sampler.look()


def steady(place: Place, count: int, looks: Path) -> dict:
    """Run so many tasks, the first few as a run of their own; return what was found."""
    with Sampler(place.server.process.pid, place.done, looks) as warming:
        first = one_run(place, warming, 0, WARM_UP)
        before = at_rest(warming)
    with Sampler(place.server.process.pid, place.done, looks) as sampler:
        started = time.monotonic()
        load = os.getloadavg()[0]
        run = one_run(place, sampler, 1, count - WARM_UP)
        seconds = time.monotonic() - started
        after = at_rest(sampler)
    executions = place.executions()
    expected = first.expected() + run.expected()
    return {
        "hosts": place.hosts,
        "tasks": count * place.hosts,
        "executions": len(expected),
        "seconds": round(seconds, 1),
        "load": [load, os.getloadavg()[0]],
        "lost": sum(number not in executions for number in expected),
        "twice": sum(times > 1 for times in executions.values()),
        "brokers": len(warming.brokers | sampler.brokers),
        "strays": len(sampler.strays),
        "rest_before": before,
        "rest_after": after,
    }


def one_run(place: Place, sampler: Sampler, number: int, count: int) -> Run:
    """Carry out one run that has to do everything."""
    run = place.start(number, count)
    sampler.runs.add(run.process.pid)
    run.wait()
    sampler.runs.discard(run.process.pid)
    return run
