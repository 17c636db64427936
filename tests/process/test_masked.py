"""Without all that is Linux's own, on both sides: a route, a parity case, and a broker that stays.

`make masked` takes each mask by itself too, and runs more.
"""

import json
import pathlib
import subprocess

import pytest

from tests.support import mask, masked

ROOT = pathlib.Path(__file__).resolve().parents[2]

CASE = "tests/integration/test_parity.py::test_results_are_those_of_stock_ansible[{}]"

_LOOK = """
import json, os, select, signal, socket
def opens(path):
    try:
        return bool(os.listdir(path) if os.path.isdir(path) else open(path).read())
    except EnvironmentError:
        return False
print(json.dumps([
    [each for each in ("memfd_create", "O_TMPFILE", "pidfd_open") if hasattr(os, each)],
    [each for each in ("poll", "epoll", "POLLIN") if hasattr(select, each)],
    hasattr(socket, "SO_PEERCRED"),
    [path for path in ("/proc", "/proc/self/stat", "/dev/shm") if opens(path)],
    sorted(os.listdir("/dev/fd")),
]))
"""


@pytest.fixture(scope="module")
def masks():
    with masked.environment(mask.ALL) as made:
        yield made


@pytest.mark.parametrize("flags", [(), ("-S",)])
def test_the_masks_are_on(masks, flags):
    """Also in an interpreter that reads no site, as a broker's."""
    python, variables = masks
    every = pathlib.Path(variables["PYENV_ROOT"]).glob("versions/*/bin/python")
    for each in [python, variables["ECONTEXT_TEST_INTERPRETER"], *every]:
        look = subprocess.run([each, *flags, "-c", _LOOK], capture_output=True, timeout=60)
        assert json.loads(look.stdout or "0") == [[], [], False, [], ["0", "1", "2"]], look


@pytest.mark.parametrize(
    "tests",
    [
        ("tests/process/test_conformance.py", "-k", "local and newest and not of"),
        (
            CASE.format("commands/command-ssh"),
            "tests/integration/test_persist.py::test_a_home_with_a_long_path",
        ),
    ],
    ids=["conformance", "plays"],
)
def test_what_is_as_ever(masks, tests):
    python, variables = masks
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(
        command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stdout[-8000:]
