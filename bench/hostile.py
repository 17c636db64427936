"""How long a good host waits while another one floods the broker: `python3 -m bench.hostile`.

For each flood a broker of its own, a slave of this machine as the good host, and a program that
lies in place of a slave (tests/process/hostile_host.py).  A client asks the good host one thing
after another, the longest wait is what counts: 0.25 s is the goal.  It needs the standard library
and this checkout alone.
"""

import argparse
import pathlib
import statistics
import tempfile
import threading
import time
from typing import NamedTuple

from ansible_econtext.client import client, messages
from ansible_econtext.client.route import Route
from tests.process import brokers
from tests.process.brokers import RunningBroker

#: What floods, by what it says of itself: a manner or lie of the host, and whether it stands at
#: the start of a slave behind it.
FLOODS = {
    "nothing": ("silent", False),
    "packed frames of one byte of output": ("floods", False),
    "frames of one byte of output": ("floods byte by byte", False),
    "packed frames at the start of a slave behind it": ("floods", True),
    "frames of one byte at the start of a slave behind it": ("floods byte by byte", True),
    "the longest results, of empty sets": ("a result of many sets", False),
    "results that are too long": ("a result that is too long", False),
    "10,000 numbers as keys that collide": ("numbers as keys", False),
    "30,000 big integers of one hash as keys": ("big integers of one hash as keys", False),
    "parts of channels that are not open": ("parts of channels that are not open", False),
    "logs": ("a log record", False),
}

GOAL = 0.25


class Waits(NamedTuple):
    """Seconds that a good host's client waited, and the bytes by which the broker grew."""

    all: list[float]
    grown: int
    #: Replies that the client of the bad host had meanwhile.
    replies: int

    def row(self, name: str) -> str:
        longest = max(self.all)
        return (
            f"{name:54} {len(self.all):6} {statistics.median(self.all) * 1000:8.1f} ms "
            f"{longest * 1000:8.1f} ms {'' if longest <= GOAL else 'missed':6} "
            f"{self.grown >> 20:6} MiB {self.replies:7}"
        )


def asked_again_and_again(broker: RunningBroker, hops: Route, replies: list[object]) -> None:
    """Ask the bad host until the broker has gone; each reply counts, failures too."""
    try:
        bad = broker.connect()
        while True:
            replies.append(bad.ask(messages.Work(hops, [], messages.Exists("/"))))
    except (client.BrokerGone, OSError):
        pass


def measured(name: str, seconds: float) -> Waits:
    behaviour, is_parent = FLOODS[name]
    with tempfile.TemporaryDirectory() as directory:
        broker = RunningBroker(pathlib.Path(directory))
        hops = broker.hostile(behaviour)
        if is_parent:
            hops = [*hops, brokers.BECOME.replace(timeout=60.0)]
        replies: list[object] = []
        arguments = (broker, hops, replies)
        threading.Thread(target=asked_again_and_again, args=arguments, daemon=True).start()
        waits = []
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            before = time.monotonic()
            broker.serves_the_good_host()
            waits.append(time.monotonic() - before)
        grown, count = broker.grown(), len(replies)
        try:
            broker.stop()
        finally:
            broker.kill()
    return Waits(waits, grown, count)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python3 -m bench.hostile", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10, help="of each flood (10)")
    parser.add_argument("names", nargs="*", help="parts of the floods' names")
    chosen = parser.parse_args()
    print(
        f"{'flood':54} {'asked':>6} {'median':>11} {'longest':>11} {'':6} {'grown':>10} {'replies'}"
    )
    for name in FLOODS:
        if not chosen.names or any(part in name for part in chosen.names):
            print(measured(name, chosen.seconds).row(name), flush=True)


if __name__ == "__main__":
    main()
