"""No fault of one host keeps the broker, or the slaves of others, from their end."""

import pytest

from ansible_econtext.broker import shutdown
from ansible_econtext.broker.pooled_slave import PooledSlave
from ansible_econtext.broker.server import Broker
from ansible_econtext.client import messages
from econtext.controller.errors import ConnectionLost
from econtext.controller.link import Link
from econtext.target import codec, wire
from econtext.target.loop import Loop

from .test_link import GREETING, FakeProcess


def slave(*left):
    link = Link("test", FakeProcess())
    link.feed(wire.frame(wire.HELLO, 0, codec.encode(GREETING)))
    made = PooledSlave(link, "", b"", None)
    made.left.update(left)
    return made


class Pool:
    """Pool of some slaves; notes its end."""

    def __init__(self, *slaves):
        self.slaves, self.was_killed = slaves, False

    def all(self):
        return self.slaves

    def kill(self):
        self.was_killed = True


def test_a_trace_on_a_full_disk_keeps_no_reply(tmp_path, monkeypatch):
    class Handler:
        """Handler that replies at once."""

        is_over = True

        def __init__(self, slaves, payloads, work, reply, *others):
            self.begin = lambda: reply(messages.Done())

    class Connection:
        sequence = None

        def reply(self, value, number):
            replies.append((value, number))

    replies = []
    broker = Broker(str(tmp_path), 1, -1, 0)
    monkeypatch.setattr(broker, "_note", lambda *_: 1 / 0)
    monkeypatch.setattr(broker, "_late", lambda: ({messages.Exists: Handler}, None))
    broker.take(Connection(), messages.Work([], [], messages.Exists("/")), 7)
    broker._listener.close()
    assert replies == [(messages.Done(), 7)]


LEFT = {"of two kinds": ("/a", b"/b"), "of no kind": (object(), 1), "long": ("/" * (65 << 20),)}


@pytest.mark.parametrize("left", LEFT.values(), ids=LEFT)
def test_what_one_slave_cannot_be_asked_keeps_no_other(left):
    lost, good = slave("/lost"), slave("/good")
    lost.link.fail(ConnectionLost("test", "it has gone"))
    shutdown.tidy(Loop(), Pool(slave(*left), lost, good), lambda: True, lambda: None)
    [(kind, _, body), _] = good.link.process.sent
    assert kind == wire.CALL and codec.decode(body)["arguments"] == (["/good"],)


def test_the_deadline_of_the_end_is_set_before_all_else(tmp_path, monkeypatch):
    """A fault in the tidying left a broker that no `stop` could find, and every slave."""
    pool = Pool(slave("/a"))
    broker = Broker(str(tmp_path), 1, -1, 0)
    broker._slaves = pool
    monkeypatch.setattr(shutdown.limit, "__defaults__", (-1,))
    monkeypatch.setattr(shutdown, "withdraw", lambda directory, inode: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        broker.end()
    broker._listener.close()
    assert broker.loop._timers
    while broker.loop._timers:
        broker.loop.run_once()
    assert pool.was_killed


class StubbornPool(Pool):
    """Pool whose slaves have to be killed a second after they were told to end, and no sooner."""

    def __init__(self, loop):
        super().__init__()
        self.loop = loop

    def kill(self):
        def is_killed():
            self.was_killed = True

        self.loop.call_later(1, is_killed)
        raise OSError("one that may not be told")


def test_a_broker_ends_behind_its_slaves(monkeypatch):
    """It ended before the second signal, and a slave that ignores the first one lived on."""
    times = []
    loop = Loop()
    monkeypatch.setattr(loop, "call_later", lambda delay, call: times.append((delay, call)))
    pool = StubbornPool(loop)
    shutdown.limit(loop, pool, 4)
    [(delay, kill)] = times
    with pytest.raises(OSError):
        kill()
    assert delay == 4 and [delay for delay, _ in times] == [4, 1, 1]
    assert times[2][1] == loop.stop
