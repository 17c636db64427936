"""Multiplexer of one connection to the broker among several threads."""

import threading

from ansible_econtext.client import client, connection_pool
from ansible_econtext.client.messages import Reply, Work
from ansible_econtext.core import fork_gate


class Multiplexer:
    """Connection that several threads use, each for requests of its own numbers.

    One thread at a time may call `send`; any number may call `wait`.  One waiting thread
    at a time reads the socket and wakes the others (leader/followers).
    """

    def __init__(self, connection: client.Client) -> None:
        self._connection = connection
        self._changed = threading.Condition()
        self._replies: dict[int, Reply] = {}
        self._is_read = False
        self._unanswered: set[int] = set()
        #: Locks that wake the threads that wait while another one reads, by number.  Each has
        #: one of its own, as a reply would otherwise wake all threads.
        self._asleep: dict[int, threading.Lock] = {}

    def send(self, number: int, work: Work) -> None:
        """Send a request without waiting; raises client.BrokerGone."""
        with self._changed:
            self._unanswered.add(number)
        try:
            self._connection.tell(work, number)
        except BaseException:
            with self._changed:
                self._unanswered.discard(number)
                self._changed.notify_all()
            raise

    def wait_until_quiet(self) -> None:
        """Wait until each request has its reply; another thread must call `wait`."""
        with fork_gate.waiting(), self._changed:
            self._changed.wait_for(lambda: not self._unanswered)

    def wait(self, number: int) -> Reply:
        """Return the reply to request `number`, once; raises client.BrokerGone.

        An exception ends the waits of all threads, as the connection is then of no use.
        """
        while True:
            with self._changed:
                if number in self._replies:
                    return self._replies.pop(number)
                alarm = self._set_alarm(number) if self._is_read else None
                self._is_read = True
            if alarm is None:
                self._read(number)
            else:
                self._sleep(alarm)

    def _set_alarm(self, number: int) -> threading.Lock:
        alarm = self._asleep[number] = threading.Lock()
        alarm.acquire()
        return alarm

    def _sleep(self, alarm: threading.Lock) -> None:
        try:
            with fork_gate.waiting():
                alarm.acquire()  # until the reading thread releases it
        except BaseException:  # a task's timeout, which ends the loop
            self._connection.hang_up()
            with self._changed:
                self._wake(list(self._asleep))
            raise

    def _read(self, number: int) -> None:
        """Read replies for all threads; wake the next reader after one's own or an error."""
        replies: list[tuple[int, Reply]] = []
        try:
            replies = self._connection.receive()
        except BaseException:
            with self._changed:
                self._unanswered.clear()  # no more replies will come
            raise
        finally:
            with self._changed:
                self._is_read = False
                self._replies.update(replies)
                self._unanswered -= {number for number, _ in replies}
                self._changed.notify_all()
                self._wake([each for each, _ in replies if each in self._asleep])
                if self._asleep and (number in self._replies or not replies):
                    self._wake([min(self._asleep)])  # its reply is likely to be the next

    def _wake(self, numbers: list[int]) -> None:
        for number in numbers:
            self._asleep.pop(number).release()

    def hang_up(self) -> None:
        """End the waits of all threads, by client.BrokerGone; for any thread."""
        self._connection.hang_up()

    def close(self, is_reusable: bool) -> None:
        """Give the connection back if it is reusable, else close it; no thread may wait."""
        if is_reusable and not self._connection.closed:
            connection_pool.give_back(self._connection)
        else:
            self._connection.close()
