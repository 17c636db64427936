"""Terminals of modules, by each Python that a target may have."""

import json
import os
import signal
import subprocess

import pytest

from tests.support.processes import processes, until

from .shipped import IMPORTS, ROOT
from .waiting import to_be_ended

#: What a call process does, without the slave around it: the status comes on standard error.
RUN = (
    IMPORTS
    + """
import fcntl, json, signal, struct, termios, time
os.setsid()
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # what runs the tests may ignore it
from ansible_econtext.target import program_runner, terminal
def function():
    {function}
def until(path):
    deadline = time.time() + 20
    while not os.path.exists(path) and time.time() < deadline:
        time.sleep(0.01)
    return int(os.path.exists(path))
status = {run}
sys.stderr.write("status %r" % (status,))
"""
)
ON_A_TERMINAL = "terminal._open(sys.argv[2]).run(function)"


def start(python, function, kind="dumb", run=ON_A_TERMINAL, **environment):
    script = RUN.format(function=function.replace("\n", "\n    "), run=run)
    return subprocess.Popen(
        [python, "-c", script, str(ROOT), kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PATH": os.environ["PATH"], **environment},
    )


def run(*arguments, given=b"", **options):
    """(status, what was written to the terminal)"""
    output, said = start(*arguments, **options).communicate(given, timeout=60)
    assert said.startswith(b"status "), said
    return json.loads(said.removeprefix(b"status ")), output.decode()


LOOKS = """
own = os.open("/dev/tty", os.O_RDWR)
told = {
    "terminals": [os.isatty(fd) for fd in (0, 1, 2, own)],
    "names": len(set(os.ttyname(fd) for fd in (0, 1, 2))),
    "is in front": os.tcgetpgrp(own) == os.getpgrp(),
    "size": struct.unpack("4H", fcntl.ioctl(own, termios.TIOCGWINSZ, b"\\0" * 8)),
    "TERM": os.environ["TERM"],
    "SSH_TTY": os.environ.get("SSH_TTY") == os.ttyname(0),
    "signals": [signal.getsignal(each) == 0 for each in (signal.SIGHUP, signal.SIGTTOU)],
}
print(json.dumps(told))
sys.stdout.flush()
os._exit(7)
"""


@pytest.mark.parametrize("how", ["SSH_CONNECTION", "SUDO_COMMAND"])
def test_a_module_has_a_terminal(python, how):
    status, text = run(python, LOOKS, **{how: "some"})
    assert status == 7
    assert json.loads(text) == {
        "terminals": [True] * 4,
        "names": 1,
        "is in front": True,
        "size": [0] * 4,  # as ssh gives it, whose own input has no size
        "TERM": "dumb",
        "SSH_TTY": how == "SSH_CONNECTION",
        "signals": [True, True],
    }


def test_a_kind_may_be_unknown(python):
    status, text = run(python, "os._exit('TERM' in os.environ)", kind="")
    assert (status, text) == (0, "")


ENDS = {
    "return 5": (5, ""),
    "os._exit(3)": (3, ""),
    "os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)": (-signal.SIGTERM, ""),
    "os.execvp('sh', ['sh', '-c', 'kill -KILL $$'])": (-signal.SIGKILL, ""),
    "[os.close(fd) for fd in range(3)]; return 4": (4, ""),
    "raise ValueError('of a module')": (1, "ValueError: of a module\r\n"),
}


@pytest.mark.parametrize(("function", "ended"), ENDS.items(), ids=ENDS)
def test_an_end_is_the_modules(python, function, ended):
    status, text = run(python, function)
    assert status == ended[0]
    assert text.endswith(ended[1]) and bool(text) == bool(ended[1])


LINES = "b''.join(b'%d\\t\\x04\\x07\\x7f\\r\\n' % number for number in range(50000))"


def test_all_that_is_written_is_passed_on(python):
    writes = f"data = {LINES}\nwhile data: data = data[os.write(1, data):]\nreturn 0"
    status, text = run(python, writes)
    lines = b"".join(b"%d\t\x04\x07\x7f\r\r\n" % number for number in range(50000))
    assert (status, text.encode() == lines) == (0, True)


#: Writes how it ended.
LEFT = """
trap 'echo hung up >"$1"; exit' HUP
echo >"$1.waits"
until test -e "$1.go"; do sleep 0.05; done
echo stayed >"$1"
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "left"


def leaves(path, by="", output=">/dev/null 2>&1 </dev/null"):
    """What a module does that leaves such a process."""
    script = path.with_suffix(".sh")
    script.write_text(LEFT)
    command = f"{by} sh {script} {path} {output} &"
    waits = f"while not os.path.exists('{path}.waits'): time.sleep(0.01)"
    return f"os.system({command!r})\n{waits}\nprint('left')\nsys.stdout.flush()\nreturn 0"


def written(path):
    path.with_suffix(".go").touch()
    return until(30, lambda: path.exists() and path.read_text(), f"{path} is written").strip()


@pytest.mark.parametrize(
    ("by", "how", "end"),
    [
        ("", "SSH_CONNECTION", "hung up"),
        ("nohup", "SSH_CONNECTION", "stayed"),
        ("setsid", "SSH_CONNECTION", "stayed"),
        ("", "SUDO_COMMAND", "stayed"),
    ],
)
def test_what_a_module_leaves_is_hung_up_as_by_ssh_and_sudo(python, path, by, how, end):
    assert run(python, leaves(path, by), **{how: "some"}) == (0, "left\r\n")
    assert written(path) == end


def test_the_hangup_comes_before_the_result(python, path):
    both = f"{ON_A_TERMINAL} or until({str(path)!r})"
    assert run(python, leaves(path), run=both) == (1, "left\r\n")


def test_a_process_that_keeps_the_terminal_keeps_nothing_waiting(python, path):
    assert run(python, leaves(path, "trap '' HUP;", "")) == (0, "left\r\n")
    assert written(path) == "stayed"


def test_a_process_that_writes_for_ever_keeps_nothing_waiting(python):
    script = "os.system(\"trap '' HUP; yes more 2>/dev/null &\")\nreturn 0"
    status, text = run(python, script)
    assert status == 0
    assert set(text.split()) <= {"more", "mor", "mo", "m"}


def test_a_module_is_hung_up_if_its_call_process_is_killed(python, path):
    waits = leaves(path).replace("return 0", "time.sleep(600)")
    process = start(python, waits, SUDO_COMMAND="some")
    to_be_ended(process.pid)
    until(30, lambda: path.with_suffix(".waits").exists(), "it waits")
    [module] = [each.pid for each in processes() if each.parent == process.pid]
    to_be_ended(module)
    process.kill()
    process.communicate(timeout=60)
    assert written(path) == "hung up"


@pytest.fixture
def program(tmp_path):
    """A call of `run_program` for an interpreter that is to read a text."""
    request = {
        "shell": "/bin/sh",
        "environment": "ONE=1",
        "command": "sh",
        "files": [],
        "directory": str(tmp_path),
        "remote_tmp": str(tmp_path),
        "temporary": "",
        "is_anew": True,
    }
    return f"terminal.run_program('dumb', [], {request!r})[0]"


TEXT = b"test -t 0 && test -t 1 && echo terminal; echo $TERM $ONE; exit 4\n"


def test_an_interpreter_that_is_to_read_a_text_gets_it_as_a_file(python, program, tmp_path):
    assert run(python, "pass", run=program, given=TEXT) == (4, "terminal\r\ndumb 1\r\n")
    assert list(tmp_path.iterdir()) == []


def test_without_a_terminal_to_give_there_is_none(python, program):
    """As with ssh, which goes on without one."""
    refuses = "raise OSError('out of pty devices')"
    called = f"[setattr(os, 'openpty', function), {program}][1]"
    assert run(python, refuses, run=called, given=TEXT, TERM="") == (4, "1\n")
