"""Handler that sends a call process's log records to the controller."""

import logging

from econtext.target import codec, compat, wire

#: Characters of one record that are sent.
MAX_TEXT = 32768


class Handler(logging.Handler):
    """Handler that sends each record as (level, name of the logger, text)."""

    def __init__(self, channel):
        # type: (object) -> None
        logging.Handler.__init__(self)
        self._channel = channel

    def emit(self, record):
        # type: (logging.LogRecord) -> None
        try:
            name, text = compat.from_native(record.name), compat.from_native(self.format(record))
            sent = (int(record.levelno), name[:4096], text[:MAX_TEXT])
            self._channel.send(wire.LOG, codec.encode(sent))
        except Exception:
            self.handleError(record)


def install(channel, level):
    # type: (object, int) -> None
    """Send records of this level and above over a call process's channel."""
    root = logging.getLogger()
    root.addHandler(Handler(channel))
    root.setLevel(level)
