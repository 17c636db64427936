"""Outlet of frames: gathers them, and packs them if the network is slower.

A PACKED frame holds a piece of a compressed stream of frames, one stream for each direction
of a link, so that a frame like an earlier one takes next to nothing.  Data that would not
get smaller goes as it is.  No I/O in here.
"""

import zlib

from econtext.target import wire

#: The fastest level packs faster than most networks carry, and hardly worse than others.
#: 64 kB of memory for a link's stream: a controller has as many links as hosts.
_LEVEL, _MEMORY = 1, 6

#: If data keeps more than this part of its size, the next bytes are not packed: so many at
#: first, and at the most.
_WORTH = 0.9
_FIRST_PAUSE, _LONGEST_PAUSE = 1 << 20, 64 << 20

#: Bytes below which data is gathered like messages, and does not tell whether packing pays.
_SMALL = 4096


class Outlet(object):
    """Outlet that takes frames and gives bytes to `write`.

    Messages are gathered until the loop calls the function that `later` was given; without
    `later` they go out one by one.
    """

    def __init__(self, write, later=None):
        # type: (object, object) -> None
        self._write = write
        self._later = later
        self._waited_for = False
        self._ready = []  # type: list  # bytes as they go out
        self._messages = []  # type: list  # frames to be packed together, behind those
        self._deflate = None  # type: object
        self._pause = _FIRST_PAUSE
        self._paused = 0  # bytes of data that go as they are before the next try

    def pack(self):
        # type: () -> None
        """Pack all frames from now on."""
        if self._deflate is None:
            self._gather()
            self._deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, wire.MAX_BITS, _MEMORY)

    def send(self, kind, channel, body=b""):
        # type: (int, int, bytes) -> None
        """Send a message; one of contents (STORE) is compressed already."""
        # The end of a large one tells whether it gets smaller: packing noise takes 25 ms for 1 MiB.
        is_noise = len(body) > _FIRST_PAUSE and len(zlib.compress(body[-_SMALL:])) > _SMALL
        self.add(wire.frame(kind, channel, body), is_noise or kind == wire.STORE)

    def send_data(self, channel, stream, data, packed):
        # type: (int, int, bytes, bool) -> None
        """Send a piece of a stream; pack it if `packed`, unless that has not paid lately."""
        frame = wire.data_frame(channel, stream, data)
        if len(frame) < _SMALL:
            self.add(frame)
            return
        self._gather()
        if self._deflate is None or not packed or self._paused > 0:
            self._paused -= len(frame)
        else:
            size, frame = len(frame), self._packed(frame)
            if len(frame) < _WORTH * size:
                self._pause = _FIRST_PAUSE
            else:
                self._paused = self._pause
                self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        self._ready.append(frame)
        self.flush()

    def add(self, frame, as_it_is=False):
        # type: (bytes, bool) -> None
        """Send a frame with the next flush, not packed if `as_it_is`."""
        if as_it_is:
            self._gather()
            self._ready.append(frame)
        else:
            self._messages.append(frame)
        if self._later is None:
            self.flush()
        elif not self._waited_for:
            self._waited_for = True
            self._later(self.flush)  # type: ignore[operator]

    def _gather(self):
        # type: () -> None
        if self._messages:
            frames, self._messages = b"".join(self._messages), []
            self._ready.append(frames if self._deflate is None else self._packed(frames))

    def _packed(self, frames):
        # type: (bytes) -> bytes
        parts = []
        for start in range(0, len(frames), wire.MAX_UNPACKED):
            piece = self._deflate.compress(frames[start : start + wire.MAX_UNPACKED])  # type: ignore
            piece += self._deflate.flush(zlib.Z_SYNC_FLUSH)  # type: ignore
            parts.append(wire.frame(wire.PACKED, 0, piece))
        return b"".join(parts)

    def flush(self):
        # type: () -> None
        """Write all that was gathered."""
        self._waited_for = False
        self._gather()
        if self._ready:
            data, self._ready = b"".join(self._ready), []
            self._write(data)  # type: ignore[operator]
