"""The tasks that are prepared while the present one runs."""

import sys
import threading

import pytest

pytest.importorskip("ansible._internal._task")  # ansible-core 2.19 and later

from ansible_econtext import next_task  # noqa: E402


class Tasks:
    """In place of `following.Tasks`."""

    def __init__(self, strategy, iterator):
        pass

    def may_precede(self, task):
        return task != "not plain"

    def is_one_call(self, task):
        return task != "copy"

    def is_as_expected(self, prepared, state, arguments):
        return prepared == arguments and prepared["task"] == name_of(state)

    def after(self, arguments, registered, state):
        if arguments["task"] == "last":
            return None
        number = (state or 0) + 1
        return {**arguments, "task": name_of(number)}, number


def name_of(number):
    """Of the task that comes so many behind the present one."""
    return sys.intern("next" if number == 1 else f"next {number}")


@pytest.fixture
def bell():
    return threading.Event()


@pytest.fixture
def started():
    return []


@pytest.fixture
def tasks(monkeypatch, bell, started):
    monkeypatch.setattr(next_task.following, "Tasks", Tasks)
    monkeypatch.setattr(next_task.loops, "registered_by", lambda task: frozenset([task]))

    def start(arguments, turn):
        started.append(turn)
        return f"worker of {arguments['task']}"

    return next_task.NextTasks(None, None, start, bell.set)


def arguments(task):
    return {"task": task, "host": "host", "play_context": "context"}


def test_one_task_is_prepared_when_the_present_one_is_on_its_way(tasks, started):
    turn = tasks.begins(arguments("first"))
    tasks.prepare()
    assert not started
    turn.is_under_way = True
    tasks.prepare()
    tasks.prepare()
    assert len(started) == 1
    assert tasks.take(arguments("next")) == "worker of next"
    assert not started[0].is_dropped


def test_another_task_than_the_one_prepared_has_a_worker_of_its_own(tasks, started):
    tasks.begins(arguments("first")).is_under_way = True
    tasks.prepare()
    assert tasks.take(arguments("rescue")) is None
    assert started[0].is_dropped


@pytest.mark.parametrize("task", ["last", "not plain"])
def test_none_is_prepared(tasks, started, task):
    turn = tasks.begins(arguments(task))
    if turn is not None:
        turn.is_under_way = True
    tasks.prepare()
    assert not started


def test_none_is_prepared_when_the_present_one_is_over(tasks, started):
    turn = tasks.begins(arguments("first"))
    turn.is_under_way = turn.is_over = True
    tasks.prepare()
    assert not started


def test_the_end_of_a_play_drops_it(tasks, started):
    tasks.begins(arguments("first")).is_under_way = True
    tasks.prepare()
    tasks.stop()
    assert started[0].is_dropped


def test_the_environment_turns_it_off(tasks, monkeypatch, bell):
    monkeypatch.setenv("ANSIBLE_ECONTEXT_NEXT_TASK", "0")
    assert next_task.NextTasks(None, None, None, bell.set).begins(arguments("first")) is None


@pytest.fixture
def present(tasks):
    """The turn of a task that logs in, with the next one prepared."""
    turn = tasks.begins(arguments("first"))
    turn.is_under_way = turn.logs_in = True
    tasks.prepare()
    return turn


def test_more_are_prepared_during_a_login_one_when_the_last_is_ready(tasks, started, present):
    tasks.prepare()
    assert len(started) == 1
    for count in range(2, 100):
        started[-1].is_ready = True
        tasks.prepare()
        assert len(started) == min(count, next_task._MANY)
        assert [turn.may_be_sent for turn in started] == [True] + [False] * (len(started) - 1)
    for number in range(1, next_task._MANY + 1):
        started[number - 1].come()
        assert tasks.take(arguments(name_of(number))) == f"worker of {name_of(number)}"
    assert not any(turn.is_dropped for turn in started)


def test_more_are_prepared_when_nothing_comes_for_a_while(tasks, started, present):
    present.logs_in, started[-1].is_ready = False, True
    for _ in range(3):
        tasks.slept(0.05)
        tasks.prepare()
    assert len(started) == 1
    tasks.slept(0.05)
    tasks.prepare()
    assert len(started) == 2


def test_what_came_before_its_module_was_on_its_way_does_not_count(tasks, started):
    """As a login that a `copy` waits for."""
    turn = tasks.begins(arguments("first"))
    tasks.slept(1.0)
    turn.is_under_way = True
    tasks.prepare()
    started[-1].is_ready = True
    tasks.prepare()
    assert len(started) == 1


def test_no_more_are_prepared_when_the_present_one_is_over(tasks, started, present):
    started[-1].is_ready = present.is_over = True
    tasks.prepare()
    assert len(started) == 1


def test_the_first_that_is_prepared_is_the_one_to_be_sent(tasks, started, present, monkeypatch):
    became = []
    monkeypatch.setattr(next_task.Turn, "becomes_next", lambda turn: became.append(turn))
    started[-1].is_ready = True
    tasks.prepare()
    assert set(became) == {started[0]}
    tasks.take(arguments("next"))
    tasks.prepare()
    assert set(became) == {started[0]}  # the present one has not been sent
    started[0].is_under_way = True
    tasks.prepare()
    assert became[-1] is started[1]


def test_it_is_known_what_those_in_front_register(tasks, started, present, monkeypatch):
    asked = []
    monkeypatch.setattr(Tasks, "after", lambda self, *arguments: asked.append(arguments[1:]))
    started[-1].is_ready = True
    tasks.prepare()
    tasks.take(arguments("next"))
    started[0].is_under_way = True
    tasks.prepare()
    # Behind the one that is prepared first; and again, when it is the present one.
    assert asked == [({"first", "next"}, 1), ({"next"}, None)]


def test_where_there_is_no_more_nobody_looks_again(tasks, started, present, monkeypatch):
    asked = []
    monkeypatch.setattr(Tasks, "after", lambda self, *arguments: asked.append(arguments))
    started[-1].is_ready = True
    for _ in range(3):
        tasks.prepare()
    assert len(asked) == 1


def test_one_that_was_taken_and_not_begun_is_dropped_with_the_rest(tasks, started, present):
    started[-1].is_ready = True
    tasks.prepare()
    tasks.take(arguments("next"))
    tasks.stop()
    assert [turn.is_dropped for turn in started] == [True, True]
    assert not present.is_dropped


def test_one_that_was_taken_and_not_begun_is_dropped_by_the_next(tasks, started, present):
    """As where a callback ends what the strategy does in between."""
    tasks.take(arguments("next"))
    assert not started[0].is_dropped
    tasks.take(arguments("another"))
    assert started[0].is_dropped and not present.is_dropped


def test_all_are_dropped_when_the_strategy_goes_elsewhere(tasks, started, present):
    for _ in range(2):
        started[-1].is_ready = True
        tasks.prepare()
    assert tasks.take(arguments("rescue")) is None
    assert [turn.is_dropped for turn in started] == [True] * 3
    assert tasks.take(arguments("next")) is None
