"""Dialogue with ssh or sudo before a slave runs.  Bytes in, answers out: no I/O."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from econtext.target import wire

#: Bytes at the end of the output in which a marker is looked for.
_LOOK_BACK = 16384

#: Bytes at its end in which a prompt is looked for: that may take time by the square of them.
_LONGEST_PROMPT = 1024


#: Request for a password by a program that is not told how to ask.
ASKED = re.compile(rb"(?i)password[^\n]*:\s*\Z")

#: All streams of a command: a program that leads to another account asks on any of them.
ANY_STREAM = frozenset([wire.STDOUT, wire.STDERR, wire.TERMINAL])


class Dialogue(NamedTuple):
    """Output to expect of the command that starts a slave, and the answers to it.

    `marker`: printed on standard output when the command is ready for the bundle;
    empty if it is from the start.  `prompt`: its request for a password, at the end
    of its output.  `incorrect` and `missing`: its messages about a wrong password,
    or one that it cannot ask for.
    """

    marker: bytes = b""
    #: The streams on which the prompt counts: output on another must not get a password.
    asks_on: frozenset[int] = frozenset([wire.STDOUT, wire.STDERR])
    prompt: re.Pattern[bytes] | None = None
    password: str | None = None
    incorrect: tuple[bytes, ...] = ()
    missing: tuple[bytes, ...] = ()

    def __repr__(self) -> str:
        return f"<Dialogue that waits for {self.marker!r}>"  # not the password


class Answer(NamedTuple):
    """Instruction to write data to a stream of the command."""

    stream: int
    data: bytes

    def __repr__(self) -> str:
        return f"<Answer on stream {self.stream}>"  # not the password


class Ready(NamedTuple):
    """Notice that the marker came; `rest` is standard output behind it."""

    rest: bytes


class Refused(NamedTuple):
    """Notice that the password is wrong, or missing."""

    missing: bool


class Talk:
    """State of one dialogue with a command."""

    def __init__(self, dialogue: Dialogue) -> None:
        self._dialogue = dialogue
        self._seen: dict[int, bytes] = {}
        self._answered = False

    def feed(self, stream: int, data: bytes) -> Iterator[Answer | Ready | Refused]:
        """Yield what to do about a piece of output.

        Not to be called after Ready.
        """
        seen = self._seen[stream] = (self._seen.get(stream, b"") + data)[-_LOOK_BACK:]
        marker = self._dialogue.marker
        if marker and stream == wire.STDOUT and marker in seen:
            yield Ready(seen.partition(marker)[2].removeprefix(b"\r").removeprefix(b"\n"))
        elif any(text in seen for text in self._dialogue.incorrect):
            yield Refused(missing=False)
        elif any(text in seen for text in self._dialogue.missing):
            yield Refused(missing=self._dialogue.password is None)
        elif self._asks(stream, seen):
            yield self._answer(stream)

    def _asks(self, stream: int, seen: bytes) -> bool:
        prompt = self._dialogue.prompt
        if prompt is None or stream not in self._dialogue.asks_on:
            return False
        return prompt.search(seen[-_LONGEST_PROMPT:]) is not None

    def _answer(self, stream: int) -> Answer | Refused:
        self._seen[stream] = b""
        if self._dialogue.password is None:
            return Refused(missing=True)
        if self._answered:
            return Refused(missing=False)  # it asks again: the first answer was wrong
        self._answered = True
        back = wire.TERMINAL if stream == wire.TERMINAL else wire.STDIN
        try:
            password = self._dialogue.password.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:  # no bytes are meant by it
            return Refused(missing=False)
        return Answer(back, password + b"\n")
