"""Owns the loop's thread and every slave that was started through it."""

import dataclasses
import logging
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

from econtext.controller import launch as launching
from econtext.controller import sources
from econtext.controller.context import Context
from econtext.controller.errors import EcontextError
from econtext.controller.launch import Launch
from econtext.controller.link import Link
from econtext.controller.methods import local, ssh, sudo
from econtext.target.loop import Loop

T = TypeVar("T")

#: Seconds that slaves are given to end by themselves.
_PATIENCE = 6.0

logger = logging.getLogger("econtext")


class Router:
    """A context manager; at its end all slaves end.

    `offer` names packages, besides the called function's own, that a target may
    import from the controller.  `log_level` is the lowest level of log records
    that targets send.
    """

    def __init__(self, offer: Iterable[str] = (), log_level: int = logging.INFO) -> None:
        self.log_level = log_level
        self._offer = tuple(offer)
        self._loop = Loop()
        self._loop.on_error = _report
        self._roots: dict[Link, None] = {}
        self._ended = threading.Condition()
        self._thread = threading.Thread(target=self._loop.run, name="econtext", daemon=True)
        self._thread.start()

    def __enter__(self) -> "Router":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def local(self, python: str | None = None, via: Context | None = None) -> Context:
        """A slave on this machine and account; `python` is a name or path, with
        arguments if need be.  Raises LaunchError."""
        return self._start(local.launch(python), via)

    def ssh(
        self,
        hostname: str,
        port: int | None = None,
        username: str | None = None,
        identity_file: str | None = None,
        password: str | None = None,
        python: str | None = None,
        ssh_args: Sequence[str] = (),
        via: Context | None = None,
    ) -> Context:
        """A slave on another host.  What is None is left to ssh's configuration.

        Raises LaunchError with ssh's own words, PasswordError for a refused password.
        """
        plan = ssh.launch(
            hostname, port, username, identity_file, password, python, tuple(ssh_args)
        )
        return self._start(plan, via)

    def sudo(
        self,
        username: str = "root",
        password: str | None = None,
        python: str | None = None,
        via: Context | None = None,
    ) -> Context:
        """A slave of another account.  Raises PasswordError for a wrong or missing
        password, LaunchError for all else that sudo may say."""
        return self._start(sudo.launch(username, password, python), via)

    def _start(self, plan: Launch, via: Context | None) -> Context:
        parent = via._link if via is not None else None
        if parent is not None:
            plan = dataclasses.replace(plan, name=f"{parent.name}.{plan.name}")
        outcome: Future[Link] = Future()

        def done(result: Link | EcontextError) -> None:
            if isinstance(result, EcontextError):
                outcome.set_exception(result)
                return
            if parent is None:
                self._roots[result] = None
                result.on_end.append(lambda error: self._gone(result))
            outcome.set_result(result)

        self.post(lambda: launching.start(self._loop, plan, parent, done))
        return Context(self, outcome.result())

    def _gone(self, link: Link) -> None:
        with self._ended:
            del self._roots[link]
            self._ended.notify_all()

    def offered(self, module: str) -> tuple[str, ...]:
        """The packages that a call of a function of `module` may import from here."""
        own = () if sources.is_everywhere(module) else (module.partition(".")[0],)
        return (*own, *self._offer) if own or self._offer else ()

    def post(self, callback: Callable[[], Any]) -> None:
        """Have the loop's thread call `callback`."""
        self._loop.post(callback)

    def on_loop(self, function: Callable[[], "Future[T]"]) -> "Future[T]":
        """Run `function` in the loop's thread; the future that it returns, or raises."""
        if threading.current_thread() is self._thread:
            return function()
        made: Future[Future[T]] = Future()

        def run() -> None:
            try:
                made.set_result(function())
            except BaseException as error:
                made.set_exception(error)

        self.post(run)
        return made.result()

    def close(self) -> None:
        """End all slaves and wait until they are gone."""
        if not self._thread.is_alive():
            return

        self.post(self._end)
        with self._ended:
            gone = self._ended.wait_for(lambda: not self._roots, _PATIENCE)
        if not gone:
            self.post(self._kill)
            with self._ended:
                self._ended.wait_for(lambda: not self._roots, _PATIENCE)
        self.post(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _end(self) -> None:
        for link in list(self._roots):
            link.close()

    def _kill(self) -> None:
        for link in list(self._roots):
            link.process.kill()


def _report(callback: object, error: Exception) -> None:
    """A fault of ours must not end the thread on which every call depends."""
    if not sys.is_finalizing():
        logger.error("internal error in %r", callback, exc_info=error)
