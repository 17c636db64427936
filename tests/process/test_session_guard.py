"""Commands of a warm process: what ends them, and what does not."""

import itertools
import os
import signal
import subprocess

import pytest

from tests.support.processes import alive, family, until
from tests.support.scale import parameters

from .shipped import IMPORTS, ROOT
from .waiting import end_all, to_be_ended

#: Starts commands as a module does, in a warm process, and says who they are; then it
#: sleeps, or ends.
SCRIPT = (
    IMPORTS
    + """
import subprocess, time
from ansible_econtext.target import run_command, session_guard

os.setsid()
guardian = session_guard.Guard()
run_command.keep_apart(guardian)
{before}
command = run_command.Popen(
    ["/bin/sh", "-c", {command!r}], stdout=subprocess.PIPE, close_fds=True, preexec_fn=None
)
sys.stdout.write("%d %d\\n" % (command.pid, guardian._pid))
sys.stdout.flush()
command.stdout.readline()
sys.stdout.write("started\\n")
sys.stdout.flush()
{after}
"""
)


@pytest.fixture
def started(python):
    """Starts the script; gives its process, and the numbers of its command and its guard."""
    running = []

    def start(command, before="", after="time.sleep(600)"):
        script = SCRIPT.format(before=before, command=command, after=after)
        process = subprocess.Popen([python, "-c", script, str(ROOT)], stdout=subprocess.PIPE)
        running.append(process)
        pids = [int(pid) for pid in process.stdout.readline().split()]
        assert process.stdout.readline() == b"started\n"
        to_be_ended(process.pid, *pids)
        return process, pids

    yield start
    end_all()
    for process in running:
        process.kill()
        process.wait()
        process.stdout.close()


PLAIN, STUBBORN = "echo; sleep 600", "trap '' TERM; echo; sleep 600; sleep 600"

#: Each signal, and each command.
ALWAYS = {(PLAIN, signal.SIGKILL), (STUBBORN, signal.SIGTERM), (PLAIN, signal.SIGIO)}

ENDS = itertools.product((PLAIN, STUBBORN), (signal.SIGKILL, signal.SIGTERM, signal.SIGIO))


@pytest.mark.parametrize(("command", "number"), parameters(ENDS, ALWAYS))
def test_a_command_ends_with_its_process(started, number, command):
    process, pids = started(command)
    found = family(*pids)
    assert {each.pid for each in found} >= set(pids)
    os.killpg(process.pid, number)
    process.wait(30)
    until(20, lambda: not alive(found), "nobody is left")


def test_what_a_module_leaves_running_stays_when_it_has_ended(started):
    after = "command.stdout.close(); guardian.let_go(); guardian.close()"
    process, (command, guard) = started("echo; exec sleep 600", after=after)
    assert process.wait(30) == 0
    assert family(command) and not family(guard)


def test_a_fork_of_a_module_that_lives_on_keeps_no_process_waiting(started):
    """It holds the pipe by which the guard would hear that the warm process has gone."""
    after = "if not os.fork(): time.sleep(600)\nguardian.let_go(); guardian.close(); os._exit(0)"
    process, (command, guard) = started("echo; exec sleep 600", after=after)
    try:
        assert process.wait(30) == 0
        assert family(command) and not family(guard)
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # the fork


def test_a_process_that_has_the_number_of_a_command_by_now_is_left_alone(started):
    before = "starts = iter(range(9)); session_guard._start = lambda pid: next(starts)"
    process, (command, guard) = started("echo; exec sleep 600", before=before)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(30)
    until(20, lambda: not family(guard), "the guard has ended")
    assert family(command)


def test_no_command_is_started_if_there_is_no_process_for_its_guard(python, tmp_path):
    """It would be told as failed, and be executed all the same."""
    made = tmp_path / "made"
    before = f"""def fork(): raise OSError(11, "no process is left")
os.fork = fork
try:
    run_command.Popen(["/usr/bin/touch", {str(made)!r}])
except OSError:
    sys.stdout.write("failed")
try:
    os.wait()
except OSError:
    pass
os._exit(sys.stdout.flush() or 0)
"""
    script = SCRIPT.format(before=before, command="", after="")
    done = subprocess.run([python, "-c", script, str(ROOT)], capture_output=True, timeout=60)
    assert (done.stdout, made.exists()) == (b"failed", False), done.stderr


def test_nothing_is_started_where_no_command_is(started):
    after = "guardian.close()"
    before = "guardian.begin = lambda: None; guardian.started = lambda pid: None"
    process, (_, guard) = started("echo", before=before, after=after)
    assert guard == 0
    assert process.wait(30) == 0
