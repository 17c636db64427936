"""Start a slave: run a command, answer it, send the bundle, wait for the greeting.

This is the same for each method and each hop: the plan (`Launch`) is what differs.
All of it is for the loop's thread.

Where a wrapper of the Python or a startup file of the shell spoils a start, there is a second
one in another manner (`first_stage.Manner`).  Where sudo says that it must have a terminal, it
is started once more with one.
"""

import functools
import logging
from collections.abc import Callable
from typing import Any, NamedTuple, cast

from econtext.boot import first_stage
from econtext.boot.bundle import bundle
from econtext.boot.first_stage import Manner
from econtext.controller import keepalive, prompts
from econtext.controller.channels import RemoteCommand
from econtext.controller.errors import (
    EcontextError,
    LaunchError,
    LaunchTimeout,
    PasswordError,
    Stage,
    describe_status,
)
from econtext.controller.link import Link, Process, notify
from econtext.target import wire
from econtext.target.child import Command
from econtext.target.loop import Loop

logger = logging.getLogger("econtext")

#: Bytes that a login may print before the slave's first word, and the last ones that are kept.
MAX_CHATTER = 16 * 1024 * 1024
_KEPT = 4096

#: Exit statuses that no other manner of starting would change: the shell's own, for a Python that
#: cannot be run or does not exist, and ssh's.
_SHELLS, _SSHS = (126, 127), 255

#: Words of sudo without a terminal, in English: its rules say `requiretty`, or it has no `-S` and
#: asks for a password (before and since 1.9).
_TERMINAL_WANTED = (
    b"you must have a tty to run sudo",
    b"sudo: no tty present",
    b"sudo: a terminal is required",
)


class Launch(NamedTuple):
    """Plan to start a slave.

    `argv` is the whole command, with the first stage's command line in it; it
    holds no secret.  `name` is for people.

    `is_network` tells that the command leads over a network, where compression pays.

    `prompt_timeout` is the limit in seconds of a dialogue that has a marker, `timeout`
    the limit until the slave's first word, from the start or the marker.

    `manner` is the manner of the first start; only AT_ONCE may be followed by a second one.
    """

    name: str
    argv: tuple[str, ...]
    dialogue: prompts.Dialogue = prompts.Dialogue()
    terminal: bool = False
    is_network: bool = False
    prompt_timeout: float = 60.0
    timeout: float = 60.0
    manner: Manner = Manner.AT_ONCE


Outcome = Link | EcontextError


