"""A line to the broker for several threads, each of which waits for replies to its own requests."""

import threading
from typing import Any

from ansible_econtext import client

Reply = dict[str, Any]


class SharedLine:
    """Requests are sent by one thread at a time, each under a number of its own."""

    def __init__(self, line: client.Client) -> None:
        self._line = line
        self._changed = threading.Condition()
        self._replies: dict[int, Reply] = {}
        self._is_read = False
        self._unanswered: set[int] = set()

    def send(self, number: int, request: dict[str, Any]) -> None:
        with self._changed:
            self._unanswered.add(number)
        self._line.tell(request, number)

    def wait_until_quiet(self) -> None:
        """Wait until everything that was sent has its reply."""
        with self._changed:
            self._changed.wait_for(lambda: not self._unanswered)

    def wait(self, number: int) -> Reply:
        """The reply of this number; whoever finds nobody reading reads for all."""
        while True:
            with self._changed:
                while number not in self._replies and self._is_read:
                    self._changed.wait()
                if number in self._replies:
                    return self._replies.pop(number)
                self._is_read = True
            replies: list[tuple[int, Reply]] = []
            try:
                replies = self._line.receive()
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

    def hang_up(self) -> None:
        self._line.hang_up()

    def close(self, is_reusable: bool) -> None:
        if is_reusable and not self._line.closed:
            client.give_back(self._line)
        else:
            self._line.close()
