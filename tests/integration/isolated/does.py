"""A filter, a test and a lookup in one file, which do what plugins of users do.

The file is copied to where it is to be found; filter, test and lookup are called like the file.
The argument names what is done: see `FUNCTIONS`.  Most of these look first whether the process
is as it was at its start, and return `fresh` if so; then they change that, so that whatever
comes later in the same process finds it `altered`.  What takes long to import is imported when
it is wanted.
"""

from __future__ import annotations

import locale
import os
import pathlib
import resource
import signal
import socket
import sys
import threading
import time
import urllib.request
import warnings

from ansible.plugins.lookup import LookupBase
from ansible.utils.display import Display

NAME = pathlib.Path(__file__).stem
#: A directory of the run, with the directory `altered` and the file `secret` in it.
DIRECTORY = pathlib.Path(os.environ["ECONTEXT_TEST_SHARED"])

_at_import = (DIRECTORY / "secret").read_text(encoding="utf-8").strip()
_cache: dict[str, str] = {}
_calls: list[bytes] = []
_local = threading.local()
_database: list = []


def fresh(is_fresh: bool) -> str:
    return "fresh" if is_fresh else "altered"


def directory() -> str:
    before = pathlib.Path.cwd().name
    os.chdir(DIRECTORY / "altered")
    return fresh(before != "altered")


def environment() -> str:
    before = os.environ.get("ECONTEXT_TEST_ALTERED")
    os.environ["ECONTEXT_TEST_ALTERED"] = "1"
    return fresh(before is None)


def umask() -> str:
    return fresh(os.umask(0o026) != 0o026)


def language() -> str:
    before = locale.setlocale(locale.LC_TIME)
    locale.setlocale(locale.LC_TIME, "C" if before != "C" else "C.UTF-8")
    other = _cache.setdefault("locale", before)
    return fresh(before == other)


def socket_timeout() -> str:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(47)
    return fresh(before != 47)


def opener() -> str:
    before = urllib.request._opener
    urllib.request.install_opener(urllib.request.build_opener())
    return fresh(before is None)


def limit() -> str:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (511, hard))
    return fresh(soft != 511)


def niceness() -> str:
    return str(os.nice(1))


def path() -> str:
    before = "/altered" in sys.path
    sys.path.append("/altered")
    return fresh(not before)


def recursion() -> str:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(4321)
    return fresh(before != 4321)


def ignored_warnings() -> str:
    before = len(warnings.filters)
    warnings.simplefilter("ignore", ResourceWarning)
    return fresh(before == _cache.setdefault("warnings", before))


def alarm() -> str:
    """What a decorator that limits the time of a function does."""

    def rings(number, frame):
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, rings)
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    try:
        time.sleep(30)
    except TimeoutError:
        return fresh(before is signal.SIG_DFL)
    return "not rung"


def handler() -> str:
    """One that stays."""

    def ignored(number, frame):
        pass

    before = signal.signal(signal.SIGUSR1, ignored)
    return fresh(before is signal.SIG_DFL)


def event_loop() -> str:
    import asyncio

    async def one():
        return 1

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        # Which needs the main thread.
        loop.add_signal_handler(signal.SIGUSR2, print)
        return str(asyncio.get_event_loop().run_until_complete(one()))
    finally:
        loop.remove_signal_handler(signal.SIGUSR2)
        loop.close()


def found_event_loop() -> str:
    import asyncio

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            return f"closed: {asyncio.get_event_loop().is_closed()}"
        except RuntimeError as error:
            # The name of the thread stands in it; from Python 3.14 on there is none anywhere.
            return f"none: {threading.current_thread() is threading.main_thread()}: {error}"


def run_event_loop() -> str:
    import asyncio

    async def one():
        return 1

    return str(asyncio.run(one()))


def main_thread() -> str:
    return str(threading.current_thread() is threading.main_thread())


def session() -> str:
    """Whether the process is the leader of its session: a terminal is out of its reach."""
    return str(os.getsid(0) == os.getpid())


def standard_files() -> str:
    """What is open there, and whether Python's own files are those."""
    names = [os.readlink(f"/proc/self/fd/{number}") for number in (0, 1, 2)]
    kinds = [name if name == "/dev/null" else "other" for name in names]
    return f"{kinds} {sys.stdin.closed} {type(sys.stdout).__name__} {type(sys.stderr).__name__}"


def display_queue() -> str:
    """How the display sends what is said: by the queue to the main process, in a worker."""
    return type(getattr(Display(), "_final_q", None)).__name__


def children() -> str:
    """Wait for any child: there is none but its own."""
    own = os.posix_spawn("/bin/true", ["true"], {})
    return fresh(os.wait()[0] == own)


def pool() -> str:
    import multiprocessing

    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    process = context.Process(target=queue.put, args=(NAME,))
    process.start()
    process.join()
    return f"{queue.get()} {process.exitcode} {len(multiprocessing.active_children())}"


def cached_secret() -> str:
    """Read once in the life of a process."""
    if "secret" not in _cache:
        _cache["secret"] = (DIRECTORY / "secret").read_text(encoding="utf-8").strip()
    return _cache["secret"]


def secret_at_import() -> str:
    return _at_import


def thread_local() -> str:
    _local.calls = getattr(_local, "calls", 0) + 1
    return str(_local.calls)


def database() -> str:
    import sqlite3

    if not _database:
        _database.append(sqlite3.connect(":memory:"))
        _database[0].execute("create table calls (name text)")
    _database[0].execute("insert into calls values ('x')")
    return str(_database[0].execute("select count(*) from calls").fetchone()[0])


def memory() -> str:
    _calls.append(bytes(100_000))
    return str(len(_calls))


#: What leaves a process as it is, but for this file's own state and for what is said.
FUNCTIONS = {
    function.__name__: function
    for function in (
        directory, environment, umask, language, socket_timeout, opener, limit, niceness, path,
        recursion, ignored_warnings, alarm, handler, event_loop, found_event_loop, run_event_loop,
        main_thread, session, standard_files, display_queue, children, pool, cached_secret,
        secret_at_import, thread_local, database, memory,
    )
}  # fmt: skip


def says() -> str:
    print("errantly printed")
    os.write(1, b"errantly written\n")
    Display().display("displayed")
    Display().warning("a warning of a plugin")
    return "said"


def ends_well() -> None:
    os._exit(0)


def ends_badly() -> None:
    os._exit(3)


def crashes() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def is_killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def leaves() -> None:
    sys.exit(5)


def interrupts() -> None:
    raise KeyboardInterrupt


def starts_daemon() -> str:
    """Start a process that `multiprocessing` ends with the present one."""
    import multiprocessing

    multiprocessing.get_context("fork").Process(target=time.sleep, args=(120,), daemon=True).start()
    return "started"


class Unknown(BaseException):
    pass


def raises() -> None:
    raise Unknown("a plugin's own")


ENDS = {
    function.__name__: function
    for function in (
        says, ends_well, ends_badly, crashes, is_killed, leaves, interrupts, starts_daemon, raises
    )
}  # fmt: skip


def done(function) -> str:
    try:
        return function()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def does(name):
    if name == "all":
        return {each: done(function) for each, function in FUNCTIONS.items()}
    return {**FUNCTIONS, **ENDS}[str(name)]()


def is_as_expected(name, expected="fresh"):
    if name == "all":
        return "altered" not in does("all").values()
    return does(name) == expected


class FilterModule:
    def filters(self):
        return {NAME: does}


class TestModule:
    def tests(self):
        return {NAME: is_as_expected}


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        return [does(term) for term in terms]
