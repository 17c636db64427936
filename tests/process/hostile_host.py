"""A host that lies to a broker at one stage; run as a script, in place of a Python.

Its arguments are the directory of the checkout, the name of the lie or of a manner in
`MANNERS`, and a word by which a test finds its processes.  What it is sent it drops.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])

from ansible_econtext.broker import calls, target_modules  # noqa: E402
from econtext.target import codec, flow_control, wire  # noqa: E402
from tests.process import fake_slave  # noqa: E402
from tests.process.lies import LIES, Lie, ended, endless, printed, returns  # noqa: E402

#: Of hosts that say nothing wrong, but say it late, never, or to the wrong moment.
MANNERS = (
    *("silent", "deaf and silent", "ends at once", "deaf", "late", "deaf parent"),
    *("floods", "floods byte by byte", "fills"),
)

#: Frames that break no rule but take long to handle, sent again and again, by the channel.
FLOODS = {
    "floods": fake_slave.flood,
    "floods byte by byte": lambda channel: 6000 * wire.data_frame(channel, wire.STDOUT, b"x"),
}

#: Bytes of a message without end that one that fills a broker's memory sends, and of the output of
#: each of its first commands: two of them hold what the broker keeps of one link.
PARTS, OUTPUT = 60 << 20, calls.MAX_TOGETHER // 2

#: What an honest host answers to each function of the broker's.
HONEST = {
    "exists": returns(True),
    "expand": returns("/root"),
    "operate": returns(None),
    "receive": returns(0),
    "send": returns((0, 0o644)),
    "run_module": returns(0),
    "run": returns(0),
    "remove_empty": returns(None),
    "look": returns(None),
}

#: The stage that each function is.
STAGES = {
    "exists": "exists",
    "expand": "expand",
    "receive": "put",
    "send": "fetch",
    "run_module": "module",
    "run": "program",
}


class Host:
    """Host that lies, once, at the stage of its lie."""

    def __init__(self, lie: Lie | None, manner: str) -> None:
        self._lie = lie
        self._manner = manner
        self._warm: set[int] = set()
        #: The first call of a host that is late; None before it, 0 when it has its answer.
        self._late: int | None = None
        #: Bytes that each command of one that fills has still to print.
        self._left: dict[int, int] = {}

    def serve(self) -> None:
        reader = wire.Reader(wire.DOWNWARD)
        for data in iter(lambda: os.read(0, 65536), b""):
            for kind, channel, body in reader.feed(data):
                self._take(kind, channel, body)

    def _take(self, kind: int, channel: int, body: bytes) -> None:
        if kind == wire.CALL:
            self._call(channel, codec.decode(body))
        elif kind == wire.OPEN:
            self._open(channel, codec.decode(body))
        elif kind == wire.DATA and channel in self._warm:
            self._say("warm", channel, ended(channel))
        elif kind == wire.CLOSE and channel == self._late:
            self._late = 0
            fake_slave.send(HONEST["exists"](channel))
        elif self._manner == "fills" and kind in (wire.CREDIT, wire.CLOSE):
            self._fill(kind, channel, body)
        elif kind == wire.PING:
            fake_slave.send(wire.frame(wire.PONG, channel, body))

    def _call(self, channel: int, request: Any) -> None:
        function = request["function"]
        if request["module"] == target_modules.WARM_PROCESS:
            self._warm.add(channel)
        elif self._manner == "late" and self._late is None:
            self._late = channel
        elif self._manner in FLOODS:
            self._flood(channel)
        elif self._manner != "deaf":
            self._say(STAGES.get(function, ""), channel, HONEST[function](channel))

    def _open(self, channel: int, request: Any) -> None:
        if self._manner in FLOODS:
            self._flood(channel)
        elif self._manner == "deaf parent":
            fake_slave.send(printed(1000 * b"Welcome!\n")(channel))
        elif self._manner == "fills":
            if not self._left:
                fake_slave.send(endless(wire.LOG, 1000, PARTS // wire.MAX_BODY))
            is_first = not any(self._left.values())
            self._left[channel] = OUTPUT
            if is_first:
                self._print(channel, flow_control.WINDOW // 2)
        else:
            is_become = "become" in request["argv"]
            self._say("become" if is_become else "command", channel, ended(channel))

    def _flood(self, channel: int) -> None:
        frames = FLOODS[self._manner](channel)
        while True:
            fake_slave.send(frames)

    def _fill(self, kind: int, channel: int, body: bytes) -> None:
        if kind == wire.CREDIT:
            self._print(channel, wire.credit_amount(body))
        elif self._left.pop(channel, None) is not None:
            fake_slave.send(ended(channel))

    def _print(self, channel: int, size: int) -> None:
        size = min(size, self._left.get(channel, 0))
        for start in range(0, size, wire.MAX_DATA):
            piece = min(wire.MAX_DATA, size - start) * b"x"
            fake_slave.send(wire.data_frame(channel, wire.STDOUT, piece))
        if size:
            self._left[channel] -= size
        # One command after another: the last one finds no room, and takes none of the others'.
        if size and not self._left[channel] and OUTPUT in self._left.values():
            following = min(each for each, left in self._left.items() if left == OUTPUT)
            self._print(following, flow_control.WINDOW // 2)

    def _say(self, stage: str, channel: int, honest: bytes) -> None:
        lie, is_now = self._lie, self._lie is not None and self._lie.stage == stage
        fake_slave.send(lie.frames(channel) if lie is not None and is_now else honest)


def wait_for_ever() -> None:
    while True:
        signal.pause()


def main(name: str) -> None:
    lie = LIES.get(name)
    if name == "ends at once":
        sys.exit(3)
    if name.startswith("deaf"):  # to the end of its input, too
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if name in ("silent", "deaf and silent"):
        wait_for_ever()
    if lie is not None and lie.stage == "greeting":
        fake_slave.send(lie.frames(0))
        wait_for_ever()
    fake_slave.greet()
    Host(lie, name).serve()
    if name.startswith("deaf"):
        wait_for_ever()


if __name__ == "__main__":
    main(sys.argv[2])
