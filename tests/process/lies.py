"""Lies of a host to a broker, stage by stage, and what the request's reply is then.

Each lie is the frames that `hostile_host.py` sends at its stage; at all others it is honest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ansible_econtext.broker import calls, target_modules
from ansible_econtext.client import messages
from ansible_econtext.client.messages import Died, Ended, Failed, NotReached, Reply
from econtext.target import codec, flow_control, hello, wire

CODES = messages.FailureCode


class Lie(NamedTuple):
    """What is sent at a stage, by the number of the channel, and the reply that comes of it."""

    stage: str
    frames: Callable[[int], bytes]
    reply: type[Reply]
    code: messages.FailureCode | None = None
    #: Part of the reply's text.
    words: str = ""


#: Exit of a channel's process, by itself.
END = codec.encode(0)


def value(channel: int, what: object) -> bytes:
    return wire.frame(wire.RESULT, channel, codec.encode(("value", what)))


def ended(channel: int, status: object = 0) -> bytes:
    return wire.frame(wire.EXIT, channel, codec.encode(status))


def returns(result: object, made: object = ()) -> Callable[[int], bytes]:
    """The whole of a call that returns this, with the directories that it made."""
    outcome = (result, list(made) if made == () else made)
    return lambda channel: value(channel, outcome) + ended(channel)


def raises(kind: str, text: str) -> Callable[[int], bytes]:
    outcome = codec.encode(("error", kind, text, ""))
    return lambda channel: wire.frame(wire.RESULT, channel, outcome) + ended(channel)


def printed(*pieces: bytes, stream: int = wire.STDOUT) -> Callable[[int], bytes]:
    """Frames of output on one stream."""
    return lambda channel: b"".join(wire.data_frame(channel, stream, piece) for piece in pieces)


def replies(*frames: bytes) -> Callable[[int], bytes]:
    """What a warm process prints: frames within its output."""
    whole = b"".join(frames)
    pieces = [whole[at : at + wire.MAX_DATA] for at in range(0, len(whole), wire.MAX_DATA)]
    return printed(*pieces)


RUN = wire.frame(wire.RESULT, 0, codec.encode((0, [])))

#: Sets without members: 216 bytes of memory for each five of the wire.
SETS = (calls.MAX_RESULT - 100) // 5
MANY_SETS = b"l" + SETS.to_bytes(4, "big") + SETS * b"s\0\0\0\0"
MORE_SETS = b"l" + (20 * SETS).to_bytes(4, "big") + 20 * SETS * b"s\0\0\0\0"


def numbers(count: int) -> bytes:
    """A dict of so many numbers as keys, chosen to collide: their low bits are equal."""
    keys = (b"i" + (number << 48).to_bytes(8, "big") + b"N" for number in range(count))
    return b"d" + count.to_bytes(4, "big") + b"".join(keys)


def big_integers(count: int) -> bytes:
    """A dict of so many integers as keys that have one hash, 0."""
    each = [codec.encode(((1 << 61) - 1) * (8 + number)) + b"N" for number in range(count)]
    return b"d" + count.to_bytes(4, "big") + b"".join(each)


def result_of(body: bytes) -> Callable[[int], bytes]:
    """A result whose value is of these bytes."""
    whole = b"t\0\0\0\2" + codec.encode("value") + body
    return lambda channel: wire.frame(wire.RESULT, channel, whole) + ended(channel)


def endless(kind: int, channel: int, parts: int = wire.MAX_MESSAGE // wire.MAX_BODY + 6) -> bytes:
    """Parts of messages that do not end, of as many channels; more than a link may hold."""
    part = wire.MAX_BODY * b"x"
    return b"".join(
        wire._HEADER.pack(kind | wire._MORE, channel + number % 500, len(part)) + part
        for number in range(parts)
    )


def _again(frames: Callable[[int], bytes]) -> Callable[[int], bytes]:
    return lambda channel: 2 * frames(channel)


def lost(stage: str, frames: Callable[[int], bytes], words: str = "broke the protocol") -> Lie:
    """A lie that breaks the link."""
    return Lie(stage, frames, Failed, CODES.LOST, words)


def no_form(stage: str, result: object, made: object = ()) -> Lie:
    """A result of another form than the function's."""
    words = "a result of no known form"
    return Lie(stage, returns(result, made), Failed, CODES.CALL, words)


