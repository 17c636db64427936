"""What ansible-core's `run_command` is given to run commands with, so that none waits for nothing.

Source: `run_command` in `module_utils/basic.py`, 2.16 to 2.21.

It asks twice whether its command has ended: once to leave its loop, and once to wait
for it.  A command that ends between the two, all its output read, lets it wait a whole
second for output of nobody.  The faster a module is started, the more often that happens.

And from 2.17 on it gives each command a function to call before it starts, which forces a
fork of the whole process where a `vfork` would do, for a umask that hardly any caller sets.
"""

import subprocess
import types

from econtext.target import compat

#: Seconds to wait for output when there is nothing that could give any.
_MOMENT = 0.001

#: Starts commands, where they have sessions of their own.
_apart = None  # type: object


def prepare(basic):
    # type: (types.ModuleType) -> None
    """Give the module `basic` a selector and a Popen of ours."""
    if hasattr(getattr(basic, "selectors", None), "PollSelector"):
        basic.selectors = _with(basic.selectors, _selector(basic.selectors))  # type: ignore
    if hasattr(basic, "subprocess"):
        basic.subprocess = _with(subprocess, Popen)  # type: ignore[attr-defined]


def _with(module, kind):
    # type: (types.ModuleType, type) -> types.ModuleType
    """A copy of a module with a class of ours in place of its own."""
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
    """Leaves out a `preexec_fn` that would do nothing."""

    def __init__(self, *args, **kwargs):
        # type: (...) -> None
        if _does_nothing(kwargs.get("preexec_fn")):
            kwargs["preexec_fn"] = None
        if _apart is not None:
            _in_own_session(kwargs)
        super(Popen, self).__init__(*args, **kwargs)
        if _apart is not None:
            _apart.started(self.pid)


def keep_apart(guard):
    # type: (object) -> None
    """Start each command in a session of its own, and tell `guard` of it: what one of them leaves
    running, as it may, is not to end with this process, which stays for other tasks."""
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
    """Whether this is run_command's function without a umask to set."""
    cells = getattr(function, "__closure__", None)
    names = getattr(getattr(function, "__code__", None), "co_freevars", ())
    return names == ("umask",) and not cells[0].cell_contents  # type: ignore[index]
