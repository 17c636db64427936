"""Warm process: a call process that runs one module again and again.

A fork costs more than such a module itself.  Requests come on standard input and replies go
to standard output, in frames; a module's output goes to nameless files.  After each run the
process is put back to what it was before the first.  It ends if that cannot be done, or if a
new process would see another system.
"""

import os
import stat
import sys
import threading

from ansible_econtext.target import memfd, module_runner, run_command, session_guard
from econtext.target import call, codec, compat, starter, wire

#: The top package of every module in a payload.
_PAYLOAD = "ansible"


def run(manifest, name):
    # type: (bytes, str) -> tuple
    """Run the module `name` of a manifest for each request, until the input ends.

    Returns (None, []).  Returns it without having run anything if there are no nameless
    files, or if the module's imports fail.
    """
    outputs = [_output(stream) for stream in ("stdout", "stderr")]
    if None in outputs:
        return None, []
    requests, replies = [compat.keep_from_commands(os.dup(fd)) for fd in (0, 1)]
    nothing, end = os.pipe()  # as a module's standard input is for a call: a pipe at its end
    os.close(end)
    for fd, here in zip((nothing, outputs[0], outputs[1]), (0, 1, 2)):
        os.dup2(fd, here)
    os.close(nothing)
    call.importer.use(call.importer.store.manifest(manifest))  # type: ignore
    try:
        __import__(str(name))
    except Exception:  # an ordinary call fails in the same way, and reports it
        return None, []
    sys.modules.pop(str(name))  # it was wanted for its imports
    guardian = session_guard.Guard()
    run_command.keep_apart(guardian)
    state = State()
    try:
        for request in _requests(requests, state):
            result = module_runner.run_module(request)
            guardian.let_go()
            state.leave_directory()  # it may be unmounted next
            _reply(replies, outputs, wire.frame(wire.RESULT, 0, codec.encode(result)))
    finally:
        guardian.close()
    return None, []


def _requests(descriptor, state):
    # type: (int, State) -> object
    """Yield each request, with `state` put back, until a new process would differ.

    The broker has the requests that were not answered done by ordinary calls.
    """
    resources = _resources()
    starters = starter.Starters(os.getppid())
    reader = wire.Reader(frozenset([wire.CALL]))
    for data in iter(lambda: compat.retry(os.read, descriptor, 65536), b""):
        for _, _, body in reader.feed(data):
            if starters.has_ended():
                return
            yield codec.decode(body)
            if _resources() != resources:
                return
            state.restore()


def _resources():
    # type: () -> tuple
    """Return the numbers of open files and of threads, which a run may have left.

    Sockets do not count, as each module leaves one to the system's log.
    """
    files = 0
    for name in os.listdir("/proc/self/fd"):  # which is there: `memfd.files`
        try:
            files += not stat.S_ISSOCK(os.fstat(int(name)).st_mode)
        except OSError:
            pass  # the descriptor of the listing itself
    return files, threading.active_count()


def _output(name):
    # type: (str) -> object
    """Return a descriptor of a nameless file; None if the system has none."""
    for descriptor in memfd.files(name):
        return compat.keep_from_commands(descriptor)
    return None


def _reply(descriptor, outputs, result):
    # type: (int, list, bytes) -> None
    """Send a run's output and its result, in one write if they are small."""
    kept = b""
    for stream, output in zip((wire.STDOUT, wire.STDERR), outputs):
        for data in _take(output):
            kept += wire.data_frame(0, stream, data)
            if len(kept) > wire.MAX_BODY:
                _write(descriptor, kept)
                kept = b""
    _write(descriptor, kept + result)


def _take(descriptor):
    # type: (int) -> object
    """Yield the content of a file in pieces, then empty it."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    for data in iter(lambda: os.read(descriptor, wire.MAX_DATA), b""):
        yield data
    os.ftruncate(descriptor, 0)
    os.lseek(descriptor, 0, os.SEEK_SET)


def _write(descriptor, data):
    # type: (int, bytes) -> None
    while data:
        data = data[compat.retry(os.write, descriptor, data) :]  # type: ignore[misc]


class State(object):
    """State of the process that a run may change, as it was before the first run.

    It has the variables of the payload's modules, the exception hook, the environment, the
    working directory and the umask.
    """

    def __init__(self):
        # type: () -> None
        self._modules = {name: module for name, module in sys.modules.items() if _is_of(name)}
        modules = filter(None, self._modules.values())
        self._variables = [(vars(module), dict(vars(module))) for module in modules]
        found = {
            id(value): value
            for _, variables in self._variables
            for name, value in variables.items()
            if type(value) in (dict, list, set) and name != "__builtins__"
        }
        self._contents = [(value, type(value)(value)) for value in found.values()]
        self._hook = sys.excepthook
        self._environment = dict(os.environ)
        self._umask = os.umask(0)
        os.umask(self._umask)
        try:
            self._directory = os.getcwd()
        except OSError:  # another account's directory: the module runner leaves it
            self._directory = "/"

    def leave_directory(self):
        # type: () -> None
        """Go back to the directory of before the first run."""
        try:
            os.chdir(self._directory)
        except OSError:  # it is gone: the next module's request names its own
            os.chdir("/")

    def restore(self):
        # type: () -> None
        """Put back all but the directory."""
        for name in [name for name in sys.modules if _is_of(name)]:
            if sys.modules[name] is not self._modules.get(name):
                del sys.modules[name]
        sys.modules.update(self._modules)
        for variables, before in self._variables:
            _put_back(variables, before)
        for value, before in self._contents:
            if isinstance(value, list):
                value[:] = before
            else:
                _put_back(value, before)
        sys.excepthook = self._hook
        _put_back(os.environ, self._environment)
        os.umask(self._umask)


def _put_back(value, before):
    # type: (object, object) -> None
    if value != before:
        value.clear()  # type: ignore[attr-defined]
        value.update(before)  # type: ignore[attr-defined]


def _is_of(name):
    # type: (str) -> bool
    return name.partition(".")[0] == _PAYLOAD
