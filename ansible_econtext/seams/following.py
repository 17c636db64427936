"""Which task a strategy gives to a host next, and whether it can be prepared before its turn."""

import pathlib
from typing import Any

from ansible import constants
from ansible.playbook.handler import Handler
from ansible.plugins.strategy import linear
from ansible.utils.display import Display

from ansible_econtext import independent
from ansible_econtext.seams import builds, loops, runs, upcoming, values

display = Display()

#: From this verbosity on a task's thread tells what it does: that is to be read in order.
_TELLING = 3

#: What would make of a module's success a failure, would have others do something first, or would
#: have the next task done although nobody knows whether it was done already.
_AFTERWARDS = (
    "ignore_unreachable",
    "loop",
    "loop_with",
    "notify",
    "run_once",
)

#: Attributes of a task that are looked at by other means, or say nothing of what it does.
_OTHERS = frozenset(
    ["changed_when", "failed_when", "loop_control", "register", "tags", "until", "when"]
).union(_AFTERWARDS)

#: Action plugins that make several calls, and the modules that they call, which tell nothing but
#: their result.
_OF_SEVERAL_CALLS = frozenset(["copy", "template"])
_CALLED = ("copy", "file", "stat")

#: Variables that a failure sets for what comes after it, be it behind a rescue that does nothing.
#: Source: `_process_pending_results` in `plugins/strategy/__init__.py`, 2.19 to 2.21.
_OF_FAILURES = frozenset(["ansible_failed_result", "ansible_failed_task"])

#: Modules that may break the connection, so that nobody hears of what went well.
_OF_CONNECTIONS = frozenset(["iptables", "systemd", "systemd_service", "sysvinit"])


class Tasks:
    """The tasks that a strategy takes from an iterator.

    Source: `StrategyModule.run` in `plugins/strategy/linear.py`, 2.19 to 2.21: where the play, or
    the present batch of it, has one host, it gives that the task which
    `PlayIterator.get_next_task_for_host` says is next, and makes its variables in the same way.
    That asks `_get_next_task_from_state`, with a copy of where the host is.
    What other hosts come to may end the play for this one (`any_errors_fatal`,
    `max_fail_percentage`), those of earlier batches too.
    """

    def __init__(self, strategy: Any, iterator: Any) -> None:
        self._strategy = strategy
        self._iterator = iterator
        self._is_known = isinstance(strategy, linear.StrategyModule) and not (
            strategy._step
            or iterator.batch_size != 1
            # They are read for each task, which on the controller's own host may change them.
            or iterator._play.get_vars_files()
        )
        #: Whether a task can be the first or the second of two, as far as it says itself.
        self._plain: dict[str, bool] = {}
        #: Whether a task is one call of a module.
        self._one_call: dict[str, bool] = {}
        #: The files of modules that were built in this run.
        self._built: set[pathlib.Path] = set()

    def may_precede(self, task: Any) -> bool:
        """Whether all that the next task need know of this one is that its module went well."""
        if not self._is_known or display.verbosity >= _TELLING:
            return False
        if task._uuid not in self._plain:
            self._plain[task._uuid] = _is_plain(task)
        return self._plain[task._uuid]

    def is_one_call(self, task: Any) -> bool:
        """Whether a task that may be the first or the second of two is one call of a module."""
        if task._uuid not in self._one_call:
            self._one_call[task._uuid] = runs.action_plugin(task) not in _OF_SEVERAL_CALLS
        return self._one_call[task._uuid]

    def after(
        self, arguments: dict[str, Any], registered: frozenset[str], state: Any = None
    ) -> tuple[dict[str, Any], Any] | None:
        """The arguments of WorkerProcess for the task that comes after the one of these, if that
        goes well, and where the iterator is behind it; None where it cannot be prepared.

        `registered` are the names under which the task of `arguments`, and those in front of it
        that are not over, register their results.  `state` is where the iterator is behind that
        task, if it is not the present one.
        """
        strategy, iterator = self._strategy, self._iterator
        host, task = arguments["host"], arguments["task"]
        if strategy._tqm._terminated or strategy._tqm._failed_hosts:
            return None
        is_next = state is None
        if is_next:
            state, following = iterator.get_next_task_for_host(host, peek=True)
        else:
            state, following = iterator._get_next_task_from_state(state.copy(), host=host)
        if following is None or following.action is None or not self.may_precede(following):
            return None
        if not is_next and not self._is_built(following):
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
            if not (is_next and self.is_one_call(task) and self.is_one_call(following)):
                _check_discovery(variables)
            _check(following, variables, registered)
        except independent.Dependent as reason:
            display.debug(f"econtext: the next task in its turn: {reason}")
            return None
        except Exception:  # it will come again when the strategy does the same
            return None
        return {**arguments, "task": following, "task_vars": variables}, state

    def is_as_expected(
        self, prepared: dict[str, Any], state: Any, arguments: dict[str, Any]
    ) -> bool:
        """Whether what a strategy gives is what `after` said: the same task on the same host, and
        not come to in another way, as one of `always` is by a failure.

        Source: `StrategyModule` in `plugins/strategy/linear.py`, 2.19 to 2.21, which tells the
        iterator where the host is before it gives the task.
        """
        same = all(prepared[name] is arguments[name] for name in ("task", "host", "play_context"))
        return same and state == self._iterator.get_host_state(arguments["host"])

    def _is_built(self, task: Any) -> bool:
        """Whether nothing has to be built for a task: others would wait for that."""
        modules = upcoming.modules_of(task)
        self._built.update(
            each for each in modules if each not in self._built and builds.is_built(each)
        )
        return bool(modules) and self._built.issuperset(modules)


