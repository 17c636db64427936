"""Modules that are programs of their own, run by each Python that a target may have."""

import json
import subprocess

import pytest

from .shipped import IMPORTS, ROOT

#: What a call process does, without the slave around it.
RUN = (
    IMPORTS
    + """
import json
request, in_memory = json.loads(sys.argv[2]), sys.argv[3] == "in memory"
from ansible_econtext.target import memfd, program_runner
if not in_memory:
    memfd.files = lambda name: iter(())
request["files"] = [(word, name, None, text.encode()) for word, name, text in request["files"]]
status, made = program_runner.run([], request)
sys.stderr.write(json.dumps([status, made]))
"""
)

SCRIPT = """#!/bin/sh
cat "$1"
echo "$0 $ONE"
sed -n 2p "$0"
read -r line
echo "read: $line"
"""


@pytest.fixture(params=["in memory", "in files"])
def where(request):
    return request.param


def run(
    python,
    where,
    tmp_path,
    script,
    command="/bin/sh MODULE ARGUMENTS",
    code=RUN,
    cwd=None,
    **changes,
):
    request = {
        "shell": "/bin/sh",
        "environment": "ONE='a MODULE'",
        "command": command,
        "files": [("MODULE", "AnsiballZ_it.sh", script), ("ARGUMENTS", "args", "given\n")],
        "directory": str(tmp_path),
        "remote_tmp": str(tmp_path / "above" / "tmp"),
        "is_anew": False,
        "temporary": "ansible-tmp-1",
        **changes,
    }
    done = subprocess.run(
        [python, "-c", code, str(ROOT), json.dumps(request), where],
        cwd=cwd,
        input="a line\n",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done


def test_a_script_has_its_files_and_standard_input(python, where, tmp_path):
    done = run(python, where, tmp_path, SCRIPT)
    given, itself, second, read = done.stdout.splitlines()
    assert (given, second, read) == ("given", 'cat "$1"', "read: a line")
    path, one = itself.split(" ", 1)
    assert one == "a MODULE"  # what is not the command is not touched
    if where == "in memory":
        assert path.startswith("/proc/")
        assert list(tmp_path.iterdir()) == []
    else:
        assert path == str(tmp_path / "above/tmp/ansible-tmp-1/AnsiballZ_it.sh")


def test_files_that_had_to_be_made_are_removed_and_what_is_above_them_is_told(python, tmp_path):
    done = run(python, "in files", tmp_path, SCRIPT)
    above = [str(tmp_path / "above" / "tmp"), str(tmp_path / "above")]
    assert json.loads(done.stderr) == [0, above]
    assert [path.name for path in tmp_path.glob("**/*")] == ["above", "tmp"]


def test_a_program_is_executed_by_the_kernel(python, where, tmp_path):
    done = run(python, where, tmp_path, SCRIPT, command="MODULE ARGUMENTS")
    assert done.stdout.startswith("given\n")


@pytest.mark.parametrize(
    ("script", "status"),
    [("exit 3", 3), ("kill -TERM $$", -15), ("kill -PIPE $$", -13), ("", 0)],
)
def test_the_status_is_the_programs(python, where, tmp_path, script, status):
    done = run(python, where, tmp_path, script)
    # A shell that is still there when its command has ended says 128 and the signal's number.
    said = json.loads(done.stderr.splitlines()[-1])[0]
    assert said in (status, 128 - status if status < 0 else status)


def test_a_shell_says_what_it_does_not_find(python, tmp_path):
    done = run(python, "in memory", tmp_path, "", command="/no/such/interpreter MODULE ARGUMENTS")
    stock = subprocess.run(
        ["/bin/sh", "-c", "/no/such/interpreter a b && sleep 0"], capture_output=True, text=True
    )
    assert done.stderr == f"{stock.stderr}[{stock.returncode}, []]"


def test_it_runs_in_the_directory_that_is_asked_for(python, tmp_path):
    (tmp_path / "place").mkdir()
    done = run(python, "in memory", tmp_path, "pwd", directory=str(tmp_path / "place"))
    assert done.stdout == f"{tmp_path}/place\n"


def test_it_runs_in_the_directory_that_has_the_homes_path_by_now(python, tmp_path):
    """A play may move the home of the login, or mount another one there."""
    home = tmp_path / "home"
    home.mkdir()
    moves = f"os.rename('{home}', '{home}.before'); os.mkdir('{home}')"
    done = run(
        python,
        "in memory",
        tmp_path,
        "pwd -P",
        code=RUN.replace("status, made =", f"{moves}\nstatus, made ="),
        cwd=home,
        directory=None,
    )
    assert done.stdout == f"{home}\n"
