"""Much of everything: large values, long output, many calls; and what must not grow with it."""

import os

import pytest

from econtext import CallError
from econtext.target import codec, flow_control, wire
from tests.support import processes
from tests.support.scale import ALL, parameters

from . import routes
from .target import looking, plain

#: The newest Python by ssh; the oldest one behind a hop of each kind, which takes root.
ALWAYS = ("ssh", "sudo of local" if os.geteuid() == 0 else "local 2.7")

pytestmark = pytest.mark.parametrize(
    "route", parameters(routes.NAMES, ALWAYS), indirect=True, scope="session"
)

MEGABYTE = 1_000_000

#: Calls, each of which would leave something.
MANY = 200 if ALL else 50


def answers(context):
    return context.start(plain.echo, 1).result(30) == [[1], []]


@pytest.mark.parametrize(
    "value",
    [5 * MEGABYTE * b"x", "\u00e9" * MEGABYTE, list(range(200_000))],
    ids=["bytes", "text", "list"],
)
def test_large_values(context, value):
    assert context.start(plain.echo, value).result(60) == [[value], []]


def test_large_values_of_calls_at_the_same_time(context):
    values = [bytes([number]) * MEGABYTE for number in range(8)]
    futures = [context.start(plain.echo, value) for value in values]
    assert [future.result(60)[0][0] for future in futures] == values


def test_output_byte_by_byte(context, caplog):
    """However many frames they come in, and turns of the loop, none is lost."""
    assert context.start(plain.write_bytes, 200_000).result(60) == 200_000
    name = f"econtext.{context.name}.stdout"
    printed = [record.getMessage() for record in caplog.records if record.name == name]
    assert "".join(printed) == 200_000 * "x"


def test_a_value_that_is_too_large(context):
    """It is refused where it is made: the link and all other calls go on."""
    with pytest.raises(codec.EncodeError, match="bytes"):
        context.call(plain.size_of, wire.MAX_MESSAGE * b"x")
    with pytest.raises(CallError, match="bytes"):
        context.call(plain.repeat, b"x", wire.MAX_MESSAGE)
    assert answers(context)


def test_long_output_delays_no_other_call(context, caplog):
    """20 MB on standard output, through a window of four."""
    slave = context.greeting["pid"]
    before = context.call(looking.memory, slave)
    writer = context.start(plain.write_lines, 2500, 8000)
    others = 0
    while not writer.done():
        assert answers(context)
        others += 1
    assert writer.result() == 20 * MEGABYTE
    assert others > 0
    messages = [record.getMessage() for record in caplog.records]
    assert messages[-1] == "the end"
    assert sum(map(len, messages[:-1])) == 2500 * 7999
    # What may be on its way, several times over: read, framed, waiting to be written.
    assert context.call(looking.memory, slave) - before < 2 * flow_control.WINDOW


def test_output_without_a_line_end(context, caplog):
    """It is logged in pieces, rather than kept until a line end comes."""
    context.call(plain.say_below, MEGABYTE * b"x", b"")
    processes.until(
        20,
        lambda: sum(len(record.getMessage()) for record in caplog.records) == MEGABYTE,
        "all of it is logged",
    )
    assert len(caplog.records) > 1


def test_a_large_value_and_log_records_of_a_thread(context):
    """Two threads of a call write at the same time: neither's message is torn."""
    value = context.start(plain.return_while_logging, 5 * MEGABYTE).result(20)
    assert value == 5 * MEGABYTE * b"x"


def test_many_calls_leave_nothing(context):
    """No zombie, no descriptor, no process more than after the first ones."""
    slave = context.greeting["pid"]
    before = context.call(looking.settled, slave)
    for number in range(MANY):
        assert context.call(plain.echo, number) == [[number], []]
    for _ in range(10):
        with pytest.raises(CallError):
            context.call(plain.fail, "again")
    processes.until(
        20, lambda: context.call(looking.settled, slave) == before, "it is as it was before"
    )
