"""One connection to the broker, on which several threads wait."""

import queue
import threading

import pytest

pytest.importorskip("ansible.release")

from ansible_econtext.client.client import BrokerGone  # noqa: E402
from ansible_econtext.client.multiplexer import Multiplexer  # noqa: E402


class Connection:
    """A connection whose replies the test gives, and on which only one may read at a time."""

    closed = False

    def __init__(self):
        self.replies = queue.Queue()
        self._read = threading.Lock()
        self.reads = 0

    def tell(self, request, number):
        pass

    def receive(self):
        assert self._read.acquire(blocking=False)
        try:
            found = self.replies.get()
            self.reads += 1
            if found is None:
                self.replies.put(None)
                self.closed = True
                raise BrokerGone("gone")
            return found
        finally:
            self._read.release()

    def hang_up(self):
        self.replies.put(None)


@pytest.fixture
def connection():
    return Connection()


@pytest.fixture
def multiplexer(connection):
    return Multiplexer(connection)


def waiting(multiplexer, numbers):
    """A thread for each number; what it got will be in the list that comes with them."""
    found = []

    def wait(number):
        try:
            found.append((number, multiplexer.wait(number)))
        except BrokerGone as error:
            found.append((number, str(error)))

    threads = []
    for number in numbers:
        multiplexer.send(number, {})
        thread = threading.Thread(target=wait, args=(number,), daemon=True)
        thread.start()
        threads.append(thread)
        while not multiplexer._is_read or len(multiplexer._asleep) < len(threads) - 1:
            pass
    return threads, found


ORDERS = {
    "in order": [[0], [1], [2], [3]],
    "backwards": [[3], [2], [1], [0]],
    "together": [[0, 1, 2, 3]],
    "all but the reader's": [[1, 2, 3], [0]],
    "mixed": [[2], [0, 3], [1]],
}


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_each_gets_his_own_reply(order, multiplexer, connection):
    threads, found = waiting(multiplexer, range(4))
    for numbers in order:
        connection.replies.put([(number, {"to": number}) for number in numbers])
    for thread in threads:
        thread.join()
    assert sorted(found) == [(number, {"to": number}) for number in range(4)]
    assert connection.reads == len(order)
    multiplexer.wait_until_quiet()


def test_all_are_told_when_the_connection_is_gone(multiplexer, connection):
    threads, found = waiting(multiplexer, range(4))
    connection.replies.put([(2, {})])
    connection.replies.put(None)
    for thread in threads:
        thread.join()
    assert sorted(found, key=lambda each: each[0]) == [
        (0, "gone"),
        (1, "gone"),
        (2, {}),
        (3, "gone"),
    ]
    multiplexer.wait_until_quiet()  # nothing will come any more


class Interrupted(BaseException):
    pass


def test_nobody_sleeps_on_where_one_that_slept_was_interrupted(
    multiplexer, connection, monkeypatch
):
    """As Ansible's own timeout does, in the thread of the task."""
    threads, found = waiting(multiplexer, range(3))

    class Alarm:
        def acquire(self):
            raise Interrupted

        def release(self):
            pass

    usual = multiplexer._set_alarm

    def set_alarm(number):
        if number != -1:
            return usual(number)
        multiplexer._asleep[number] = Alarm()
        return multiplexer._asleep[number]

    monkeypatch.setattr(multiplexer, "_set_alarm", set_alarm)
    multiplexer.send(-1, {})
    with pytest.raises(Interrupted):
        multiplexer.wait(-1)
    for thread in threads:
        thread.join()
    assert sorted(found) == [(number, "gone") for number in range(3)]