def not_reached(stage: str, frames: Callable[[int], bytes], words: str) -> Lie:
    return Lie(stage, frames, NotReached, CODES.NOT_STARTED, words)


FINE = returns(True)

LIES = {
    # In place of a greeting
    "chatter without end": not_reached(
        "greeting", lambda _: 2_000_000 * b"Welcome!\n", "without end"
    ),
    "junk behind the first word": not_reached(
        "greeting", lambda _: wire.MAGIC + 1000 * b"Welcome!\n", "broke the protocol"
    ),
    "a frame before the greeting": not_reached(
        "greeting", lambda _: wire.MAGIC + value(1, "early"), "not open"
    ),
    "a greeting that is none": not_reached(
        "greeting",
        lambda _: wire.MAGIC + wire.frame(wire.HELLO, 0, codec.encode([])),
        "a greeting that is none",
    ),
    "a greeting of many items": not_reached(
        "greeting",
        lambda _: wire.MAGIC + wire.frame(wire.HELLO, 0, MORE_SETS),
        "a frame of kind",
    ),
    "a greeting of another account's home as a number": not_reached(
        "greeting",
        lambda _: wire.MAGIC + wire.frame(wire.HELLO, 0, codec.encode({**hello.make(), "home": 7})),
        "a greeting without home",
    ),
    "parts instead of a greeting": not_reached(
        "greeting", lambda _: wire.MAGIC + endless(wire.LOG, 0), "a message of more than"
    ),
    # The result of a call
    "a second greeting": lost(
        "exists", lambda _: wire.frame(wire.HELLO, 0, codec.encode(hello.make()))
    ),
    "an answer to no ping": lost("exists", lambda _: wire.frame(wire.PONG, 0)),
    "a kind that a broker sends": lost("exists", lambda channel: wire.frame(wire.CALL, channel)),
    "junk": lost("exists", lambda _: b"Killed\n" * 100),
    "the result of another channel": lost(
        "exists", lambda channel: value(channel + 1, (True, [])), "not open"
    ),
    "a result after the end": lost(
        "exists", lambda channel: ended(channel) + value(channel, (True, [])), ""
    )._replace(code=CODES.CALL),
    "a result that is no value": lost("exists", result_of(b"l\xff\xff\xff\xff"), "announced"),
    "a result of no form": lost(
        "exists", lambda channel: wire.frame(wire.RESULT, channel, codec.encode(7))
    ),
    "a result that is too long": lost("exists", result_of(MANY_SETS + 200 * b"N"), "too long"),
    "a result of many sets": Lie(
        "exists", result_of(MANY_SETS), Failed, CODES.CALL, "no known form"
    ),
    "numbers as keys": Lie(
        "exists", result_of(numbers(codec.MAX_NUMBERS)), Failed, CODES.CALL, "no known form"
    ),
    "more numbers as keys": lost(
        "exists", result_of(numbers(codec.MAX_NUMBERS + 1)), "numbers as keys"
    ),
    "big integers of one hash as keys": lost(
        "exists", result_of(big_integers(30_000)), "cannot be a key"
    ),
    "a result without end": lost("exists", lambda channel: endless(wire.RESULT, channel), "more"),
    "parts of channels that are not open": lost(
        "exists", lambda channel: endless(wire.WANT, channel + 1), "a message of more than"
    ),
    "neither true nor false": no_form("exists", 1),
    "directories that are none": no_form("exists", True, {"/tmp": 1}),
    "a directory of a long name": no_form("exists", True, ["/" * 5000]),
    "a status of a call that is none": lost(
        "exists", lambda channel: ended(channel, "0"), "exit status"
    ),
    "a status that no process has": lost(
        "exists", lambda channel: ended(channel, -(10**3)), "exit status"
    ),
    "an end without a result": Lie("exists", ended, Failed, CODES.CALL, "the call's process"),
    "an error that is none": lost(
        "exists",
        lambda channel: wire.frame(wire.RESULT, channel, codec.encode(("error", 1, 2, 3))),
    ),
    "outdated for ever": Lie(
        "exists", raises(target_modules.OUTDATED, "so it is"), Failed, CODES.CALL, "so it is"
    ),
    "orphaned for ever": Lie(
        "exists", raises(target_modules.ORPHANED, "so it is"), Failed, CODES.CALL, "so it is"
    ),
    "a home that is no text": no_form("expand", b"/root"),
    "a status of a module that is none": no_form("module", "0"),
    "a status of a module beyond all": no_form("module", 10**9),
    "a status of a program that is none": no_form("program", None),
    # Logs, modules, credit
    "a log record": lost(
        "exists",
        lambda channel: wire.frame(wire.LOG, channel, codec.encode((50, "root", "text"))),
        "none was asked for",
    ),
    "a question for a module": lost(
        "exists", lambda channel: wire.frame(wire.WANT, channel, b"ansible_econtext"), "not offered"
    ),
    "credit for nothing": lost("exists", lambda channel: wire.credit_frame(channel, 1), "credit"),
    # Output
    "a stream that does not exist": lost("exists", printed(b"x", stream=9), "stream"),
    "output without content": lost("exists", printed(b""), "without content"),
    # Commands
    "a result of a command": lost("command", lambda channel: value(channel, 1)),
    "a long failure of a command": lost(
        "command",
        lambda channel: wire.frame(wire.RESULT, channel, MORE_SETS),
        "too long",
    ),
    "a status of a command beyond all": lost(
        "command", lambda channel: ended(channel, 256), "exit status"
    ),
    "a command that ends twice": Lie("command", _again(ended), Ended),
    # Warm processes
    "a warm process that says junk": lost("warm", replies(b"Killed\n" * 100)),
    "a warm process of another stream": lost(
        "warm", replies(wire.data_frame(0, wire.TERMINAL, b"x") + RUN), "no module has"
    ),
    "a warm process that replies twice": Lie("warm", replies(RUN, RUN), Ended),
    "a warm process that replies without end": lost(
        "warm",
        replies(17 * (wire._HEADER.pack(wire.RESULT | wire._MORE, 0, 1 << 16) + (1 << 16) * b"x")),
        "a message of more than",
    ),
    "a warm process of no known form": lost(
        "warm", replies(wire.frame(wire.RESULT, 0, codec.encode("fine"))), "no known form"
    ),
    "a warm process with a status that is none": Lie(
        "warm",
        replies(wire.frame(wire.RESULT, 0, codec.encode((400, [])))),
        Failed,
        CODES.CALL,
        "no known form",
    ),
    "a warm process that ends in a run": Lie(
        "warm", lambda channel: ended(channel, -9), Died, None, "SIGKILL"
    ),
    # Files
    "an upload that is done before it came": Lie("put", returns(7), messages.Done),
    "an upload that is credited twice": lost(
        "put", lambda channel: wire.credit_frame(channel, flow_control.WINDOW + 1), "credit"
    ),
    "a download of another size": Lie(
        "fetch",
        lambda channel: printed(b"content")(channel) + returns((6, 0o644))(channel),
        Failed,
        CODES.OPERATION,
        "7 of 6 bytes",
    ),
    "a download of infinite size": Lie(
        "fetch", returns((float("inf"), 0o644)), Failed, CODES.OPERATION, "of inf bytes"
    ),
    "a download without a mode": no_form("fetch", (0, None)),
    "a download that is no pair": no_form("fetch", 7),
    # A slave that leads to another account's
    "a parent that refuses": Lie(
        "become",
        lambda channel: (
            wire.frame(wire.RESULT, channel, codec.encode(("failed", "no such command")))
            + ended(channel, 127)
        ),
        NotReached,
        CODES.NOT_STARTED,
        "no such command",
    ),
    "a parent that fails at length": Lie(
        "become",
        lambda channel: wire.frame(wire.RESULT, channel, MORE_SETS),
        NotReached,
        CODES.NOT_STARTED,
        "too long",
    ),
    "a parent that makes up a slave of junk": Lie(
        "become",
        printed(b"marker\n" + wire.MAGIC + b"Welcome!\n"),
        NotReached,
        CODES.NOT_STARTED,
        "broke the protocol",
    ),
    "a parent that says a password is wrong": Lie(
        "become", printed(b"Sorry\n"), NotReached, CODES.PASSWORD_REFUSED, "refused"
    ),
    "a parent that chatters": Lie(
        "become", printed(*20 * [60_000 * b"x"]), NotReached, CODES.TIMEOUT, "no slave ran"
    ),
}
