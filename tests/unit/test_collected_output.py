"""Output of modules and commands, as the broker keeps it."""

import tracemalloc

from ansible_econtext.broker.calls import Output
from econtext.target import wire


def test_streams_are_kept_apart_and_others_are_dropped():
    output = Output()
    for stream, data in ((wire.STDOUT, b"a"), (wire.STDERR, b"b"), (wire.TERMINAL, b"c")):
        assert output.add(stream, data) and output.add(stream, data)
    assert output.values() == {"stdout": b"aa", "stderr": b"bb"}


def test_pieces_take_no_more_memory_than_their_bytes():
    """A target chooses the size of a piece: 40 bytes were kept for each one."""
    output = Output()
    data = bytes(range(256))
    tracemalloc.start()
    for number in range(200_000):
        start = number % 255
        output.add(wire.STDOUT, data[start : start + 2])
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(output.values()["stdout"]) == 400_000 and most < 2 << 20
