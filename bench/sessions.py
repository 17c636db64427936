"""Calls in a second, in processes of their own and in a call session, beside Mitogen and execnet.

    python3 -m bench.sessions [--rounds 5] [--seconds 1]

An empty function is called on this machine, one call after the other and with 64 in flight.  The
contenders take turns, as other work of the machine slows them all; each turn is a process of its
own.  The best round of each is printed: it had the least of the machine's other work.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

ROOT = Path(__file__).parents[1]

#: Calls in flight at the most, in the second column.
IN_FLIGHT = 64

#: Begins a call, and returns a function that waits for its end.
Start = Callable[[], Callable[[], Any]]


@contextlib.contextmanager
def isolated() -> Iterator[Start]:
    import econtext
    from bench.called import nothing

    with econtext.Router() as router:
        context = router.local(sys.executable)
        yield lambda: context.start(nothing).result


@contextlib.contextmanager
def in_session() -> Iterator[Start]:
    import econtext
    from bench.called import nothing

    with econtext.Router() as router, router.local(sys.executable).session() as session:
        yield lambda: session.start(nothing).result


@contextlib.contextmanager
def by_mitogen() -> Iterator[Start]:
    import mitogen.master

    from bench.called import nothing

    broker = mitogen.master.Broker()
    try:
        context = mitogen.master.Router(broker).local(python_path=sys.executable)

        def start() -> Callable[[], Any]:
            receiver = context.call_async(nothing)
            return lambda: receiver.get().unpickle()

        yield start
    finally:
        broker.shutdown()
        broker.join()


@contextlib.contextmanager
def by_execnet() -> Iterator[Start]:
    """One `remote_exec` for each call, as execnet has no other call."""
    import execnet

    from bench.called import once

    gateway = execnet.makegateway(f"popen//python={sys.executable}")
    try:
        yield lambda: gateway.remote_exec(once).receive
    finally:
        gateway.exit()


@contextlib.contextmanager
def on_channel() -> Iterator[Start]:
    """One `remote_exec` for all, and an item on its channel in place of a call."""
    import execnet

    from bench.called import again_and_again

    gateway = execnet.makegateway(f"popen//python={sys.executable}")
    try:
        channel = gateway.remote_exec(again_and_again)

        def start() -> Callable[[], Any]:
            channel.send(None)
            return channel.receive

        yield start
    finally:
        gateway.exit()


#: Each contender: how it calls, and the package that it is in, if that has to be installed.
CONTENDERS: dict[str, tuple[Callable[[], contextlib.AbstractContextManager[Start]], str]] = {
    "econtext, isolated": (isolated, ""),
    "econtext, session": (in_session, ""),
    "mitogen": (by_mitogen, "mitogen"),
    "execnet, remote_exec": (by_execnet, "execnet"),
    "execnet, own loop": (on_channel, "execnet"),
}


def measure(name: str, seconds: float) -> tuple[float, float]:
    """Return calls in a second of one contender: one after the other, and many in flight."""
    with CONTENDERS[name][0]() as start:
        start()()  # the function's module is sent, and whatever else comes once
        return tuple(rate(start, seconds, count) for count in (1, IN_FLIGHT))


def rate(start: Start, seconds: float, in_flight: int) -> float:
    waiting = deque(start() for _ in range(in_flight))
    begun, done = perf_counter(), 0
    while perf_counter() < begun + seconds:
        waiting.popleft()()
        waiting.append(start())
        done += 1
    took = perf_counter() - begun
    for wait in waiting:
        wait()
    return done / took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--one", metavar="CONTENDER", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one, options.seconds)))
        return
    pythons = {name: python_with(package) for name, (_, package) in CONTENDERS.items()}
    rates: dict[str, list[list[float]]] = {name: [] for name, python in pythons.items() if python}
    for _ in range(options.rounds):
        for name, found in rates.items():
            found.append(turn(pythons[name], name, options.seconds))
    print(f"{'calls in a second':24}{'one by one':>12}{f'{IN_FLIGHT} in flight':>14}")
    for name, found in rates.items():
        one, many = (max(column) for column in zip(*found, strict=True))
        print(f"{name:24}{one:>12,.0f}{many:>14,.0f}")


def python_with(package: str) -> str:
    """Return a Python that has the package; "" if it cannot be installed."""
    from bench import environment

    if not package:
        return sys.executable
    try:
        return str(environment.prepare_tool(sys.executable, package) / "bin" / "python")
    except environment.NotPreparedError as error:
        print(error)
        return ""


def turn(python: str, name: str, seconds: float) -> list[float]:
    command = [python, "-m", "bench.sessions", "--one", name, "--seconds", str(seconds)]
    ran = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(ran.stdout)


if __name__ == "__main__":
    main()
