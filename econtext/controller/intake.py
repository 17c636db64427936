"""Intake: takes bytes from a slave, and handles their frames for some time in each turn.

A frame of one byte of output takes next to nothing if it is packed: 64 KiB hold millions,
which take the broker half a minute.  Other hosts have their turns meanwhile.
"""

from collections import deque
from collections.abc import Callable, Iterator

from econtext.target import wire
from econtext.target.loop import monotonic

#: A function that calls another one at some later time.
Later = Callable[[Callable[[], None]], None]

#: Seconds after which frames that wait are left for the loop's next turn.
TURN = 0.01

#: Bytes up to which pieces are put together: each that waits takes some 100 besides its content,
#: and a slave's parent may send one byte in each.
_PIECE = 65536

#: Bytes of messages that are short: to decode a million of items takes more than half a second.
_LONGEST = {
    wire.HELLO: 1 << 17,
    wire.EXIT: 16,
    wire.PONG: 16,
    wire.LOG: 1 << 18,
    wire.WANT: 1 << 16,
}


class Intake:
    """Intake of one link.  The process gets credit for bytes when their frames are handled.

    So it may send no more than a window of bytes ahead.  `broken` is called with what
    `handle(kind, channel, body)` raises, or the reader.  Without `next_turn`, which calls a
    function in the loop's next turn, all frames are handled in one.
    """

    def __init__(
        self,
        handle: Callable[[int, int, bytes], None],
        broken: Callable[[Exception], None],
        credit: Callable[[int], object],
        next_turn: Later | None,
    ) -> None:
        self._handle = handle
        self._broken = broken
        self._credit = credit
        self._next_turn = next_turn
        self._reader = wire.Reader(wire.UPWARD)
        self._pieces: deque[tuple[bytearray, int]] = deque()  # with the credit due for each
        self._frames: Iterator[tuple[int, int, bytes]] | None = None  # of the first piece
        self._has_turn = False  # ahead of it, in the loop
        self._is_closed = False
        self._then: Callable[[], None] | None = None

    def add(self, data: bytes, owed: int) -> None:
        """Take bytes behind all others; `owed` is the credit that is due for them."""
        if self._is_closed:
            self._credit(owed)
            return
        # Not to the first one, whose frames are being read.
        last, due = self._pieces[-1] if len(self._pieces) > 1 else (None, 0)
        if last is not None and len(last) + len(data) <= _PIECE:
            last += data
            self._pieces[-1] = last, due + owed
        else:
            self._pieces.append((bytearray(data), owed))
        if not self._has_turn:
            self._handle_some()

    def _handle_some(self) -> None:
        self._has_turn = False
        try:
            while not self._turn():
                if self._next_turn is not None:
                    self._has_turn = True
                    self._next_turn(self._handle_some)
                    return
        except Exception as error:
            self._broken(error)
        then, self._then = self._then, None
        if then is not None:
            then()

    def _turn(self) -> bool:
        """Handle frames for one turn; return False if it ended before the last of them."""
        end = monotonic() + TURN
        while self._pieces:
            data, owed = self._pieces[0]
            if self._frames is None:
                self._frames = iter(self._reader.each(data))  # type: ignore[call-overload, arg-type]
            for message in self._frames:
                if message is not None:
                    kind, channel, body = message
                    if len(body) > _LONGEST.get(kind, wire.MAX_MESSAGE):
                        raise wire.ProtocolError(f"a frame of kind {kind} of {len(body)} bytes")
                    self._handle(kind, channel, body)
                    if self._is_closed:
                        return True
                if monotonic() >= end:
                    return False
            self._frames = None
            self._pieces.popleft()
            self._credit(owed)
        return True

    def after_all(self, callback: Callable[[], None]) -> None:
        """Call `callback` when no frame waits any longer."""
        if self._pieces:
            self._then = callback
        else:
            callback()

    def close(self) -> None:
        """Drop all that waits and all that comes; the process gets credit, to write and end."""
        self._is_closed = True
        self._frames = None
        while self._pieces:
            self._credit(self._pieces.popleft()[1])
