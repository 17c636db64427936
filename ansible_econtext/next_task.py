"""The next tasks of a play, prepared while the present one runs; the first of them is sent, too.

Where a play has one host, and the next task does not depend on what comes of the present
one but that it goes well (`seams/following.py`), a thread prepares it while the present one runs.
Its module is sent behind the other; the target runs it if the one in front went well, and
not otherwise (`target/behind.py`).  So it runs when it would have run, but for the time in which
nobody did anything; and nothing is heard of it before the strategy has come to it.

A `copy` or a `template` is more than one call of a module.  It is prepared up to where its action
plugin begins, which looks at files that the task before may make; and nothing is sent behind it.

There is never more than one sent ahead.  Where the present task's module takes its time, or has to
wait for a login, those behind it are prepared, too, one after the other.
``ANSIBLE_ECONTEXT_NEXT_TASK=0`` turns all of it off.
"""

import os
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from ansible_econtext.seams import following, loops
from ansible_econtext.task_turn import Turn

#: Tasks that are prepared at the most, each of which has a thread.
_MANY = 64

#: Seconds after which the present task's module counts as one that takes its time.  The first call
#: of a module takes 0.1: the target, which may share our processors, is at work then.
_LONG = 0.2


class _Begun(NamedTuple):
    """The present task, or one that is prepared."""

    #: Those of WorkerProcess.
    arguments: dict[str, Any]
    turn: Turn
    #: Of one that is prepared: its worker, and where the iterator is behind it.
    worker: Any = None
    state: Any = None
    #: Names under which it, or a task in front of it that was not over, registers a result.
    registered: frozenset[str] = frozenset()


class NextTasks:
    """The tasks that are prepared before their turn, for the main thread of a play.

    `start` starts a worker of the arguments of WorkerProcess and a turn; None if it is to fork.
    `ring` is called when there may be one more to prepare.
    """

    def __init__(
        self,
        strategy: Any,
        iterator: Any,
        start: Callable[[dict[str, Any], Turn], Any],
        ring: Callable[[], None],
    ) -> None:
        self._tasks = following.Tasks(strategy, iterator)
        self._is_on = os.environ.get("ANSIBLE_ECONTEXT_NEXT_TASK") != "0"
        self._start = start
        self._ring = ring
        self._present: _Begun | None = None
        #: Those behind it, in order.
        self._ahead: deque[_Begun] = deque()
        #: Seconds for which nothing has come of the present one's module.
        self._slept = 0.0
        #: Whether one more may be prepared, as far as is known.
        self._goes_on = True

    def begins(self, arguments: dict[str, Any]) -> Turn | None:
        """The strategy gives a task to a thread, which is to have this turn."""
        task = arguments["task"]
        if not self._is_on or not self._tasks.may_precede(task):
            return None
        turn = Turn(self._ring, is_one_call=self._tasks.is_one_call(task))
        self._becomes_present(arguments, turn)
        return turn

    def take(self, arguments: dict[str, Any]) -> Any:
        """The worker that is at the task of these arguments, which the strategy gives now; None
        if there is none.  Its turn comes when it is started."""
        self._leave_present()
        self._slept, self._goes_on = 0.0, True
        if not self._ahead:
            return None
        found = self._ahead[0]
        if not self._tasks.is_as_expected(found.arguments, found.state, arguments):
            self.stop()
            return None
        self._ahead.popleft()
        self._becomes_present(arguments, found.turn)
        return found.worker

    def _becomes_present(self, arguments: dict[str, Any], turn: Turn) -> None:
        registered = loops.registered_by(arguments["task"])
        self._present = _Begun(arguments, turn, registered=registered)

    def slept(self, seconds: float) -> None:
        """Nothing has come of anything for so long; it counts once the present one's module is on
        its way."""
        if self._present is not None and self._present.turn.is_under_way:
            self._slept += seconds

    def prepare(self) -> None:
        """Have one more task prepared, if the present one's module is on its way; and the next
        one sent behind it."""
        present = self._present
        if present is None or not present.turn.is_under_way:
            return
        if self._ahead:
            self._ahead[0].turn.becomes_next()
        is_wanted = self._goes_on and not present.turn.is_over
        if is_wanted and (not self._ahead or self._has_room(present)):
            self._goes_on = self._prepare_behind(self._ahead[-1] if self._ahead else present)

    def _has_room(self, present: _Begun) -> bool:
        """Whether there is time for more than the next one.  One is begun when the one before is
        ready: many at once would be in the way of the present one's own thread."""
        has_time = present.turn.logs_in or self._slept >= _LONG
        return has_time and len(self._ahead) < _MANY and self._ahead[-1].turn.is_ready

    def _prepare_behind(self, last: _Begun) -> bool:
        """Have one task prepared; whether there may be another one."""
        found = self._tasks.after(last.arguments, last.registered, last.state)
        if found is None:
            return False
        arguments, state = found
        task = arguments["task"]
        is_one_call, may_be_sent = self._tasks.is_one_call(task), not self._ahead
        turn = Turn(self._ring, last.turn, is_one_call, may_be_sent)
        worker = self._start(arguments, turn)
        if worker is None:
            return False
        registered = last.registered | loops.registered_by(task)
        self._ahead.append(_Begun(arguments, turn, worker, state, registered))
        return True

    def stop(self) -> None:
        """The play is over, or interrupted, or goes elsewhere."""
        self._leave_present()
        for each in self._ahead:
            each.turn.drop()
        self._ahead.clear()

    def _leave_present(self) -> None:
        present, self._present = self._present, None
        if present is not None and not present.turn.has_come:  # it was taken, and not started
            present.turn.drop()
