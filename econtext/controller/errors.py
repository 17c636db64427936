"""Errors that the library raises, named for what failed.

::

    EcontextError
    ├── LaunchError        the slave did not start; quotes what the command said
    │   ├── LaunchTimeout  no slave ran within the limit
    │   └── PasswordError  a password was refused, or one was required and not given
    ├── ConnectionLost     the slave, or the connection to it, ended
    ├── CallError          the called function raised
    └── CallDied           the call's process ended without an answer

Arguments that cannot be sent raise `econtext.target.codec.EncodeError`, a ValueError.
"""

import builtins
import enum
import functools
import signal
from typing import TYPE_CHECKING, Any, TypeGuard

if TYPE_CHECKING:
    from econtext.controller.causes import Cause


class EcontextError(Exception):
    """Base of all errors of the library."""


class Stage(enum.Enum):
    """Stage that the start of a slave had reached for certain when it failed."""

    #: The command is to be run.
    COMMAND = "command"
    #: The command runs, and leads to the account, host or container.
    LOGIN = "login"
    #: A shell is run on the target, to look for the Python.
    FIRST_STAGE = "first stage"
    #: The Python has asked for the bundle: it does so in a second start alone.
    BUNDLE = "bundle"
    #: The slave runs, and is to greet.
    GREETING = "greeting"


class LaunchError(EcontextError):
    """Raised if a slave could not be started.

    `name` is the context's, `reason` what the controller saw, `status` the exit status of the
    command that was to start it (minus the signal's number; None if the controller ended it), and
    `stderr` the end of its standard error.  `program` is the command's first word, and `stage` how
    far the start came; None if that is not known.
    """

    program = ""
    stage: Stage | None = None

    def __init__(self, name: str, reason: str, status: int | None = None, stderr: str = "") -> None:
        said = stderr.strip()
        super().__init__(f"{name}: {reason}" + (f": {said}" if said else ""))
        self.name = name
        self.reason = reason
        self.status = status
        self.stderr = stderr

    def __str__(self) -> str:
        return f"{super().__str__()}\n{self.advice}".rstrip("\n")

    @property
    def cause(self) -> "Cause":
        """The cause, as far as the words tell it: Cause.UNKNOWN if they are of no known kind."""
        # Not before it is asked for: a broker's start is measured, and it asks for none.
        from econtext.controller import causes

        return causes.find(self.program, self.reason, self.stderr)

    @property
    def advice(self) -> str:
        """Advice on the cause, in one sentence; empty if it is unknown."""
        from econtext.controller import causes

        return causes.ADVICE[self.cause]


class LaunchTimeout(LaunchError):
    """Raised if the command that was to start a slave gave none within `seconds`."""

    def __init__(self, name: str, seconds: float, stderr: str = "") -> None:
        super().__init__(name, f"no slave ran after {seconds:g} seconds", None, stderr)
        self.seconds = seconds


class PasswordError(LaunchError):
    """Raised if a password was refused, or is required and not given (`missing`)."""

    def __init__(self, name: str, missing: bool, stderr: str = "") -> None:
        reason = "a password is required" if missing else "the password was refused"
        super().__init__(name, reason, None, stderr)
        self.missing = missing


class ConnectionLost(EcontextError):
    """Raised if a slave, or the connection to it, ended while it was in use."""

    def __init__(self, name: str, reason: str, stderr: str = "") -> None:
        said = stderr.strip()
        super().__init__(f"{name}: {reason}" + (f": {said}" if said else ""))
        self.stderr = stderr


class CallError(EcontextError):
    """Raised if the called function raised on the target.

    `kind` is the name of the exception's class, `text` its message, and `traceback` the target's
    traceback as text.  `hint` is the controller's word on it, maybe empty.  Both are notes of the
    exception, or the end of its text before Python 3.11.

    If the exception was of a builtin class, this is one of that class as well (`call_error`).
    """

    def __init__(self, kind: str, text: str, traceback: str = "", hint: str = "") -> None:
        super().__init__(f"{kind}: {text}")
        self.kind = kind
        self.text = text
        self.traceback = traceback
        self.hint = hint
        for note in filter(None, (hint, traceback)):
            if hasattr(self, "add_note"):
                self.add_note(note)
            else:
                self.args = (f"{self.args[0]}\n\n{note}".rstrip(),)

    def __str__(self) -> str:
        return str(self.args[0])  # a KeyError's would be in quotes

    def __reduce__(self) -> tuple[Any, ...]:
        return call_error, (self.kind, self.text, self.traceback, self.hint)


def call_error(kind: str, text: str, traceback: str = "", hint: str = "") -> CallError:
    """Return a CallError, which is also of the builtin class of this name if there is one."""
    return _class_of(kind)(kind, text, traceback, hint)


@functools.lru_cache(maxsize=100)
def _class_of(kind: str) -> type[CallError]:
    builtin = getattr(builtins, kind, None)
    if not isinstance(builtin, type) or not issubclass(builtin, Exception):
        return CallError
    if issubclass(builtin, StopIteration | StopAsyncIteration):
        return CallError  # they end a caller's loop
    try:
        made = type("CallError", (CallError, builtin), {"__module__": __name__})
        made("", "")
    except TypeError:  # it needs more arguments, as UnicodeDecodeError does
        return CallError
    return made


class CallDied(EcontextError):
    """Raised if the process of a call ended before the function returned.

    `status` is its exit code, or minus the number of the signal that ended it.
    """

    def __init__(self, name: str, status: int) -> None:
        super().__init__(f"{name}: the call's process {describe_status(status)}")
        self.status = status


def is_exit_status(value: object) -> TypeGuard[int]:
    """Return whether a value that a target sent is an exit status, or minus a signal."""
    return type(value) is int and -128 <= value <= 255


def described(error: BaseException) -> str:
    """Return the kind and the message of an error.

    Not its repr(): that of an error of a text's encoding holds all of the text, a password maybe.
    """
    return f"{type(error).__name__}: {error}"


def describe_status(status: int) -> str:
    """Return an exit status in words: "ended with status 1", "was killed by SIGKILL"."""
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"was killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"was killed by signal {-status}"
