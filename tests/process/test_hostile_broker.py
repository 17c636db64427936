"""Hosts that lie to a broker, and clients that speak junk to it.

Each row has a broker process of its own, a hostile host, and a good host beside it.
"""

from __future__ import annotations

import os
import pathlib
import signal
import socket
from collections.abc import Iterator

import pytest

from ansible_econtext.client import client, messages
from econtext.target import codec, wire
from tests.support import processes
from tests.support.scale import more_of_a_kind, parameters

from . import brokers, hostile_host
from .brokers import RunningBroker
from .lies import LIES, Lie

pytestmark = pytest.mark.timeout(60)

#: Bytes by which any lie may have a broker grow: a link holds 64 MiB of messages without end, and
#: some 16 MiB are in pieces on their way.
MOST = 160 << 20


@pytest.fixture
def broker(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningBroker]:
    # A slow machine is to have its warm processes, too.
    monkeypatch.setenv("ANSIBLE_ECONTEXT_STAYING", "60")
    yield from brokers.running(tmp_path)


#: One of each kind of consequence at each stage.
ALWAYS = {
    "chatter without end",
    "a greeting of many items",
    "parts instead of a greeting",
    "a second greeting",
    "a result of many sets",
    "more numbers as keys",
    "parts of channels that are not open",
    "directories that are none",
    "outdated for ever",
    "a log record",
    "credit for nothing",
    "a long failure of a command",
    "a warm process of no known form",
    "a warm process that ends in a run",
    "an upload that is credited twice",
    "a download of another size",
    "a parent that fails at length",
    "a parent that chatters",
}


def test_those_of_each_run_are_in_the_table() -> None:
    assert set(LIES) > ALWAYS


@pytest.mark.parametrize("name", parameters(LIES, ALWAYS))
def test_a_lie_is_told_and_the_good_host_served(
    broker: RunningBroker, tmp_path: pathlib.Path, name: str
) -> None:
    lie = LIES[name]
    reply = reply_to(lie, broker, name, tmp_path)
    assert type(reply) is lie.reply, vars(reply)
    assert getattr(reply, "code", None) is lie.code, vars(reply)
    assert lie.words in getattr(reply, "text", ""), vars(reply)
    assert broker.grown() < MOST
    assert "internal error" not in broker.log
    broker.serves_the_good_host()
    broker.stop()


def reply_to(lie: Lie, broker: RunningBroker, name: str, directory: pathlib.Path) -> messages.Reply:
    """The reply to a request for a host that lies; the good host is served meanwhile."""
    hops = broker.hostile(name)
    work = messages.Work(hops, [], brokers.action_of(lie.stage, hops, directory))
    if lie.stage == "become":
        work = work.replace(route=[*hops, brokers.BECOME.replace(timeout=1.0)])
    bad = broker.connect()
    if lie.stage == "warm":  # which has an ordinary call before it
        first = bad.ask(work)
        assert isinstance(first, messages.Ended) and not first.was_warm
    bad.tell(work, 7)
    broker.serves_the_good_host()
    [(number, reply)] = bad.receive()
    assert number == 7
    return reply


# Hosts that break no rule, but what they owe comes late or never


def asked(broker: RunningBroker, manner: str) -> client.Client:
    """A client whose request has come to a host of this manner."""
    bad = broker.connect()
    bad.tell(messages.Work(broker.hostile(manner), [], messages.Exists("/")), 7)
    broker.serves_the_good_host()

    def is_in_use() -> bool:
        return any(slave.requests for slave in broker.status().slaves)

    processes.until(20, is_in_use, "it uses its slave")
    return bad


def test_silence_keeps_no_other_waiting_and_is_ended(broker: RunningBroker) -> None:
    bad = broker.connect()
    bad.tell(messages.Work(broker.hostile("silent"), [], messages.Exists("/")), 7)
    broker.serves_the_good_host()
    assert bad.is_quiet()
    broker.stop()


def test_an_end_before_the_greeting(broker: RunningBroker) -> None:
    reply = broker.connect().ask(
        messages.Work(broker.hostile("ends at once"), [], messages.Exists("/"))
    )
    assert isinstance(reply, messages.NotReached) and reply.status == 3
    broker.stop()


def test_one_that_ignores_all_is_ended(broker: RunningBroker) -> None:
    """A worker that hangs up, the end of its input, and SIGTERM."""
    bad = asked(broker, "deaf")
    assert bad.is_quiet()
    bad.close()
    broker.serves_the_good_host()
    broker.stop()


