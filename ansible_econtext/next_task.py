"""The next task of a play, sent to its host before the present one has its result.

Where a play has one host, and the next task does not depend on what comes of the present
one but that it goes well (`seams/following.py`), a thread prepares it while the present one runs.
Its module is sent behind the other; the target runs it if the one in front went well, and
not otherwise (`target/behind.py`).  So it runs when it would have run, but for the time in which
nobody did anything; and nothing is heard of it before the strategy has come to it.

A `copy` or a `template` is more than one call of a module.  It is prepared up to where its action
plugin begins, which looks at files that the task before may make; and nothing is sent behind it.

There is never more than one ahead.  ``ANSIBLE_ECONTEXT_NEXT_TASK=0`` turns it off.
"""

import os
import threading
from collections.abc import Callable
from typing import Any

from ansible_econtext import building, client, ways
from ansible_econtext.seams import following
from ansible_econtext.shared_line import Reply

#: Bytes of a request's number: none is used twice on a slave, whatever runs there were.
_NUMBER = 8


class NotWanted(BaseException):
    """The strategy did something else: nobody is to hear of the task."""


class Turn:
    """A task's, which comes when the strategy gives it; `before` is that of the present task
    where this is the next one.  `sent` is called when its request for a module is on its way."""

    def __init__(
        self,
        sent: Callable[[], None],
        before: "Turn | None" = None,
        is_one_call: bool = True,
    ) -> None:
        self._sent = sent
        self._before = before
        self._is_one_call = is_one_call
        self._number = int.from_bytes(os.urandom(_NUMBER), "little") | 1  # 0 is none
        self._changed = threading.Condition()
        self.has_come = before is None
        self.is_dropped = False
        self._line: client.Client | None = None
        #: Whether its module is on its way, and the next task may be prepared.
        self.is_under_way = False
        #: What its request is like, when one was sent that others can come behind.
        self.pattern: object = None
        #: Whether it has its reply, and whether that is of a module that did not fail.
        self.is_over = False
        self._went_well = False

    def come(self) -> None:
        with self._changed:
            self.has_come = True
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
        with building.task_waits(None, ()), self._changed:
            self._changed.wait_for(lambda: self.has_come or self.is_dropped)
        if self.is_dropped:
            raise NotWanted

    def ask(self, request: dict[str, Any], connected: Callable[[], client.Client]) -> Reply | None:
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
        reply = self._reply_in_order(connected(), request, pattern)
        if "need" in reply:
            return reply
        self._went_well = reply.get("status") == 0
        self.is_over = True
        return reply if "again" not in reply else None

    def plugin_begins(self) -> None:
        if not self._is_one_call:
            self.alone()

    def _goes_alone(self, request: dict[str, Any]) -> None:
        self.alone()
        if request["do"] == "module" and not self.is_under_way:
            self.is_under_way = True
            self._sent()

    def _reply_in_order(
        self, line: client.Client, request: dict[str, Any], pattern: object
    ) -> Reply:
        before = self._before
        if before is not None and not before.may_precede(pattern):
            self.alone()
            before = self._before = None
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
        self.pattern, self.is_under_way = pattern, True
        self._sent()
        return line.receive()[0][1]


def _pattern(request: dict[str, Any]) -> object:
    """What requests of one order have in common; None for one that has no place in any."""
    if request["do"] != "module" or request["before"]:
        return None
    return ways.key(request["way"]), request["interpreter"]


class NextTask:
    """At most one task that is prepared before its turn, for the main thread of a play.

    `start` starts a worker of the arguments of WorkerProcess and a turn; None if it is to fork.
    """

    def __init__(
        self,
        strategy: Any,
        iterator: Any,
        start: Callable[[dict[str, Any], Turn], Any],
        sent: Callable[[], None],
    ) -> None:
        self._tasks = following.Tasks(strategy, iterator)
        self._is_on = os.environ.get("ANSIBLE_ECONTEXT_NEXT_TASK") != "0"
        self._start = start
        self._sent = sent
        #: The present task's arguments and turn, while the next one may be prepared.
        self._present: tuple[dict[str, Any], Turn] | None = None
        #: The next one, and its worker.
        self._next: tuple[dict[str, Any], Turn, Any] | None = None

    def begins(self, arguments: dict[str, Any]) -> Turn | None:
        """The strategy gives a task to a thread, which is to have this turn."""
        if not self._is_on or not self._tasks.may_precede(arguments["task"]):
            return None
        is_one_call = self._tasks.is_one_call(arguments["task"])
        turn = Turn(self._sent, is_one_call=is_one_call)
        self._present = arguments, turn
        return turn

    def take(self, arguments: dict[str, Any]) -> Any:
        """The worker that is at the task of these arguments, which the strategy gives now; None
        if there is none.  Its turn comes when it is started."""
        self._present = None
        if self._next is None:
            return None
        (prepared, turn, worker), self._next = self._next, None
        if not following.are_of_one_task(prepared, arguments):
            turn.drop()
            return None
        self._present = arguments, turn
        return worker

    def prepare(self) -> None:
        """Have the next task prepared, if the present one's module is on its way."""
        if self._present is None or not self._present[1].is_under_way:
            return
        (present, before), self._present = self._present, None
        arguments = self._tasks.after(present) if not before.is_over else None
        if arguments is not None:
            is_one_call = self._tasks.is_one_call(arguments["task"])
            turn = Turn(self._sent, before, is_one_call)
            worker = self._start(arguments, turn)
            if worker is not None:
                self._next = arguments, turn, worker

    def stop(self) -> None:
        """The play is over, or interrupted."""
        self._present = None
        if self._next is not None:
            self._next[1].drop()
            self._next = None
