"""Properties of a link, of the handlers of requests, and of the start of a slave."""

from __future__ import annotations

import re
import tempfile
from typing import Any

from ansible_econtext.broker import calls, handlers
from ansible_econtext.broker.payload_store import PayloadStore
from ansible_econtext.broker.sequence import Sequence
from ansible_econtext.client import messages, route
from econtext.controller import call_session, prompts
from econtext.controller.call_channel import ExchangingCall
from econtext.controller.call_session import ServingCall
from econtext.controller.channels import Call, RemoteCommand
from econtext.controller.launch import Launch, Starting
from econtext.controller.link import Link
from econtext.target import codec, wire

from . import doubles
from .choices import TALK, TELLING, UPWARD, Choices

REQUEST = {"module": "os", "function": "getpid", "offered": ("offered",), "log_level": 20}


def check_link(data: bytes) -> int:
    """A link takes frames or breaks; then each caller has its error, and nothing more comes."""
    choices, turns = Choices(data), doubles.Turns()
    link = doubles.link(turns)
    ends: list[Exception] = []
    link.on_end.append(ends.append)
    if choices.below(8):
        link.feed(wire.frame(wire.HELLO, 0, codec.encode(TELLING[-1])))
    opened: list[Any] = []
    asked: list[call_session.Asked] = []
    while not choices.is_over and link.error is None:
        match choices.below(15):
            case 0:
                opened.append(Call(link, REQUEST))
            case 12:
                opened.append(ServingCall(link, 20))
            case 14:
                opened.append(ExchangingCall("channel", link, {**REQUEST, "arguments": ()}))
            case 13 if any(isinstance(each, ServingCall) for each in opened):
                serving = choices.of([each for each in opened if isinstance(each, ServingCall)])
                asked.append(call_session.Asked(b"request", "os", "getpid", ("offered",)))
                serving.ask(asked[-1])
                if not choices.below(4) and asked[-1].future.cancel():
                    serving.withdraw(asked[-1])
            case 1:
                opened.append(calls.CollectingCall(link, "os", "getpid"))
            case 2:
                opened.append(RemoteCommand(link, ["true"], False))
            case 3 if opened:
                choices.of(opened).kill()
            case 4 if opened:
                choices.of(opened).write(wire.STDIN, choices.raw())
            case 5:
                link.ping(lambda: None)
            case 6 if not choices.below(8):
                link.ended(choices.below(256))
            case _:
                _feed(link, choices, TALK if choices.below(8) else UPWARD)
        turns.run()
    link.ended(0)
    turns.run()
    assert len(ends) == 1 and link.error is ends[0]
    assert str(link.error).startswith(
        ("fuzzed: the slave broke the protocol", "fuzzed: the slave's")
    )
    assert all(each.finished for each in opened)
    assert all(each.future.done() for each in opened if isinstance(each, Call))
    assert all(each.future.done() for each in asked)
    assert link.process.owed == 0  # type: ignore[attr-defined]
    return choices.frames


def _feed(link: Link, choices: Choices, kinds: tuple[int, ...] = TALK) -> None:
    for piece in choices.pieces(choices.frame(kinds, 1 + link._last_channel)):
        link.process.owed += len(piece)  # type: ignore[attr-defined]
        link.feed(piece, len(piece))
    assert link._intake._reader._partial_size <= wire.MAX_MESSAGE


#: A file to fetch into: a worker's, which the broker removes if the worker goes.
PART = tempfile.NamedTemporaryFile(prefix="econtext-fuzz-")

#: An action of each kind, and modules that may have a warm process.
HOP = route.Hop("local", "local", ["python"], "local", "python")
MODULE = messages.Module(
    "m", b"known", b"{}", None, 0, "python", {}, None, "/tmp", True, archive=None
)
ACTIONS: tuple[messages.Action, ...] = (
    messages.Exists("/"),
    messages.Expand("~another"),
    messages.Operations(),
    messages.Command(["true"]),
    MODULE,
    MODULE,
    MODULE.replace(may_run_warm=False, interpreter="another"),
    messages.Program("p", "sh", "", "p", [], b"input", None, "/tmp", "t"),
    messages.Fetch("/remote", PART.name),
    messages.Put(__file__, "/remote", 0o600),
)