def ignores(pid: int, number: int) -> bool:
    """Whether a process ignores a signal."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    [line] = [line for line in text.splitlines() if line.startswith("SigIgn:")]
    return bool(int(line.split()[1], 16) >> (number - 1) & 1)


def test_one_that_was_just_told_to_end_does_not_outlive_the_broker(broker: RunningBroker) -> None:
    """It ignores SIGTERM, and SIGKILL comes a second later."""
    work = messages.Work(broker.hostile("deaf and silent"), [], messages.Exists("/"))
    broker.connect().tell(work, 7)

    def is_deaf() -> bool:
        return any(ignores(each.pid, signal.SIGTERM) for each in broker.hosts())

    processes.until(20, is_deaf, "it has been started")
    broker.stop()
    assert not broker.hosts()


def test_an_answer_after_the_worker_has_gone_is_no_harm(broker: RunningBroker) -> None:
    asked(broker, "late").close()
    again = messages.Work(broker.hostile("late"), [], messages.Exists("/"))
    assert broker.connect().ask(again) == messages.Existence(True)
    broker.stop()


def test_a_parent_that_chatters_on_when_it_is_told_to_end(broker: RunningBroker) -> None:
    hops = [*broker.hostile("deaf parent"), brokers.BECOME.replace(timeout=0.5)]
    reply = broker.connect().ask(messages.Work(hops, [], messages.Exists("/")))
    assert isinstance(reply, messages.NotReached)
    assert (reply.code, reply.hop) == (messages.FailureCode.TIMEOUT, 1)
    broker.serves_the_good_host()
    broker.stop()


# What takes long, or much


def test_a_flood_leaves_the_good_host_its_turns(broker: RunningBroker) -> None:
    """Twenty million frames, which take a broker minutes."""
    flooded = asked(broker, "floods")
    for _ in range(10):
        broker.serves_the_good_host()
    assert flooded.is_quiet()
    flooded.close()
    broker.serves_the_good_host()
    assert broker.grown() < MOST
    broker.stop()


@more_of_a_kind  # 570 MiB of memory, for as long as it takes to fill it
@pytest.mark.timeout(300)
def test_all_that_a_link_holds_together_is_bounded(broker: RunningBroker) -> None:
    """Output of two commands that do not end, a third one's, and messages without end."""
    bad = broker.connect()
    work = messages.Work(broker.hostile("fills"), [], messages.Command(["true"]))
    for number in (1, 2, 3):
        bad.tell(work, number)
    broker.serves_the_good_host()
    [(_, reply)] = bad.receive()  # there is no room for the output of the last to begin
    assert isinstance(reply, messages.Ended)
    filled = hostile_host.PARTS + 2 * hostile_host.OUTPUT
    assert filled - (8 << 20) < broker.grown() < filled + (64 << 20)
    broker.serves_the_good_host()
    bad.close()
    processes.until(20, lambda: broker.grown("VmRSS") < MOST, "it has given the memory back")
    broker.serves_the_good_host()
    broker.stop()


# Clients


def frame(value: object, number: int = 7) -> bytes:
    return wire.frame(wire.OPEN, number, codec.encode(value))


def work(hops: list[object], action: object = ("Exists", "/")) -> bytes:
    return frame(("Work", hops, [], action, False, ""))


HOP = ("Hop", "local", "bad", ["/nonexistent"], "bad", "", None, b"", b"", (), (), 0.0)

#: What a client says, and whether the connection is closed for it.
JUNK = {
    "another protocol": (b"GET / HTTP/1.1\r\n\r\n", True),
    "noise": (os.urandom(100_000), True),
    "a frame that is too long": (b"\x01\0\0\0\7\0\2\0\0", True),
    "a reply": (wire.frame(wire.RESULT, 7, codec.encode(("Done",))), True),
    "packed frames": (wire.frame(wire.PACKED, 0, b"x"), True),
    "a part of a message": (20 * (b"\x81\0\0\0\7\0\1\0\0" + wire.MAX_BODY * b"x"), False),
    "a part of a frame": (frame(("Leave",))[:-1], False),
    "no request": (frame(7), False),
    "a request of no kind": (frame(("Begone",)), False),
    "a run of no number": (frame(("Register", "1")), False),
    "a run of an unheard-of number": (frame(("Register", 1 << 60)), True),
    "a route to nowhere": (work([]), False),
    "a host that is not there": (work([HOP]), False),
    "a hop without a command": (work([(*HOP[:3], [], *HOP[4:])]), False),
    "a payload that is none": (
        work([HOP], ("Module", "m", b"", b"", None, 0, "", {}, None, "", False, b"junk")),
        False,
    ),
    "one number for two requests": (2 * work([HOP]), False),
    "more requests than it reads replies": (20_000 * frame(("Status",)), False),
}


ALWAYS_JUNK = {"noise", "a part of a frame", "a request of no kind", "one number for two requests"}


def test_a_run_of_no_process_is_not_waited_for(broker: RunningBroker) -> None:
    for number in (-1, 0, 1 << 60):
        with pytest.raises(client.BrokerGone):
            broker.connect().ask(messages.Register(number))
    assert broker.status().runs == [os.getpid()]
    broker.stop()


def test_a_route_to_nowhere_has_a_reply_each_time(broker: RunningBroker) -> None:
    asking = broker.connect()
    for number in (1, 2):
        asking.tell(messages.Work([], [], messages.Exists("/")), number)
    asking.tell(messages.Status(), 3)
    replies: list[int] = []
    while 3 not in replies:
        replies += [number for number, _ in asking.receive()]
    assert replies == [1, 2, 3]
    broker.stop()


@pytest.mark.parametrize("name", parameters(JUNK, ALWAYS_JUNK))
def test_a_client_that_speaks_junk_stops_no_other(broker: RunningBroker, name: str) -> None:
    data, is_closed = JUNK[name]
    with socket.socket(socket.AF_UNIX) as junk:
        junk.settimeout(30)
        junk.connect(broker.socket)
        junk.sendall(data)
        if is_closed:
            assert junk.recv(1) == b""
        broker.serves_the_good_host()
    broker.serves_the_good_host()
    assert broker.grown() < MOST
    broker.stop()
