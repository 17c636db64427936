"""Streams and call channels: values while a function runs, one way or both."""

import asyncio
import contextlib
import os
import signal
import threading

import pytest

import econtext
from econtext import CallDied, CallError, ConnectionLost, EcontextError
from econtext.target import codec, exchange, flow_control
from tests.support import processes

from . import waiting
from .target import plain, talking
from .test_conformance import VALUES
from .test_endings import SECONDS, answers

#: Small values that may be on their way: each costs `EACH` and its bytes, which are ten here.
AHEAD = flow_control.WINDOW // (exchange.EACH + 10)


def received(stream, error):
    """Return all values before an error, which comes again and again."""
    values = []
    with pytest.raises(error) as caught:
        while True:
            values.append(stream.receive(30))
    with pytest.raises(error):
        stream.receive(30)
    return values, caught.value


# Streams


def test_values_of_a_stream(context):
    assert list(context.stream(talking.each, values=VALUES)) == VALUES
    assert list(context.stream(talking.each, [])) == []
    assert len(list(context.stream(os.walk, "/bin/"))) >= 1  # nothing of it is sent


def test_many_and_large_values_of_a_stream(context):
    assert list(context.stream(talking.each, list(range(5000)))) == list(range(5000))
    sizes = [len(value) for value in context.stream(talking.repeat, 5 << 20, 4)]
    assert sizes == 4 * [5 << 20]


def test_a_generator_waits_for_its_consumer(context, tmp_path):
    """It makes as many as the window has, and one that waits."""
    path = tmp_path / "made"
    with context.stream(talking.count_endlessly, str(path)) as stream:

        def waits_at(number):
            processes.until(30, lambda: path.stat().st_size >= number, "they were made")
            for _ in range(3):
                answers(context)
            assert path.stat().st_size == number

        assert stream.receive(30) == 0
        waits_at(AHEAD + 1)
        assert [stream.receive(30) for _ in range(AHEAD)] == list(range(1, AHEAD + 1))
        processes.until(30, lambda: path.stat().st_size > AHEAD + 1, "it goes on")


def test_errors_of_a_generator(context):
    values, error = received(
        context.stream(talking.fail_after, [1, 2], "what was wrong"), CallError
    )
    assert (values, error.kind, error.text) == ([1, 2], "ValueError", "what was wrong")
    assert "in fail_after" in error.traceback
    for function, arguments, before, kind in (
        (talking.end_of_file, (), [1], "EOFError"),
        (talking.make_unsendable, (), [1], "econtext.target.codec.EncodeError"),
        (talking.each, (), [], "TypeError"),
        (plain.leave, (3,), [], "SystemExit"),
        (os.getpid, (), [], "TypeError"),
    ):
        values, error = received(context.stream(function, *arguments), CallError)
        assert (values, error.kind) == (before, kind)
    with pytest.raises(TypeError):
        context.stream(lambda: [1])
    with pytest.raises(codec.EncodeError):
        context.stream(talking.each, object())


def test_a_fork_of_a_generator_yields_nothing(context):
    assert list(context.stream(talking.fork_and_yield)) == ["before", "forked", True]
    assert answers(context)


# The end of a stream


def close(stream):
    stream.close()


def leave(stream):
    with stream:
        pass


def drop(stream):
    """The caller has no other reference to it."""


@pytest.mark.parametrize("way", [close, leave, drop])
def test_what_ends_a_stream_ends_its_process(context, tmp_path, way):
    streams = [context.stream(talking.hang, str(tmp_path / "pids"))]
    assert streams[0].receive(30)
    family = processes.family(*waiting.announced(tmp_path / "pids"))
    assert len(family) == 2
    way(streams.pop())
    processes.gone(family, SECONDS)
    assert answers(context)


def test_a_loop_that_is_left_ends_the_process(context, tmp_path):
    for _ in context.stream(talking.hang, str(tmp_path / "pids")):
        family = processes.family(*waiting.announced(tmp_path / "pids"))
        break
    processes.gone(family, SECONDS)
    assert answers(context)


def test_a_stream_that_is_closed(context):
    stream = context.stream(talking.each, [1, 2])
    assert stream.receive(30) == 1
    stream.close()
    assert received(stream, EcontextError)[0] == []
    stream.close()


def test_a_stream_that_is_closed_while_a_thread_waits(context, tmp_path):
    with context.stream(talking.hang, str(tmp_path / "pids")) as stream:
        assert stream.receive(30)
        waiting.announced(tmp_path / "pids")
        caught = []
        thread = threading.Thread(
            target=lambda: caught.append(waiting.error_of(stream.receive, SECONDS)), daemon=True
        )
        thread.start()
    thread.join(SECONDS)
    assert isinstance(caught[0], EcontextError)


@pytest.mark.parametrize("status", [0, 3])
def test_a_stream_whose_process_ends(context, status):
    values, error = received(context.stream(talking.stop_after, [1, 2], status), CallDied)
    assert (values, error.status) == ([1, 2], status)


def test_a_stream_that_is_killed(context, tmp_path):
    stream = context.stream(talking.hang, str(tmp_path / "pids"))
    os.kill(stream.receive(30), signal.SIGKILL)
    assert received(stream, CallDied)[1].status == -9
    assert answers(context)


def test_a_stream_whose_slave_is_killed(fresh, tmp_path):
    stream = fresh.stream(talking.hang, str(tmp_path / "pids"))
    assert stream.receive(30)
    family = processes.family(*waiting.announced(tmp_path / "pids"))
    os.kill(fresh.greeting["pid"], signal.SIGKILL)
    assert received(stream, ConnectionLost)[0] == []
    processes.gone(family, SECONDS)
    with pytest.raises(ConnectionLost):
        fresh.stream(talking.each, [])


