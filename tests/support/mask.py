"""Takes away from an interpreter what is Linux's own, by the names of masks.

`masked.py` makes interpreters that read this when they start, before `os` and `socket` do: the
constants MASKS and TESTS are its to set.  It runs on all Pythons that a slave runs on.
"""

import posix
import sys

#: The masks of this interpreter, and the directory of the code that they do not count for.
MASKS = ()
TESTS = "/"

#: What tests send to a target to look at a slave from outside.
LOOKING = "memory:process/target/looking.py"

#: Modules of C with what macOS and the BSDs have not, in parts of Python that are as here.
ABSENT = {
    "memfd": {"posix": ["memfd_create"]},
    "tmpfile": {"posix": ["O_TMPFILE"]},
    "pidfd": {"posix": ["pidfd_open"]},
    "peercred": {"_socket": ["SO_PEERCRED"]},
    "namespaces": {"posix": ["setns", "unshare"]},
    "poll": {"select": ["poll", "epoll", "POLL*", "EPOLL*"]},
    "others": {
        "posix": [
            "O_ASYNC O_DIRECT O_LARGEFILE O_NOATIME O_PATH O_RSYNC copy_file_range eventfd*",
            "fdatasync getrandom getresgid getresuid getxattr listxattr pipe2 posix_fadvise",
            "posix_fallocate removexattr sched_* setresgid setresuid setxattr splice timerfd_*",
        ],
        "_signal": ["SIGCLD SIGPOLL SIGPWR SIGRT* SIGSTKFLT pidfd_* sigtimedwait sigwaitinfo"],
        "_socket": [
            "AF_NETLINK AF_PACKET MSG_CMSG_CLOEXEC MSG_NOSIGNAL SCM_CREDENTIALS",
            "SOCK_CLOEXEC SOCK_NONBLOCK",
        ],
        "select": ["epoll EPOLL*"],
        "resource": ["prlimit"],
    },
}

#: Paths that are not there, by the mask.
HIDDEN = {
    "proc": ("/proc", "/dev/fd"),
    "namespaces": ("/proc/self/ns",),
    "shm": ("/dev/shm",),
}

#: The descriptors of a /dev/fd that does not follow the process (FreeBSD).
FIXED = ["0", "1", "2"]

ALL = sorted(set(ABSENT) | set(HIDDEN) | {"async", "dev_fd", "terminals"})


class Beginning(object):
    """Finder of imports that finds nothing: the masks are put on at the first one that it sees.

    When `encodings` is read, an interpreter cannot yet import what they change.
    """

    def find_spec(self, name, path=None, target=None):
        if hasattr(_builtins(), "open"):
            sys.meta_path.remove(self)
            apply()


def begin():
    if sys.version_info[0] == 2:  # here `os` is being read
        apply()
    else:
        sys.meta_path.insert(0, Beginning())


def apply():
    for mask in MASKS:
        for module, names in ABSENT.get(mask, {}).items():
            _remove(module, " ".join(names).split())
    if "async" in MASKS:
        _no_signals()
    if "terminals" in MASKS:
        _no_terminals()
    if "others" in MASKS:
        _no_more_files()
    hidden = tuple(path for mask in MASKS for path in HIDDEN.get(mask, ()))
    if hidden or "dev_fd" in MASKS:
        _hide(hidden)


def _builtins():
    return sys.modules.get("builtins") or sys.modules["__builtin__"]


def _remove(module, names):
    try:
        found = __import__(module)
    except ImportError:  # another name on an old Python, which lacks the rest of it too
        return
    for name in names:
        start = name.rstrip("*")
        for each in list(vars(found)):
            if each == name or start != name and each.startswith(start):
                delattr(found, each)


def _no_signals():
    """A descriptor signals nothing, as a pipe on a system that does not know that."""
    import fcntl

    real, flag = fcntl.fcntl, 0x2000  # O_ASYNC

    def masked(fd, command, *more):
        if command == fcntl.F_SETFL:
            more = (more[0] & ~flag,)
        return real(fd, command, *more)

    fcntl.fcntl = masked


def _no_more_files():
    """A limit of open files is refused above 10240, whatever the hard one is, as on macOS."""
    import resource

    real = resource.setrlimit

    def masked(kind, limits):
        if kind == resource.RLIMIT_NOFILE and limits[0] > 10240:
            raise ValueError("current limit exceeds maximum limit")
        return real(kind, limits)

    resource.setrlimit = masked


def _no_terminals():
    """`poll` says of a terminal that it is no descriptor, as on macOS."""
    import select

    if not hasattr(select, "poll"):
        return
    real = select.poll

    class Poll(object):
        def __init__(self):
            self._poll, self._terminals = real(), set()

        def register(self, fd, *mask):
            number = fd if isinstance(fd, int) else fd.fileno()
            if posix.isatty(number):
                self._terminals.add(number)
            else:
                self._poll.register(number, *mask)

        def unregister(self, fd):
            if fd in self._terminals:
                self._terminals.remove(fd)
            else:
                self._poll.unregister(fd)

        def poll(self, *timeout):
            refused = [(fd, select.POLLNVAL) for fd in sorted(self._terminals)]
            return refused + self._poll.poll(*([0] if refused else timeout))

    select.poll = Poll


def _hide(hidden):
    """Paths below these are not there, but for the tests themselves."""
    builtins, io = _builtins(), sys.modules.get("_io")
    library = __file__.rpartition("/")[0]

    def is_of_tests():
        frame = sys._getframe(2)
        while frame and (
            frame.f_code.co_filename.startswith((library, "<frozen"))
            or frame.f_code.co_filename == __file__
        ):
            frame = frame.f_back
        return frame is not None and frame.f_code.co_filename.startswith((TESTS, LOOKING))

    def is_hidden(path):
        if hasattr(path, "__fspath__"):
            path = path.__fspath__()
        if isinstance(path, bytes) and not isinstance(path, str):
            path = path.decode("latin-1")
        if not isinstance(path, str):
            return False
        return any(path == each or path.startswith(each + "/") for each in hidden)

    def masked(real):
        def function(path=".", *arguments, **keywords):
            if path == "/dev/fd" and "dev_fd" in MASKS and real is listing:
                return list(FIXED)
            if is_hidden(path) and not is_of_tests():
                raise OSError(2, "No such file or directory", path)
            return real(path, *arguments, **keywords)

        function.__name__ = real.__name__
        return function

    def masked_access(path, *arguments, **keywords):
        hides = is_hidden(path) and not is_of_tests()
        return False if hides else access(path, *arguments, **keywords)

    listing, access = posix.listdir, posix.access
    posix.access = masked_access
    for name in ("open", "stat", "lstat", "listdir", "scandir", "readlink", "chdir", "statvfs"):
        if hasattr(posix, name):
            setattr(posix, name, masked(getattr(posix, name)))
    real, opened = builtins.open, masked(builtins.open)
    builtins.open = opened
    if io and io.open is real:  # not on Python 2
        io.open = opened
