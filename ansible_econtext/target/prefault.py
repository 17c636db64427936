"""Has a spare call process copy memory before it is wanted, rather than in the midst of its call.

A fork shares its memory with the slave until one of the two writes to it, which in Python
reading does too: objects count their references.  Then the kernel copies the page, which
takes longer than most of what a module does.  What one call copied, the next one will: so
a call now and then notes its pages, in a piece of memory that all forks of the slave share,
and a spare has the kernel copy these while it waits for its call.

Linux alone can do so (5.14 and later); elsewhere, and where anything is amiss, nothing happens.
"""

import mmap
import resource
import select
import struct

from econtext.target import call
from econtext.target.loop import monotonic

#: `madvise` is to make pages writable now.  Source: madvise(2), include/uapi/asm-generic/mman.h.
_POPULATE_WRITE = 23

#: Page faults of a call by which it is worth while that the next one looks for its pages.
_MANY = 250

#: Pages that are noted at the most (6 MB), so that a spare stays small.
_MOST = 1536

#: Pieces of memory that are copied between two looks whether the call is there.
_AT_ONCE = 16

#: Seconds in which no spare copies after a call that came while one did: when calls follow each
#: other so fast, or the machine is so busy, copying takes more of the processor than it saves.
_PAUSE = 0.1

#: Bits of an entry of /proc/self/pagemap.  Source: Documentation/admin-guide/mm/pagemap.rst.
_PRESENT, _ALONE = 1 << 63, 1 << 56

_NUMBER = struct.Struct("Q")
_PIECE = struct.Struct("QQ")
_TIME = struct.Struct("d")


class Notes(object):
    """Pieces of memory, as (number of the first page, how many), whether the next call is
    to look for more, and when a call last came too early; for all processes that are
    forked later, which nobody keeps from writing at the same time."""

    def __init__(self):
        # type: () -> None
        self._memory = mmap.mmap(-1, _MOST * _PIECE.size + _TIME.size)

    def hurry(self):
        # type: () -> None
        """A call came while a spare copied."""
        _TIME.pack_into(self._memory, _MOST * _PIECE.size, monotonic())

    def is_hurried(self):
        # type: () -> bool
        (last,) = _TIME.unpack_from(self._memory, _MOST * _PIECE.size)
        return bool(last) and 0 <= monotonic() - last < _PAUSE

    def read(self):
        # type: () -> tuple
        is_wanted, count = _PIECE.unpack_from(self._memory, 0)
        starts = range(_PIECE.size, min(count + 1, _MOST) * _PIECE.size, _PIECE.size)
        pieces = [_PIECE.unpack_from(self._memory, start) for start in starts]
        return bool(is_wanted), pieces if sum(piece[1] for piece in pieces) <= _MOST else []

    def write(self, is_wanted, pieces):
        # type: (bool, list) -> None
        pieces = [(int(is_wanted), len(pieces))] + pieces[: _MOST - 1]
        self._memory[: len(pieces) * _PIECE.size] = b"".join(_PIECE.pack(*each) for each in pieces)


class Copier(object):
    """What a call process does before it waits for its call, and after it."""

    def __init__(self):
        # type: () -> None
        self._madvise = _madvise()
        self._notes = Notes()
        self._before = None  # type: object
        self._is_complete = False
        self._faults = 0

    def copy(self, descriptor):
        # type: (int) -> None
        """Copy what others had to copy, until something comes on the descriptor."""
        if self._notes.is_hurried():
            return
        is_wanted, pieces = self._notes.read()
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        for start in range(0, len(pieces), _AT_ONCE):
            if poll.poll(0):
                if start:  # else there was no spare, as for a module's first call
                    self._notes.hurry()
                return
            for first, count in pieces[start : start + _AT_ONCE]:
                self._madvise(first * mmap.PAGESIZE, count * mmap.PAGESIZE)
        if is_wanted:
            self._before = _own_pages()
        self._is_complete = True
        self._faults = _faults()

    def note(self):
        # type: () -> None
        """At the end of a call: note what it had to copy, if that was asked for, else ask for it
        if it was much.  (The first call of a kind does more than those after it.)"""
        if not self._is_complete:
            return
        _, pieces = self._notes.read()
        if self._before is not None:
            noted = set()  # type: set
            for first, count in pieces:
                noted.update(range(first, first + count))
            noted |= _own_pages() - self._before  # type: ignore
            self._notes.write(False, _pieces(sorted(noted)[:_MOST]))
        elif _faults() - self._faults > _MANY:
            self._notes.write(True, pieces)


def _faults():
    # type: () -> int
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def _own_pages():
    # type: () -> set
    """The numbers of pages that this process may write to, and shares with no other."""
    pages = set()  # type: set
    with open("/proc/self/maps") as maps, open("/proc/self/pagemap", "rb", 0) as pagemap:
        for line in maps:
            area, rights = line.split()[:2]
            if rights != "rw-p":
                continue
            first, end = [int(address, 16) // mmap.PAGESIZE for address in area.split("-")]
            pagemap.seek(first * _NUMBER.size)
            data = pagemap.read((end - first) * _NUMBER.size)
            entries = struct.unpack("%dQ" % (len(data) // _NUMBER.size), data)
            pages.update(
                first + i for i, entry in enumerate(entries) if entry & _PRESENT and entry & _ALONE
            )
    return pages


def _pieces(pages):
    # type: (list) -> list
    """Pages that follow each other, as (first, how many)."""
    pieces = []  # type: list
    for page in pages:
        if pieces and page == sum(pieces[-1]):
            pieces[-1] = (pieces[-1][0], pieces[-1][1] + 1)
        else:
            pieces.append((page, 1))
    return pieces


def _madvise():
    # type: () -> object
    """A function of (address, size); raises an error of some kind where there is none.

    By what ctypes is made of: ctypes itself would take memory and time for much else.
    """
    import _ctypes

    class Number(_ctypes._SimpleCData):  # type: ignore
        _type_ = "P"  # as wide as an address, and as a size

    function = _ctypes.dlsym(_ctypes.dlopen(None, 0), "madvise")
    arguments = Number(), Number(), _POPULATE_WRITE

    def madvise(address, size):
        # type: (int, int) -> None
        arguments[0].value, arguments[1].value = address, size
        _ctypes.call_function(function, arguments)

    return madvise


def _begin():
    # type: () -> None
    try:
        copier = Copier()
        _own_pages()
    except Exception:  # not Linux, a Python without ctypes, no /proc: calls copy as they go
        return
    call.before, call.after = _quiet(copier.copy), _quiet(copier.note)


def _quiet(function):
    # type: (object) -> object
    """No call is to fail for want of this."""

    def quiet(*arguments):
        # type: (...) -> None
        try:
            function(*arguments)  # type: ignore[operator]
        except Exception:
            pass

    return quiet


_begin()
