"""One line to the broker, on which several threads wait."""

import queue
import threading

import pytest

pytest.importorskip("ansible.release")

from ansible_econtext.client.client import BrokerGone  # noqa: E402
from ansible_econtext.client.multiplexer import SharedLine  # noqa: E402


class Line:
    """A line whose replies the test gives, and on which only one may read at a time."""

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
def line():
    return Line()


@pytest.fixture
def shared(line):
    return SharedLine(line)


def waiting(shared, numbers):
    """A thread for each number; what it got will be in the list that comes with them."""
    found = []

    def wait(number):
        try:
            found.append((number, shared.wait(number)))
        except BrokerGone as error:
            found.append((number, str(error)))

    threads = []
    for number in numbers:
        shared.send(number, {})
        thread = threading.Thread(target=wait, args=(number,), daemon=True)
        thread.start()
        threads.append(thread)
        while not shared._is_read or len(shared._asleep) < len(threads) - 1:
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
def test_each_gets_his_own_reply(order, shared, line):
    threads, found = waiting(shared, range(4))
    for numbers in order:
        line.replies.put([(number, {"to": number}) for number in numbers])
    for thread in threads:
        thread.join()
    assert sorted(found) == [(number, {"to": number}) for number in range(4)]
    assert line.reads == len(order)
    shared.wait_until_quiet()


def test_all_are_told_when_the_line_is_gone(shared, line):
    threads, found = waiting(shared, range(4))
    line.replies.put([(2, {})])
    line.replies.put(None)
    for thread in threads:
        thread.join()
    assert sorted(found, key=lambda each: each[0]) == [
        (0, "gone"),
        (1, "gone"),
        (2, {}),
        (3, "gone"),
    ]
    shared.wait_until_quiet()  # nothing will come any more


class Interrupted(BaseException):
    pass


def test_nobody_sleeps_on_where_one_that_slept_was_interrupted(shared, line, monkeypatch):
    """As Ansible's own timeout does, in the thread of the task."""
    threads, found = waiting(shared, range(3))

    class Alarm:
        def acquire(self):
            raise Interrupted

        def release(self):
            pass

    usual = shared._set_alarm

    def set_alarm(number):
        if number != -1:
            return usual(number)
        shared._asleep[number] = Alarm()
        return shared._asleep[number]

    monkeypatch.setattr(shared, "_set_alarm", set_alarm)
    shared.send(-1, {})
    with pytest.raises(Interrupted):
        shared.wait(-1)
    for thread in threads:
        thread.join()
    assert sorted(found) == [(number, "gone") for number in range(3)]