class Starting:
    """Start of a slave, from its command to its greeting, and the process after it.

    It is started on this machine or through the slave `parent`.  `done` is called once, with the
    link or the error; `gone` once, when the process that was started for it has ended.
    """

    def __init__(
        self,
        loop: Loop,
        launch: Launch,
        parent: Link | None,
        done: Callable[[Outcome], None],
        gone: Callable[[], None] = lambda: None,
    ) -> None:
        self._launch = launch
        self._loop = loop
        self._parent = parent
        self._gone = gone
        self._done: Callable[[Outcome], None] | None = done
        self._ahead: list[Callable[[Link], None]] = []
        #: The words of the first start, if this is the second.
        self._said_first = ""
        self._begin()

    @property
    def found_out(self) -> dict[str, Any]:
        """Fields of the plan that a second start may have changed, for later plans."""
        return {"manner": self._launch.manner, "terminal": self._launch.terminal}

    def _begin(self) -> None:
        launch, loop = self._launch, self._loop
        self._bundle_sent = False
        self._talk: prompts.Talk | None = prompts.Talk(launch.dialogue)
        self._chatter = b""
        self._chatter_size = 0
        self._magic = False
        self._wait = launch.prompt_timeout if launch.dialogue.marker else launch.timeout
        self._timer = loop.call_later(self._wait, self._timed_out)
        try:
            self._process = self._run(loop, self._parent)
        except (OSError, EcontextError) as error:
            if not isinstance(error, EcontextError):
                error = LaunchError(launch.name, f"cannot run {launch.argv[0]}: {error}")
            loop.post(functools.partial(self._fail, error))
            loop.post(self._gone)
            return
        except BaseException:
            self._timer.cancel()
            raise
        self._link = Link(launch.name, self._process, loop.soon, loop.post)
        if launch.is_network:
            self._link.outlet.pack()
        self._process.on_output = self._output
        self._process.on_exit = self._exited
        if not launch.dialogue.marker:
            self._ready()

    def _run(self, loop: Loop, parent: Link | None) -> Process:
        argv = list(first_stage.in_manner(self._launch.argv, self._launch.manner))
        if parent is not None:
            return RemoteCommand(parent, argv, self._launch.terminal)
        command = Command(loop, argv, self._launch.terminal)
        command.start_reading()
        return cast(Process, command)

    def _ready(self) -> None:
        """Send the bundle, unless it has to wait for the first stage's word."""
        if self._launch.manner is Manner.AT_ONCE:
            self._send_bundle()

    def _send_bundle(self) -> None:
        if isinstance(self._process, RemoteCommand):
            self._process.relay(None)
        else:
            self._link.write(bundle())
        self._bundle_sent = True
        for callback in self._ahead:
            notify(callback, self._link)

    def send_ahead(self, callback: Callable[[Link], None]) -> None:
        """Call `callback` with the link as soon as the bundle is sent.

        What it sends follows the bundle without waiting for the greeting, which may never
        come.  A second start calls it again, with another link.
        """
        self._ahead.append(callback)
        if self._bundle_sent:
            notify(callback, self._link)

    def _output(self, stream: int, data: bytes) -> None:
        if self._magic and stream == wire.STDOUT:
            self._feed(data, len(data))
            return
        self._process.credit(len(data))
        if self._talk is not None:
            self._converse(stream, data)
        elif stream == wire.STDOUT:
            self._listen(data)
        else:
            self._link.said(data)

    def _converse(self, stream: int, data: bytes) -> None:
        assert self._talk is not None
        if stream != wire.STDOUT:
            self._link.said(data)
        elif not self._launch.dialogue.marker:
            self._listen(data)
            return
        else:
            self._chatter = (self._chatter + data)[-_KEPT:]
        for action in self._talk.feed(stream, data):
            match action:
                case prompts.Answer(back, answer):
                    self._link.stderr = b""  # the prompt, which explains no error
                    self._process.write(back, answer)
                case prompts.Ready(rest):
                    self._talk, self._chatter = None, b""
                    self._timer.cancel()
                    self._wait = self._launch.timeout
                    self._timer = self._loop.call_later(self._wait, self._timed_out)
                    self._ready()
                    self._listen(rest)
                case prompts.Refused(missing) if not self._wants_terminal():
                    self._fail(PasswordError(self._launch.name, missing, self._said()))

    def _listen(self, data: bytes) -> None:
        """Look for the first stage's word and the slave's in what a login prints."""
        self._chatter += data
        self._chatter_size += len(data)
        if not self._bundle_sent and first_stage.FIRST_WORD in self._chatter:
            self._chatter = self._chatter.partition(first_stage.FIRST_WORD)[2]
            self._send_bundle()
        before, magic, after = self._chatter.partition(wire.MAGIC)
        self._chatter = before[-_KEPT:]
        if magic:
            self._magic = True
            self._talk = None
            self._feed(after)
        elif self._chatter_size > MAX_CHATTER:
            self._fail(LaunchError(self._launch.name, "the login prints without end", None))

    def _feed(self, data: bytes, owed: int = 0) -> None:
        self._link.feed(data, owed)
        if self._link.error is not None:
            self._fail(self._link.error)
        elif self._link.greeting and self._done is not None:
            self._timer.cancel()
            self._forget_password()
            done, self._done = self._done, None
            done(self._link)
            keepalive.begin(self._link, self._loop.call_later)

    def _exited(self, status: int) -> None:
        if self._done is None:
            self._link.ended(status)
        elif self._parent is not None and self._parent.error is not None:
            self._fail(self._parent.error)
        elif isinstance(self._process, RemoteCommand) and self._process.failure:
            # No shell's status: the slave has no room for a process, or there is no such program.
            parent, failure = self._process.link.name, self._process.failure
            reason = f"{parent} cannot run {self._launch.argv[0]}: {failure}"
            self._fail(LaunchError(self._launch.name, reason))
        elif (launch := self._second_launch(status)) is not None:
            logger.info("%s: a second start: %s", launch.name, self._said())
            self._timer.cancel()
            self._said_first = self._said()
            self._launch = launch
            del self._process
            self._begin()
            return
        else:
            reason = f"the command {describe_status(status)} before a slave ran"
            self._fail(LaunchError(self._launch.name, reason, status, self._said()))
        self._gone()

    def _second_launch(self, status: int) -> Launch | None:
        """Return the plan of another start; None if that would make no difference."""
        launch = self._launch
        if not self._bundle_sent:
            return launch._replace(terminal=True) if self._wants_terminal() else None
        is_first = launch.manner is Manner.AT_ONCE and not self._magic
        is_ssh = launch.is_network and status == _SSHS
        if not is_first or is_ssh or status < 0 or status in _SHELLS:
            return None
        was_run = first_stage.NO_BUNDLE in self._link.stderr + self._chatter
        manner = Manner.ON_WORD if was_run else Manner.AS_FILE
        is_known = first_stage.in_manner(launch.argv, manner) != launch.argv
        return launch._replace(manner=manner) if is_known else None

    def _wants_terminal(self) -> bool:
        """Return whether the command ends now, as it has no terminal to ask on."""
        said = self._link.stderr
        return not self._launch.terminal and any(words in said for words in _TERMINAL_WANTED)

    def _timed_out(self) -> None:
        self._fail(LaunchTimeout(self._launch.name, self._wait, self._said()))

    def close(self) -> None:
        """End the slave; or give up its start, of which `done` gets the error."""
        if self._done is None and hasattr(self, "_process"):
            self._link.close()
        else:
            self._fail(LaunchError(self._launch.name, "the start was given up"))

    def kill(self) -> None:
        """Kill the process that was started."""
        if hasattr(self, "_process"):
            self._process.kill()

    def _fail(self, error: EcontextError) -> None:
        if self._done is None:
            return
        self._timer.cancel()
        if isinstance(error, LaunchError):
            error.program, error.stage = self._launch.argv[0], self._stage(error.status)
        self._forget_password()
        done, self._done = self._done, None
        if hasattr(self, "_process"):
            self._process.on_output = self._drop
            self._process.kill()
        done(error)

    def _stage(self, status: int | None) -> Stage:
        """Return the stage that this start has reached; the command's `status` if it ended."""
        process, launch = getattr(self, "_process", None), self._launch
        if process is None or isinstance(process, RemoteCommand) and process.failure:
            return Stage.COMMAND
        if self._magic:
            return Stage.GREETING
        if self._bundle_sent and launch.manner is not Manner.AT_ONCE:
            return Stage.BUNDLE
        is_shells = status in _SHELLS and not launch.dialogue.marker
        is_in_shell = self._talk is None or launch.argv[0] == "/bin/sh" or is_shells
        return Stage.FIRST_STAGE if is_in_shell else Stage.LOGIN

    def _forget_password(self) -> None:
        """Keep the password no longer: this object lives as long as the slave."""
        self._talk = None
        self._launch = self._launch._replace(dialogue=prompts.Dialogue())

    def _drop(self, stream: int, data: bytes) -> None:
        """Take output that comes after the start has failed."""
        self._process.credit(len(data))

    def _said(self) -> str:
        """Return the last words of the command, after those of the first one if they differ."""
        data = self._link.stderr or self._chatter[-1024:]
        said = data.decode("utf-8", "replace").replace("\r\n", "\n").strip()
        return said if self._said_first in said else f"{self._said_first}\n{said}".strip()
