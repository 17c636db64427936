"""Payloads are built ahead while nobody else has anything to do, and only then."""

import contextlib
import os
import pathlib
import threading
import types

import pytest

pytest.importorskip("ansible._internal._task")  # ansible-core 2.19 and later

from ansible_econtext import building, idle  # noqa: E402

#: Seconds after which a test has failed.
PATIENCE = 30

WAY = [{"kind": "ssh", "key": b"a host", "password": None, "python": "/usr/bin/python3"}]


class Play:
    """A play whose tasks need modules of the same names, which are built in two parts each."""

    def __init__(self, monkeypatch, *names):
        self.tasks = {name: types.SimpleNamespace(name=name) for name in names}
        self.bell = threading.Event()
        self.built, self.given = [], []
        self._changed = threading.Condition()
        monkeypatch.setattr(building.upcoming, "Upcoming", lambda iterator: self)
        monkeypatch.setattr(building.builds, "build", self._build)
        monkeypatch.setattr(building.builds, "is_built", lambda module: module.name in self.built)
        monkeypatch.setattr(building.builds, "archive_built", lambda module: module.name.encode())
        monkeypatch.setattr(building.place, "of_run", lambda: None)
        monkeypatch.setattr(building.client, "borrow", lambda place, run: self)
        monkeypatch.setattr(building.client, "give_back", lambda line: None)

    def modules(self, task, count):
        names = list(self.tasks)
        following = names[names.index(task.name) + 1 :][:count]
        return [pathlib.Path(task.name)], [pathlib.Path(name) for name in following]

    def tell(self, request):
        assert request["do"] == "ahead" and request["ways"] == [WAY]
        self.given.append(request["archive"].decode())

    def _build(self, module):
        self._note(f"{module.name} begun")
        building.rest()
        if module.name == "bad":
            raise ValueError("it cannot be built")
        self._note(module.name)

    def _note(self, what):
        with self._changed:
            self.built.append(what)
            self._changed.notify_all()

    def until_built(self, *names):
        """Wait until all of this was built, and nothing else."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.built) >= len(names), PATIENCE)
            assert self.built == list(names)

    def begins(self, name, is_process=False):
        building.begins(self.tasks[name], is_process)

    @contextlib.contextmanager
    def runs(self):
        with building.ahead(None, self.bell):
            builder = building._builder
            yield builder
        assert not builder.is_alive()
        assert building._builder is None


def parked(builder):
    """Wait until the builder does nothing, and is not about to."""
    time = builder.idle

    def is_parked():
        return time._is_parked and not builder._may_go_on(time._is_now())

    with time.changed:
        assert time.changed.wait_for(is_parked, PATIENCE)


def in_thread(work):
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


@pytest.fixture
def play(monkeypatch):
    return Play(monkeypatch, "one", "two", "bad", "three")


@pytest.fixture
def waking_up(monkeypatch):
    """The main thread wakes up in the middle of each module."""

    def rest(stock=building.rest):
        building._builder.idle._is_main_asleep = False
        stock()

    monkeypatch.setattr(building, "rest", rest)


ALL = ["one begun", "one", "two begun", "two", "bad begun", "three begun", "three"]


def test_everything_is_built_in_order_while_the_main_thread_sleeps(play):
    with play.runs() as builder:
        play.begins("one")
        parked(builder)
        assert play.built == []
        with building.main_sleeps():
            play.until_built(*ALL)


def test_a_process_builds_what_it_needs_by_itself(play, monkeypatch):
    monkeypatch.setattr(idle, "_HEAD_START", 0)
    with play.runs():
        play.begins("two", is_process=True)
        with building.main_sleeps():
            play.until_built("bad begun", "three begun", "three")


def test_a_process_has_a_head_start(play, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(idle.time, "monotonic", lambda: now[0])
    with play.runs() as builder:
        play.begins("two", is_process=True)
        with building.main_sleeps():
            parked(builder)
            assert play.built == []
        now[0] += 1
        with building.main_sleeps():
            play.until_built("bad begun", "three begun", "three")


def test_nothing_is_begun_while_a_task_is_at_work_or_the_bell_has_rung(play):
    works, may_wait, waits, replied = (threading.Event() for _ in range(4))

    def task():
        with building.task_works():
            works.set()
            assert may_wait.wait(PATIENCE)
            with building.task_waits({"do": "module"}, is_reached=False):
                waits.set()
                assert replied.wait(PATIENCE)

    with play.runs() as builder:
        play.begins("one")
        thread = in_thread(task)
        assert works.wait(PATIENCE)
        with building.main_sleeps():
            parked(builder)
            assert play.built == []
            play.bell.set()
            may_wait.set()
            assert waits.wait(PATIENCE)
            parked(builder)
            assert play.built == []
            play.bell.clear()
        with building.main_sleeps():
            play.until_built(*ALL)
        replied.set()
        thread.join(PATIENCE)
    assert play.given == []


def test_it_rests_in_the_middle_of_a_module_and_goes_on_for_who_needs_it(play, waking_up):
    with play.runs() as builder:
        play.begins("one")
        with building.main_sleeps():
            play.until_built("one begun")
            parked(builder)
        building.wanted(pathlib.Path("two"))
        parked(builder)
        assert play.built == ["one begun"]
        building.wanted(pathlib.Path("one"))
        play.until_built("one begun", "one")
        parked(builder)
        assert play.built == ["one begun", "one"]


def test_it_does_not_rest_while_it_holds_what_somebody_began_just_before(play, waking_up):
    """Who waits for ansible-core's lock of a module would wait for ever."""
    with play.runs() as builder:
        building.wanted(pathlib.Path("one"))
        play.begins("one")
        with building.main_sleeps():
            play.until_built("one begun", "one")
        parked(builder)


