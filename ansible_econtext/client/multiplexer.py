"""A line to the broker for several threads, each of which waits for replies to its own requests."""

import threading
from typing import Any

from ansible_econtext.client import client
from ansible_econtext.core import fork_gate

Reply = dict[str, Any]


class Multiplexer:
    """Requests are sent by one thread at a time, each under a number of its own."""

    def __init__(self, connection: client.Client) -> None:
        self._connection = connection
        self._changed = threading.Condition()
        self._replies: dict[int, Reply] = {}
        self._is_read = False
        self._unanswered: set[int] = set()
        #: What wakes those who wait while another one reads, by number: one lock for each, as
        #: each reply would wake all of them otherwise.
        self._asleep: dict[int, threading.Lock] = {}

    def send(self, number: int, request: dict[str, Any]) -> None:
        with self._changed:
            self._unanswered.add(number)
        try:
            self._connection.tell(request, number)
        except BaseException:
            with self._changed:
                self._unanswered.discard(number)
                self._changed.notify_all()
            raise

    def wait_until_quiet(self) -> None:
        """Wait until everything that was sent has its reply."""
        with fork_gate.waiting(), self._changed:
            self._changed.wait_for(lambda: not self._unanswered)

    def wait(self, number: int) -> Reply:
        """The reply of this number; whoever finds nobody reading reads for all."""
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
                alarm.acquire()  # which whoever wakes us releases
        except BaseException:  # a timeout: the loop is over
            self._connection.hang_up()
            with self._changed:
                self._wake(list(self._asleep))
            raise

    def _read(self, number: int) -> None:
        """Read for all, and have somebody else read when there is our own reply, or a fault."""
        replies: list[tuple[int, Reply]] = []
        try:
            replies = self._connection.receive()
        except BaseException:
            with self._changed:
                self._unanswered.clear()  # and never will be
            raise
        finally:
            with self._changed:
                self._is_read = False
                self._replies.update(replies)
                self._unanswered -= {number for number, _ in replies}
                self._changed.notify_all()
                self._wake([each for each, _ in replies if each in self._asleep])
                if self._asleep and (number in self._replies or not replies):
                    self._wake([min(self._asleep)])  # whose reply is likely to be the next

    def _wake(self, numbers: list[int]) -> None:
        for number in numbers:
            self._asleep.pop(number).release()

    def hang_up(self) -> None:
        self._connection.hang_up()

    def close(self, is_reusable: bool) -> None:
        if is_reusable and not self._connection.closed:
            client.give_back(self._connection)
        else:
            self._connection.close()
