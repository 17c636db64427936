"""The turn of a task that may be prepared, and sent to its host, before the strategy gives it."""

import os
import threading
from collections.abc import Callable
from typing import Any

from ansible_econtext import building, client, ways
from ansible_econtext.shared_line import Reply

#: Bytes of a request's number: none is used twice on a slave, whatever runs there were.
_NUMBER = 8


class NotWanted(BaseException):
    """The strategy did something else: nobody is to hear of the task."""


class Turn:
    """A task's, which comes when the strategy gives it; `before` is that of the task in front of
    it, where it is prepared before.  It may be sent then, too, if it is the next one or becomes it.

    `ring` is called when it is on its way, or as good as it can be made before it is the next one:
    the task behind it may be prepared.
    """

    def __init__(
        self,
        ring: Callable[[], None],
        before: "Turn | None" = None,
        is_one_call: bool = True,
        may_be_sent: bool = True,
    ) -> None:
        self._ring = ring
        self._before = before
        self.may_be_sent = may_be_sent
        self._is_one_call = is_one_call
        self._number = int.from_bytes(os.urandom(_NUMBER), "little") | 1  # 0 is none
        self._changed = threading.Condition()
        self.has_come = before is None
        self.is_dropped = False
        self._line: client.Client | None = None
        #: Whether its module is on its way, and the next task may be prepared.
        self.is_under_way = False
        #: Whether its host may have to be logged in to first.
        self.logs_in = False
        #: Whether it is prepared as far as can be.
        self.is_ready = False
        #: What its request is like, when one was sent that others can come behind.
        self.pattern: object = None
        #: Whether it has its reply, and whether that is of a module that did not fail.
        self.is_over = False
        self._went_well = False

    def come(self) -> None:
        with self._changed:
            self.has_come = True
            self._changed.notify_all()

    def becomes_next(self) -> None:
        """The task in front of it is the present one: it may be sent behind that."""
        if not self.may_be_sent:
            with self._changed:
                self.may_be_sent = True
                self._changed.notify_all()

    def drop(self) -> None:
        """Nobody wants it any more."""
        with self._changed:
            self.is_dropped = True
            self._changed.notify_all()
            if self._line is not None:
                self._line.hang_up()

    def alone(self) -> None:
        """Wait for it; raises NotWanted if it does not come."""
        self._wait_until(lambda: self.has_come)
        self._before = None

    def _wait_until(self, happens: Callable[[], bool]) -> None:
        with building.task_waits(), self._changed:
            if not (happens() or self.is_dropped):
                self.is_ready = True
                if not self.may_be_sent:  # one more may be prepared behind it
                    self._ring()
                self._changed.wait_for(lambda: happens() or self.is_dropped)
        if self.is_dropped:
            raise NotWanted

    def ask(
        self,
        request: dict[str, Any],
        connected: Callable[[], client.Client],
        is_reached: bool = True,
    ) -> Reply | None:
        """The reply to its one request; None where that is to be made in the ordinary way."""
        if not self._is_one_call:
            self._goes_alone(request)
            return None
        pattern = _pattern(request)
        is_first = self.pattern is None or "archive" in request  # a payload that was asked for
        if pattern is None or not is_first or self.is_over:
            self.alone()
            self.is_over = True
            return None
        self.logs_in = not is_reached and self._before is None
        if not self.may_be_sent:
            self._wait_until(lambda: self.may_be_sent or self.has_come)
        reply = self._reply_in_order(connected(), request, pattern)
        if "need" in reply:
            return reply
        self._went_well = reply.get("status") == 0
        self.is_over = True
        self._before = None
        return reply if "again" not in reply else None

    def plugin_begins(self) -> None:
        if not self._is_one_call:
            self.alone()

    def _goes_alone(self, request: dict[str, Any]) -> None:
        self.alone()
        if request["do"] == "module" and not self.is_under_way:
            self.is_under_way = self.is_ready = True
            self._ring()

    def _reply_in_order(
        self, line: client.Client, request: dict[str, Any], pattern: object
    ) -> Reply:
        before = self._before
        if before is not None and not before.may_precede(pattern):
            self.alone()
            before = None
        reply = self._reply(line, request, pattern, before)
        if before is not None and ("again" in reply or reply.get("failed") == "launch"):
            # Nothing of it was done.  What is lost may have been done: nothing is done twice.
            self.pattern = None
            self.alone()
            reply = self._reply(line, request, pattern, None)
        return reply

    def may_precede(self, pattern: object) -> bool:
        """Whether a request that is like this can be sent behind ours."""
        return self.pattern == pattern and (self._went_well or not self.is_over)

    def _reply(
        self, line: client.Client, request: dict[str, Any], pattern: object, before: "Turn | None"
    ) -> Reply:
        behind = before._number if before is not None else 0
        with self._changed:
            if self.is_dropped:
                raise NotWanted
            self._line = line
            line.tell({**request, "number": self._number, "behind": behind})
        self.pattern, self.is_under_way, self.is_ready = pattern, True, True
        self._ring()
        try:
            return line.receive()[0][1]
        finally:
            with self._changed:
                self._line = None


def _pattern(request: dict[str, Any]) -> object:
    """What requests of one order have in common; None for one that has no place in any."""
    if request["do"] != "module" or request["before"]:
        return None
    return ways.key(request["way"]), request["interpreter"]
