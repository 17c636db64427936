"""Builds the payloads of a play's next tasks while its present ones wait for their hosts.

One thread does so, module by module, and looks before each file of a module whether it is still
idle time.  What it made is where ansible-core looks for it.
``ANSIBLE_ECONTEXT_BUILD_AHEAD=0`` turns it off.
"""

import contextlib
import os
import pathlib
import threading
from collections.abc import Iterator
from typing import Any

from ansible.utils.display import Display

from ansible_econtext import client, payload, place, ways
from ansible_econtext.idle import PATIENCE, IdleTime, Way
from ansible_econtext.seams import builds, upcoming

display = Display()

#: How many modules there may be that are needed by the present task and by the next ones.
MODULES = 6


class _Stopped(BaseException):
    """The play is over."""


class Builder(threading.Thread):
    """Builds ahead for the play of an iterator, whose strategy is woken by `bell`."""

    def __init__(self, iterator: Any, bell: threading.Event) -> None:
        super().__init__(name="builds ahead", daemon=True)
        self.idle = IdleTime(bell, self._may_go_on)
        self._changed = self.idle.changed  # held for all that follows down to `_is_stopped`
        #: The task that began last, and whether its modules are left to it.
        self._task: Any = None
        self._is_left_alone = False
        self._has_news = False
        #: The module that is being built, and all that others ever began to build: who began with
        #: the same one, be it just before we did, waits for it.
        self._current: pathlib.Path | None = None
        self._wanted: set[pathlib.Path] = set()
        self._is_stopped = False
        # Of this thread alone
        self._upcoming = upcoming.Upcoming(iterator)
        self._seen: set[pathlib.Path] = set()
        self._told: set[tuple[bytes, pathlib.Path]] = set()

    # For other threads

    def begins(self, task: Any, is_process: bool) -> None:
        """A task is about to begin.  A process of its own builds what it needs by itself."""
        with self._changed:
            if task is not self._task:
                self._task, self._is_left_alone, self._has_news = task, is_process, True
            if is_process and self._current is None:  # else it may have to wait for that
                self.idle.process_begins()

    def waits(self, way: Way | None) -> contextlib.AbstractContextManager[None]:
        """The present thread waits for a reply, maybe for a slave that is being started, and
        that will need what the task does."""
        if way is not None:
            self._has_news = True
        return self.idle.task_waits(way)

    def wanted(self, module: pathlib.Path) -> None:
        """The present thread builds a module, and so waits for us if we are at it."""
        with self._changed:
            self._wanted.add(module)
            self.idle.tell()

    def stop(self) -> None:
        with self._changed:
            self._is_stopped = True
            self.idle.tell()
        self.join(PATIENCE)

    def _may_go_on(self, is_idle_time: bool) -> bool:
        if self._is_stopped:
            return True
        if self._current is None:
            return is_idle_time and self._has_news
        return is_idle_time or self._current in self._wanted

    # For this thread

    def rest(self) -> None:
        """Wait until it is idle time; raises _Stopped when the play is over."""
        with self._changed:
            self.idle.wait()
            if self._is_stopped:
                raise _Stopped

    def run(self) -> None:
        try:
            while True:
                self.rest()
                self._has_news = False
                if self._take_step():
                    self._has_news = True
        except _Stopped:
            pass
        except Exception as error:
            display.vvv(f"econtext: nothing is built ahead any more: {error!r}")
        finally:
            self.idle.end()

    def _take_step(self) -> bool:
        """Do the next thing that is of use; whether there was one."""
        with self._changed:
            task, is_left_alone = self._task, self._is_left_alone
        own, others = self._upcoming.modules(task, MODULES)
        if is_left_alone:
            own = []
        for module in [*own, *others]:
            if module not in self._seen:
                self._seen.add(module)
                self._build(module)
                return True
            if module in own and self._tell(module):
                return True
        return False

    def _build(self, module: pathlib.Path) -> None:
        if builds.is_built(module):
            return
        with self._changed:
            self._current = module
        try:
            builds.build(module)
            display.vvv(f"econtext: built ahead: {module.stem}")
        except Exception as error:  # who needs it will build it, and be told
            display.vvv(f"econtext: not built ahead: {module.stem}: {error!r}")
        finally:
            with self._changed:
                self._current = None

    def _tell(self, module: pathlib.Path) -> bool:
        """Give the broker a payload, for slaves that are being started; whether there are any
        that it was not given for before."""
        with self._changed:
            awaited = {(ways.key(way), module): way for way in self.idle.awaited.values()}
        new = {key: way for key, way in awaited.items() if key not in self._told}
        self._told.update(new)
        archive = builds.archive_built(module) if new else None
        if archive is None:
            return False
        identity = payload.identity_of(archive)
        request = {"do": "ahead", "ways": list(new.values()), "identity": identity}
        with contextlib.suppress(client.BrokerGone, OSError):
            line = client.borrow(place.of_run(), os.getpid())
            line.tell({**request, "archive": archive})
            client.give_back(line)
        return True


_builder: Builder | None = None


def _forget() -> None:
    global _builder
    _builder = None


os.register_at_fork(after_in_child=_forget)  # its thread is the parent's


@contextlib.contextmanager
def ahead(iterator: Any, bell: threading.Event) -> Iterator[None]:
    """Have payloads built ahead for the play of an iterator, while this lasts.  `bell` is what
    wakes the main thread."""
    global _builder
    if os.environ.get("ANSIBLE_ECONTEXT_BUILD_AHEAD") == "0":
        yield
        return
    builder = _builder = Builder(iterator, bell)
    builder.start()
    try:
        yield
    finally:
        _builder = None
        builder.stop()


# What others say of themselves; of no effect where nothing is built ahead.


def begins(task: Any, is_process: bool) -> None:
    """A task is about to begin, in a process of its own or in a thread.  When this returns, a
    process can be forked: no lock is held by the thread that builds."""
    if _builder is not None:
        _builder.begins(task, is_process)
        if is_process:
            _builder.idle.wait_until_parked()


def main_sleeps() -> contextlib.AbstractContextManager[None]:
    return _builder.idle.main_sleeps() if _builder is not None else contextlib.nullcontext()


def task_works() -> contextlib.AbstractContextManager[None]:
    return _builder.idle.task_works() if _builder is not None else contextlib.nullcontext()


def task_waits(
    request: dict[str, Any] | None = None, is_reached: bool = True
) -> contextlib.AbstractContextManager[None]:
    """The present thread waits for the reply to a request; it is given where the task's modules
    will go the same way.  `is_reached` says whether the host has replied in this run."""
    if _builder is None:
        return contextlib.nullcontext()
    if request is None or request["do"] != "expand":
        return _builder.waits(None)
    way = request["way"]  # where no one Python is named, the modules' may be another one
    is_awaited = way[-1]["python"] and not is_reached
    return _builder.waits(way if is_awaited else None)


def wanted(module: pathlib.Path) -> None:
    """The present thread is about to have a module built."""
    if _builder is not None and threading.current_thread() is not _builder:
        _builder.wanted(module)


def rest() -> None:
    """A file of a module is about to be looked through: ours waits for idle time."""
    if threading.current_thread() is _builder:
        _builder.rest()
