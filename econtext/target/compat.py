"""Compatibility of shipped code with all its Python versions.

All branches on the interpreter's version live here, each with the reason why it is
needed, and nothing that decides about slaves or calls.
"""

import errno
import fcntl
import os
import signal
import sys
import termios

PYTHON_3 = sys.version_info[0] >= 3

if PYTHON_3:
    text = str
    integers = (int,)  # type: tuple

    # Lone surrogates stand for file names that are not UTF-8 (PEP 383): they must survive
    # the journey.  Python 2 passes them without being asked.

    def encode_text(value):
        # type: (str) -> bytes
        """Return text as UTF-8, lone surrogates included."""
        return value.encode("utf-8", "surrogatepass")

    def decode_text(data):
        # type: (bytes) -> str
        """Return the text that `encode_text` encoded; raises UnicodeDecodeError."""
        return data.decode("utf-8", "surrogatepass")

    def decode_source(data):
        # type: (bytes) -> str
        """Return a module's source as `str`, decoded as it says itself."""
        import importlib.util

        return importlib.util.decode_source(data)

    def native(value):
        # type: (str) -> str
        """Return text as the interpreter's `str`, for names, paths and the environment."""
        return os.fsdecode(value.encode("utf-8", "surrogateescape"))

    def from_native(value):
        # type: (str) -> str
        """Return the interpreter's own `str` as text."""
        try:
            return os.fsencode(value).decode("utf-8", "surrogateescape")
        except UnicodeEncodeError:  # no path: it has characters that no path can have here
            return value

    def error_text(error):
        # type: (BaseException) -> str
        """Return the message of an exception as text."""
        return str(error)

else:
    import codecs
    import re

    text = unicode  # type: ignore[name-defined]  # noqa: F821
    integers = (int, long)  # type: ignore[name-defined]  # noqa: F821

    def encode_text(value):
        return value.encode("utf-8")

    def decode_text(data):
        return data.decode("utf-8")

    def decode_source(data):
        return data

    # Python 2 has no such error handler.  Under its real name it would change what modules do.
    def _escape(error):
        data = error.object[error.start : error.end]
        escaped = [unichr(0xDC00 + byte) for byte in bytearray(data)]  # type: ignore  # noqa: F821
        return text().join(escaped), error.end

    codecs.register_error("econtext", _escape)

    def _unescape(found):
        block, byte = bytearray(found.group()[1:])
        return bytes(bytearray([byte + (block - 0xB2) * 0x40]))

    def native(value):
        if not isinstance(value, text):
            return value
        return re.sub(b"\xed[\xb2\xb3][\x80-\xbf]", _unescape, value.encode("utf-8"))

    def from_native(value):
        return value.decode("utf-8", "econtext") if isinstance(value, bytes) else value

    def error_text(error):
        try:
            return unicode(error)  # type: ignore[name-defined]  # noqa: F821
        except UnicodeDecodeError:
            return from_native(str(error))


def keep_from_commands(fd):
    # type: (int) -> int
    """Mark `fd` as closed on exec, as Python 3 does by itself (PEP 446); return it."""
    fcntl.fcntl(fd, fcntl.F_SETFD, fcntl.fcntl(fd, fcntl.F_GETFD) | fcntl.FD_CLOEXEC)
    return fd


def set_blocking(fd, blocking):
    # type: (int, bool) -> None
    """Set whether `fd` blocks, as os.set_blocking of Python 3.5 does."""
    flags = fcntl.fcntl(fd, fcntl.F_GETFL)
    wanted = flags & ~os.O_NONBLOCK if blocking else flags | os.O_NONBLOCK
    fcntl.fcntl(fd, fcntl.F_SETFL, wanted)


def retry(function, *arguments):
    # type: (...) -> object
    """Call a function until no signal interrupts it, as Python 3.5 does (PEP 475)."""
    while True:
        try:
            return function(*arguments)
        except (OSError, IOError) as error:
            if error.errno != errno.EINTR:
                raise


def signal_wakeup(fd):
    # type: (int) -> None
    """Let signals write to `fd`; Python 3.7 can do without a warning for a full pipe."""
    if sys.version_info >= (3, 7):
        signal.set_wakeup_fd(fd, warn_on_full_buffer=False)
    else:
        signal.set_wakeup_fd(fd)


def session_options(terminal):
    # type: (object) -> dict
    """Return arguments for subprocess.Popen that give the child its own session.

    `terminal` is a descriptor of the session's controlling terminal, or None.  The
    child keeps it open: a terminal hangs up when no process has it open.
    Python 2 has neither `start_new_session` nor `pass_fds` nor the restoring of
    signals, and closes descriptors before it calls `preexec_fn`, not after.
    """
    if PYTHON_3:
        if terminal is None:
            return {"start_new_session": True}

        def attach():
            # type: () -> None
            os.setsid()
            fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)  # type: ignore[call-overload]

        return {"preexec_fn": attach, "pass_fds": (terminal,)}
    name = os.ttyname(terminal) if terminal is not None else None  # type: ignore[arg-type]

    def prepare():
        # type: () -> None
        os.setsid()
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        if name is not None:
            os.open(name, os.O_RDWR)  # a session's first terminal controls it

    return {"preexec_fn": prepare}


def commands_environment():
    # type: () -> object
    """Return the environment for commands; None stands for this process's own.

    It is without LC_CTYPE if Python itself has set that (PEP 538, Python 3.7).
    """
    try:
        with open("/proc/self/environ", "rb") as file:
            given = b"\0" + file.read()
    except (OSError, IOError):
        return None
    if "LC_CTYPE" not in os.environ or b"\0LC_CTYPE=" in given:
        return None
    return {name: value for name, value in os.environ.items() if name != "LC_CTYPE"}


def freeze_memory():
    # type: () -> None
    """Freeze the collector's objects: it then copies no memory of forks (Python 3.7)."""
    import gc

    gc.collect()
    if hasattr(gc, "freeze"):
        gc.freeze()


def spec_from_loader(name, loader, origin, is_package):
    # type: (str, object, str, bool) -> object
    """Return a module spec with `__file__` set, for the import system of Python 3."""
    from importlib.machinery import ModuleSpec

    spec = ModuleSpec(name, loader, origin=origin, is_package=is_package)  # type: ignore[arg-type]
    spec.has_location = True
    if is_package:
        spec.submodule_search_locations = [os.path.dirname(origin)]
    return spec


def install_finder(finder):
    # type: (object) -> None
    """Put `finder` in front of all others of `import`.

    On Python 2, runpy looks along a package's path, and gets to it by `finder.at_path`.
    """
    sys.meta_path.insert(0, finder)  # type: ignore[arg-type]
    if not PYTHON_3:
        sys.path_hooks.append(finder.at_path)  # type: ignore[attr-defined]


def exit_handlers():
    # type: () -> None
    """Do as the interpreter at its end: wait for threads, call atexit's functions."""
    import atexit

    threading = sys.modules.get("threading")
    if threading is not None and PYTHON_3:
        if not getattr(threading.main_thread(), "_is_stopped", False):  # 3.6 and 3.7 do it once
            threading._shutdown()  # type: ignore[attr-defined]
    elif threading is not None:  # what Python 2 has for it works only once
        current = threading.current_thread()
        for thread in threading.enumerate():
            if thread is not current and not thread.daemon:
                thread.join()
    atexit._run_exitfuncs()
