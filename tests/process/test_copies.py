"""A spare copies, before it is wanted, the memory that calls before it had to copy."""

import platform
import subprocess

import pytest

from .shipped import IMPORTS, ROOT

#: Makes call processes as a slave does, of a heap that each of them goes through, and prints the
#: page faults that each took for that.
SCRIPT = (
    IMPORTS
    + """
import resource
{prepare}
from econtext.target import call
from ansible_econtext.target import prefault

heap = [[number] for number in range(20000)]


def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


class AtTheSecondLook(object):  # a poll object, and a call that comes while its process copies
    def __init__(self):
        self.looks = 0

    def register(self, *_):
        pass

    def poll(self, _):
        self.looks += 1
        return self.looks > 1


def run_a_call(comes=None):
    read, write = os.pipe()
    if comes == "before":
        os.write(write, b"a call")
    pid = os.fork()
    if pid == 0:
        if comes == "meanwhile":
            prefault.select.poll = AtTheSecondLook
        call.before(read)
        before = faults()
        for each in heap:
            pass
        taken = faults() - before
        call.after()
        sys.stdout.write("%d " % taken)
        sys.stdout.flush()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    os.close(read)
    os.close(write)


for comes in {calls}:
    run_a_call(comes)
"""
)

#: More than a call takes in any case, and less than it takes to copy the heap.
LIMIT = 150


#: When each call comes, if not when its process is ready for it.
CALLS = (None, None, None, "before", None)


def faults(python: str, prepare: str, calls: tuple[str | None, ...] = CALLS) -> list[int]:
    script = SCRIPT.format(prepare=prepare, calls=calls)
    done = subprocess.run(
        [python, "-B", "-c", script, str(ROOT)], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    return [int(number) for number in done.stdout.split()]


def linux_can() -> bool:
    version = platform.release().split(".")[:2] if platform.system() == "Linux" else ["0"]
    return [int(part) for part in version] >= [5, 14]


@pytest.mark.skipif(not linux_can(), reason="needs Linux 5.14")
def test_what_was_copied_once_is_copied_ahead(python):
    first, looking, third, hurried, last = faults(python, "")
    assert min(first, looking, hurried) > LIMIT
    assert max(third, last) < LIMIT


@pytest.mark.skipif(not linux_can(), reason="needs Linux 5.14")
@pytest.mark.parametrize(("pause", "copies"), [(1e9, False), (0, True)])
def test_after_a_call_that_came_meanwhile_none_is_copied_for_a_while(python, pause, copies):
    prepare = f"from ansible_econtext.target import prefault; prefault._PAUSE = {pause}"
    prepare += "; prefault._AT_ONCE = 1"  # the heap may be few pieces
    *_, third, _, last = faults(python, prepare, (None, None, None, "meanwhile", None))
    assert third < LIMIT
    assert (last < LIMIT) == copies


@pytest.mark.parametrize(
    "prepare",
    [
        "sys.modules['_ctypes'] = None",
        "import mmap; del mmap.mmap",
        "import select; del select.poll",
    ],
)
def test_where_something_is_missing_calls_copy_as_they_go(python, prepare):
    assert min(faults(python, prepare)) > LIMIT


@pytest.mark.skipif(not linux_can(), reason="needs Linux 5.14")
def test_notes_that_cannot_be_right_are_left_alone(python):
    """Any of the processes may write to them, two of them at the same time."""
    prepare = (
        "from ansible_econtext.target import prefault\n"
        "prefault.Notes.write = lambda notes, *_: notes._memory.__setitem__(slice(0, 32),\n"
        "    prefault._PIECE.pack(0, 1 << 60) + prefault._PIECE.pack(1 << 40, 1 << 40))"
    )
    assert min(faults(python, prepare)) > LIMIT