class Payloads(PayloadStore):
    """Store that knows one payload."""

    def __init__(self) -> None:
        super().__init__()
        self._known[b"known"] = digest = b"digest"
        self._manifests[digest] = (codec.encode([]), [])


@doubles.no_disk_thread
def check_handlers(data: bytes) -> int:
    """Each request has one reply, of a kind that fits it, whatever its slave sends."""
    choices, turns = Choices(data), doubles.Turns()
    link = doubles.link(turns)
    link.feed(wire.frame(wire.HELLO, 0, codec.encode(TELLING[-1])))
    pool, payloads, sequence = doubles.Pool(link, turns), Payloads(), Sequence()
    asked: list[tuple[messages.Work, list[messages.Reply], Any]] = []
    while not choices.is_over and link.error is None:
        what = choices.below(10)
        if what == 0 or not asked:
            work = messages.Work([HOP], [], choices.of(ACTIONS), in_sequence=not choices.below(3))
            replies: list[messages.Reply] = []
            handler = handlers.HANDLERS[type(work.action)](
                pool, payloads, work, replies.append, True, sequence if work.in_sequence else None
            )
            asked.append((work, replies, handler))
            handler.begin()
        elif what == 1:
            turns.expire()
        elif what == 2 and not choices.below(4):
            work, replies, handler = choices.of(asked)
            if not handler.is_over and not isinstance(work.action, messages.Fetch):
                handler.abandon()
                replies.extend([messages.Done()] * (not handler.tidies_up))
        else:
            _feed(link, choices)
        turns.run()
    link.ended(0)
    turns.run()
    for work, replies, _ in asked:
        [reply] = replies
        if type(reply) is not messages.Done:
            kinds = messages.replies_to(work)
            assert messages.decode_reply(messages.encode(reply), kinds) == reply
        assert "internal error" not in getattr(reply, "text", "")
    assert len(pool.slave.left) <= 10_000 and not pool.slave.users
    assert 0 <= link.kept_output <= calls.MAX_TOGETHER
    return choices.frames


# The start of a slave


DIALOGUES = (
    prompts.Dialogue(),
    prompts.Dialogue(
        marker=b"marker",
        prompt=re.compile(b"Password:"),
        password="secret",
        incorrect=(b"Sorry",),
        missing=(b"required",),
    ),
    prompts.Dialogue(prompt=re.compile(b"Password:")),
)


class Start(Starting):
    """Start of a slave by a process that the property plays."""

    def _run(self, loop: Any, parent: Any) -> Any:
        return doubles.Process()


def check_start(data: bytes) -> int:
    """A start ends once, with a link or an error, and keeps little of what a login prints."""
    choices, turns = Choices(data), doubles.Turns()
    plan = Launch("fuzzed", ("true",), choices.of(DIALOGUES), is_network=bool(choices.below(2)))
    outcomes: list[Any] = []
    start = Start(turns, plan, None, outcomes.append)  # type: ignore[arg-type]
    while not choices.is_over:
        size = choices.below(40)
        if size == 39:
            turns.expire()
        elif start._process.on_output is not None:
            stream = choices.of((wire.STDOUT, wire.STDERR, wire.TERMINAL))
            said = choices.output(UPWARD) if size < 25 else choices.frame(TALK)
            for piece in choices.pieces(said):
                if piece:
                    start._process.owed += len(piece)  # type: ignore[attr-defined]
                    start._process.on_output(stream, piece)
        turns.run()
        assert len(start._chatter) < 2 * wire.MAX_BODY and len(start._link.stderr) <= 4096
    start._exited(choices.below(256))
    turns.run()
    if not outcomes:  # a second start
        start._exited(1)
        turns.run()
    [outcome] = outcomes
    assert isinstance(outcome, Link | Exception)
    return choices.frames