def _is_plain(task: Any) -> bool:
    if isinstance(task, Handler) or any(getattr(task, name) for name in _AFTERWARDS):
        return False
    # An expression may be wrong.  What never fails may do so on the target: then the next waits.
    if not _is_among(task.changed_when, (True, False)) or not _is_among(task.failed_when, (False,)):
        return False
    # A name is filled in when the strategy gives the task; what is registered by expressions may
    # fail after all (from 2.21 on).
    if "{{" in (task.name or "") or not _registers_its_result(task):
        return False
    try:
        loops.check_task(task, _OF_SEVERAL_CALLS)
    except independent.Dependent:
        return False
    if runs.action_plugin(task) in _OF_SEVERAL_CALLS:  # of which one runs the other
        return runs.is_core_action("copy") and all(map(runs.is_core_module, _CALLED))
    return task._resolved_action.rpartition(".")[2] not in _OF_CONNECTIONS


def _is_among(conditions: Any, values: tuple[bool, ...]) -> bool:
    """Whether conditions are no expressions, but these values."""
    found = conditions if isinstance(conditions, list) else [conditions]
    return all(each is None or each in values for each in found)


def _registers_its_result(task: Any) -> bool:
    """Whether a task registers its result itself, if anything."""
    if not isinstance(task.register, dict):
        return True
    from ansible._internal._task import POLYMORPHIC_RESULT_EXPRESSION

    return all(value == POLYMORPHIC_RESULT_EXPRESSION for value in task.register.values())


def _check(task: Any, variables: dict[str, Any], registered: frozenset[str]) -> None:
    """Raise Dependent unless what the task comes to is the same before and after the one in
    front of it, which registers its result under these names."""
    connection = variables.get("ansible_connection", task.connection)
    if str(connection).rpartition(".")[2] == "local":
        raise independent.Dependent("the controller's own host, which may be changed meanwhile")
    if registered and runs.action_plugin(task) == "template":
        raise independent.Dependent("a file that is rendered with what is registered")
    option = "econtext_next_task"
    loops.check_templates(task, variables, registered, option, _OTHERS, _OF_FAILURES)


def _check_discovery(variables: dict[str, Any]) -> None:
    """Raise Dependent where the interpreter may be found by the present task, and kept in a fact
    that the next one has not seen: it would look for it again."""
    facts = variables.get("ansible_facts")
    if isinstance(facts, dict) and "discovered_interpreter_python" in facts:
        return
    given = variables.get("ansible_python_interpreter")
    if given is None:
        given = constants.config.get_config_value("INTERPRETER_PYTHON", variables=variables)
    if not given or str(given).startswith("auto") or values.may_be_template(given):
        raise independent.Dependent("the interpreter, which is to be discovered")
