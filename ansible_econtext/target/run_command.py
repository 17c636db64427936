"""Faster selector and Popen for ansible-core's `run_command`.

Source: `run_command` in `module_utils/basic.py`, 2.16 to 2.21.

It asks twice whether its command has ended: to leave its loop, and to wait for it.  If the
command ends between the two, `run_command` waits a whole second for output that cannot come.
A module that is started faster meets this more often.

Since 2.17 it gives each command a `preexec_fn` that sets a umask, which hardly any caller
asks for.  With a `preexec_fn`, Popen forks the whole process, where it would use `vfork`.
"""

import subprocess
import types

from econtext.target import compat

#: Seconds to wait for output if no descriptor is left that could give any.
_MOMENT = 0.001

#: Guard of a warm process: it is told of each command; None in other call processes.
_apart = None  # type: object


def prepare(basic):
    # type: (types.ModuleType) -> None
    """Replace the selector and the Popen of ansible-core's module `basic`."""
    if hasattr(getattr(basic, "selectors", None), "PollSelector"):
        basic.selectors = _with(basic.selectors, _selector(basic.selectors))  # type: ignore
    if hasattr(basic, "subprocess"):
        basic.subprocess = _with(subprocess, Popen)  # type: ignore[attr-defined]


def _with(module, kind):
    # type: (types.ModuleType, type) -> types.ModuleType
    """Return a copy of a module with a class replaced by one of the same name."""
    copy = types.ModuleType(module.__name__)
    copy.__dict__.update(module.__dict__)
    setattr(copy, kind.__name__, kind)
    return copy


def _selector(selectors):
    # type: (types.ModuleType) -> type
    class PollSelector(selectors.PollSelector):  # type: ignore
        def select(self, timeout=None):
            # type: (object) -> list
            if not self.get_map() and timeout is not None:
                timeout = min(timeout, _MOMENT)
            return super(PollSelector, self).select(timeout)

    return PollSelector


class Popen(subprocess.Popen):
    """Popen without a `preexec_fn` that would do nothing."""

    def __init__(self, *args, **kwargs):
        # type: (...) -> None
        if _does_nothing(kwargs.get("preexec_fn")):
            kwargs["preexec_fn"] = None
        if _apart is not None:
            _apart.begin()
            _in_own_session(kwargs)
        super(Popen, self).__init__(*args, **kwargs)
        if _apart is not None:
            _apart.started(self.pid)


def keep_apart(guard):
    # type: (object) -> None
    """Start each command in a session of its own, and tell `guard`.

    What a command leaves running must not end with this process, which is a warm process.
    """
    global _apart
    _apart = guard


def _in_own_session(options):
    # type: (dict) -> None
    wanted = compat.session_options(None)
    functions = [wanted.get("preexec_fn"), options.get("preexec_fn")]
    options.update(wanted)
    if all(functions):
        options["preexec_fn"] = lambda: [function() for function in functions]


def _does_nothing(function):
    # type: (object) -> bool
    """Return whether this is run_command's function, without a umask to set."""
    cells = getattr(function, "__closure__", None)
    names = getattr(getattr(function, "__code__", None), "co_freevars", ())
    return names == ("umask",) and not cells[0].cell_contents  # type: ignore[index]