def test_the_end_of_the_play_is_one_in_the_middle_of_a_module(play, waking_up):
    with pytest.raises(KeyboardInterrupt), play.runs() as builder:
        play.begins("one")
        with building.main_sleeps():
            play.until_built("one begun")
            parked(builder)
        raise KeyboardInterrupt
    assert play.built == ["one begun"]


def test_a_slave_that_is_awaited_is_given_what_its_task_needs(play):
    replied = threading.Event()
    awaited = []

    def task():
        builder = building._builder
        with building.task_works():
            # By their turn: known already; of another Python, perhaps; of another account.
            with building.task_waits({"do": "expand", "way": WAY}, is_reached=True):
                awaited.append(builder.idle.awaited.copy())
            other = [{**WAY[0], "python": ""}]
            with building.task_waits({"do": "expand", "way": other}, is_reached=False):
                awaited.append(builder.idle.awaited.copy())
            with building.task_waits():
                awaited.append(builder.idle.awaited.copy())
            with building.task_waits({"do": "expand", "way": WAY}, is_reached=False):
                assert replied.wait(PATIENCE)

    with play.runs() as builder:
        play.begins("two")
        thread = in_thread(task)
        with building.main_sleeps():
            play.until_built("two begun", "two", "bad begun", "three begun", "three")
            parked(builder)
            assert play.given == ["two"]
            assert awaited == [{}, {}, {}]
        replied.set()
        thread.join(PATIENCE)


def test_a_fork_knows_of_no_builder(play):
    with play.runs() as builder:
        play.begins("one", is_process=True)
        assert builder.idle._is_parked
        child = os.fork()
        if child == 0:
            os._exit(0 if building._builder is None else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert building._builder is builder


def test_a_fault_of_ours_ends_no_run(play, monkeypatch):
    monkeypatch.setattr(play, "modules", None)
    with play.runs() as builder:
        play.begins("one")
        with building.main_sleeps():
            builder.join(PATIENCE)
        assert not builder.is_alive()
        play.begins("two", is_process=True)


def test_it_is_not_done_where_the_user_says_so(play, monkeypatch):
    monkeypatch.setenv("ANSIBLE_ECONTEXT_BUILD_AHEAD", "0")
    with building.ahead(None, play.bell):
        assert building._builder is None
        with building.main_sleeps(), building.task_works(), building.task_waits():
            play.begins("one", is_process=True)
            building.wanted(pathlib.Path("one"))