def test_a_stream_ends_with_its_router(route, tmp_path):
    with econtext.Router() as router:
        stream = route.open(router).stream(talking.hang, str(tmp_path / "pids"))
        family = processes.family(stream.receive(30))
    processes.gone(family, SECONDS)
    assert received(stream, EcontextError)[0] == []
    stream.close()


# Asynchronous


def test_streams_of_an_asynchronous_program(context):
    async def collect(number):
        return [value async for value in context.stream(talking.each, list(range(number)))]

    async def collect_all():
        return await asyncio.gather(*(collect(number) for number in (0, 2000, 3000)))

    assert asyncio.run(collect_all()) == [list(range(number)) for number in (0, 2000, 3000)]


def test_an_end_of_file_that_a_generator_raises_is_no_end(context):
    """It is an EOFError, too, as that of `receive` behind the last value."""

    async def collect():
        return [value async for value in context.stream(talking.end_of_file)]

    with pytest.raises(CallError):
        list(context.stream(talking.end_of_file))
    with pytest.raises(CallError):
        asyncio.run(collect())


def test_an_error_in_an_asynchronous_program(context):
    async def collect():
        return [value async for value in context.stream(talking.fail_after, [1], "wrong")]

    with pytest.raises(CallError, match="wrong"):
        asyncio.run(collect())


@pytest.mark.parametrize("is_sent_before", [True, False])
def test_an_asynchronous_consumer_that_is_cancelled_loses_nothing(context, is_sent_before):
    async def talk():
        with context.channel(talking.echo) as channel:
            for number in range(20):
                waiter = asyncio.ensure_future(anext(channel))
                await asyncio.sleep(0)  # it begins to wait
                if is_sent_before:
                    await channel.asend(number)
                waiter.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    assert await waiter == [number]
                    continue
                if not is_sent_before:
                    assert not channel._call.waiters
                    await channel.asend(number)
                assert await anext(channel) == [number]

    asyncio.run(talk())


# Both ways


def test_values_of_a_channel(context):
    with context.channel(talking.echo, times=2) as channel:
        for value in VALUES:
            channel.send(value)
            assert channel.receive(30) == [value, value]
        with pytest.raises(codec.EncodeError):
            channel.send(object())
        with pytest.raises(TimeoutError):
            channel.receive(0)
        channel.end()
        assert list(channel) == ["the end"]
        with pytest.raises(EOFError):
            channel.send("behind its return")
    assert answers(context)


def test_a_channel_of_an_asynchronous_program(context):
    async def talk():
        with context.channel(talking.echo) as channel:
            await asyncio.gather(*(channel.asend(number) for number in range(3)))
            channel.end()
            return [value async for value in channel]

    assert asyncio.run(talk()) == [[0], [1], [2], "the end"]


def test_much_data_both_ways_at_once(context):
    """Neither end receives before it has sent more than the window."""
    size, times = 300_000, 40
    with context.channel(talking.send_then_receive, size, times) as channel:

        def send():
            for _ in range(times):
                channel.send(size * b"d")
            channel.send(9_000_000 * b"d")  # more than the window in one
            channel.end()

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        values = [channel.receive(60) for _ in range(times + 1)]
        assert values == times * [size * b"u"] + [times * size + 9_000_000]
        sender.join(SECONDS)
        assert not sender.is_alive()


def test_a_caller_waits_for_its_function(context, tmp_path):
    wanted = tmp_path / "wanted"
    with context.channel(talking.receive_when, str(wanted)) as channel:
        for _ in range(AHEAD):
            channel.send(1, timeout=0)
        with pytest.raises(TimeoutError):
            channel.send(1, timeout=0)
        wanted.write_text("")
        channel.send(1, timeout=30)
        channel.end()
        assert channel.receive(30) == AHEAD + 1


def test_threads_of_a_function(context):
    with context.channel(talking.in_threads, 3) as channel:
        values = [channel.receive(60) for _ in range(3000)]
        assert values == 3000 * [1000 * b"x"]
        assert channel.receive(30) == "all are sent"
        for number in range(30):
            channel.send(number)
        assert sorted(channel.receive(30)) == list(range(30))


def test_output_comes_before_the_value(context, caplog):
    with context.channel(talking.say) as channel:
        for text in ("one", "two"):
            channel.send(text)
            assert channel.receive(30) == text
            assert {*caplog.messages} == {text, f"talking: {text}"}
            caplog.clear()


def test_the_end_of_a_direction(context):
    with context.channel(talking.receive_behind_the_end) as channel:
        channel.send(1)
        channel.end()
        with pytest.raises(EcontextError, match="ended"):
            channel.send(2)
        channel.end()
        assert channel.receive(30) == [1, *2 * ["the caller sends no more values"]]
        assert list(channel) == []


def test_errors_of_a_function(context):
    channel = context.channel(talking.fail, "what was wrong")
    channel.send(1)
    values, error = received(channel, CallError)
    assert (values, error.text) == ([1], "what was wrong")
    with pytest.raises(CallError):
        channel.send(2)
    channel = context.channel(talking.receive_twice)
    channel.send(1)
    channel.end()
    assert received(channel, CallError)[1].kind == "EOFError"


def test_a_channel_that_is_closed(context, tmp_path):
    with context.channel(talking.echo) as channel:
        channel.send(1)
        assert channel.receive(30) == [1]
    for use in (channel.receive, lambda: channel.send(2)):
        with pytest.raises(EcontextError, match="closed"):
            use()
    channel.end()
    assert answers(context)


def test_a_function_that_does_not_wait_for_its_channel(context):
    assert list(context.channel(talking.return_at_once)) == []
    assert list(context.channel(talking.read_input)) == [b""]
