"""Commands of a process that stays: what ends them, and what does not."""

import os
import pathlib
import signal
import subprocess

import pytest

from .waiting import until

ROOT = pathlib.Path(__file__).parents[2]

#: Starts commands as a module does, in a process that stays, and says who they are; then it
#: sleeps, or ends.
SCRIPT = """
import os, signal, sys, time, types
for name in ("econtext", "ansible_econtext"):
    package = sys.modules[name] = types.ModuleType(name)
    package.__path__ = [os.path.join(sys.argv[1], name)]
from ansible_econtext.target import commands, guard
import subprocess

os.setsid()
guardian = guard.Guard()
commands.keep_apart(guardian)
{before}
command = commands.Popen(
    ["/bin/sh", "-c", {command!r}], stdout=subprocess.PIPE, close_fds=True, preexec_fn=None
)
sys.stdout.write("%d %d\\n" % (command.pid, guardian._pid))
sys.stdout.flush()
command.stdout.readline()
sys.stdout.write("started\\n")
sys.stdout.flush()
{after}
"""


@pytest.fixture
def started(python, request):
    """Starts the script; gives its process, and those of its command and its guard."""
    running = []

    def start(command, before="", after="time.sleep(600)"):
        script = SCRIPT.format(before=before, command=command, after=after)
        process = subprocess.Popen([python, "-c", script, str(ROOT)], stdout=subprocess.PIPE)
        running.append(process)
        pids = [int(pid) for pid in process.stdout.readline().split()]
        running.extend(pid for pid in pids if pid)
        assert process.stdout.readline() == b"started\n"
        return process, pids

    yield start
    for each in running:
        pid = each if isinstance(each, int) else each.pid
        for end in (os.killpg, os.kill):
            try:
                if isinstance(each, int) or each.returncode is None:
                    end(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if not isinstance(each, int):
            each.wait()
            each.stdout.close()


def is_there(pid):
    try:
        text = pathlib.Path("/proc", str(pid), "stat").read_text()
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] not in "ZX"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGIO])
@pytest.mark.parametrize("command", ["echo; sleep 600", "trap '' TERM; echo; sleep 600; sleep 600"])
def test_a_command_ends_with_its_process(started, number, command):
    process, pids = started(command)
    os.killpg(process.pid, number)
    process.wait(30)
    until(lambda: not any(map(is_there, pids)), "nobody is left")


def test_what_a_module_leaves_running_stays_when_it_has_ended(started):
    after = "command.stdout.close(); guardian.let_go(); guardian.close()"
    process, (command, guard) = started("echo; exec sleep 600", after=after)
    assert process.wait(30) == 0
    assert is_there(command) and not is_there(guard)


def test_nothing_is_started_where_no_command_is(started):
    after = "guardian.close()"
    before = "guardian.started = lambda pid: None"
    process, (_, guard) = started("echo", before=before, after=after)
    assert guard == 0
    assert process.wait(30) == 0
