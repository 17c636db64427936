"""Which task a strategy gives to a host next, and whether it can be prepared before its turn."""

from typing import Any

from ansible.playbook.handler import Handler
from ansible.plugins.strategy import linear
from ansible.utils.display import Display

from ansible_econtext import independent
from ansible_econtext.seams import loops

display = Display()

#: From this verbosity on a task's thread tells what it does: that is to be read in order.
_TELLING = 3

#: What would make of a module's success a failure, or would have others do something first.
_AFTERWARDS = ("changed_when", "failed_when", "loop", "loop_with", "notify", "run_once")

#: Attributes of a task that are looked at by other means, or say nothing of what it does.
_OTHERS = frozenset(["loop_control", "register", "tags", "until", "when", *_AFTERWARDS])


class Tasks:
    """The tasks that a strategy takes from an iterator.

    Source: `StrategyModule.run` in `plugins/strategy/linear.py`, 2.19 to 2.21: with one host left
    it gives that host the task which `PlayIterator.get_next_task_for_host` says is next, and
    makes its variables in the same way.
    """

    def __init__(self, strategy: Any, iterator: Any) -> None:
        self._strategy = strategy
        self._iterator = iterator
        self._is_known = isinstance(strategy, linear.StrategyModule) and not strategy._step
        #: Whether a task can be the first or the second of two, as far as it says itself.
        self._plain: dict[str, bool] = {}

    def may_precede(self, task: Any) -> bool:
        """Whether all that the next task need know of this one is that its module went well."""
        if not self._is_known or display.verbosity >= _TELLING:
            return False
        if task._uuid not in self._plain:
            self._plain[task._uuid] = _is_plain(task)
        return self._plain[task._uuid]

    def after(self, arguments: dict[str, Any]) -> dict[str, Any] | None:
        """The arguments of WorkerProcess for the task that comes after the one of these, if that
        goes well; None where it cannot be prepared."""
        strategy, iterator = self._strategy, self._iterator
        host, task = arguments["host"], arguments["task"]
        if strategy._tqm._terminated or strategy.get_hosts_left(iterator) != [host]:
            return None
        _, following = iterator.get_next_task_for_host(host, peek=True)
        if following is None or following.action is None or not self.may_precede(following):
            return None
        try:
            variables = strategy._variable_manager.get_vars(
                play=iterator._play,
                host=host,
                task=following,
                _hosts=strategy._hosts_cache,
                _hosts_all=strategy._hosts_cache_all,
            )
            strategy.add_tqm_variables(variables, play=iterator._play)
            _check(following, variables, _registered(task))
        except independent.Dependent as reason:
            display.debug(f"econtext: the next task in its turn: {reason}")
            return None
        except Exception:  # it will come again when the strategy does the same
            return None
        return {**arguments, "task": following, "task_vars": variables}


def are_of_one_task(some: dict[str, Any], others: dict[str, Any]) -> bool:
    """Whether two arguments of WorkerProcess are for the same task on the same host."""
    same = "host", "play_context"
    return some["task"] is others["task"] and all(some[name] is others[name] for name in same)


def _is_plain(task: Any) -> bool:
    if isinstance(task, Handler) or any(getattr(task, name) for name in _AFTERWARDS):
        return False
    try:
        loops.check_task(task)
    except independent.Dependent:
        return False
    return True


def _registered(task: Any) -> frozenset[str]:
    register = task.register or ()  # from 2.21 on, names with an expression each
    return frozenset([register] if isinstance(register, str) else register)


def _check(task: Any, variables: dict[str, Any], registered: frozenset[str]) -> None:
    """Raise Dependent unless what the task comes to is the same before and after the one in
    front of it, which registers its result under these names."""
    chosen = variables.get("econtext_next_task", True)
    if not loops.is_true(chosen):
        raise independent.Dependent("econtext_next_task")
    expressions = list(task.register.values()) if isinstance(task.register, dict) else []
    attributes = [getattr(task, name) for name in task.fattributes if name not in _OTHERS]
    independent.check(attributes, [*(task.when or ()), *expressions], variables, registered)
    loops.check_connection(variables, registered)
