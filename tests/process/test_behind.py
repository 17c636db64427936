"""What one fork of a slave tells the others of how its module went."""

import subprocess
import sys

import pytest

from .shipped import IMPORTS, ROOT

SCRIPT = (
    IMPORTS
    + """
from ansible_econtext.target import behind


class AnsibleModule(object):
    def exit_json(self, **kwargs):
        sys.exit(0)


def run(number, result, status):
    pid = os.fork()
    if pid == 0:
        basic = types.ModuleType("basic")
        basic.AnsibleModule = AnsibleModule
        verdict = behind.Verdict(number)
        with verdict.hearing(basic):
            try:
                if result is not None:
                    basic.AnsibleModule().exit_json(**result)
            except SystemExit:
                pass
        assert basic.AnsibleModule.exit_json == stock
        verdict.tell(status)
        os._exit(0)
    os.waitpid(pid, 0)


stock = AnsibleModule.exit_json
behind.expect(0)
run(5, {result}, {status})
try:
    behind.expect(5)
    sys.stdout.write("well")
except behind.NotBegun:
    sys.stdout.write("not begun")
for number in (4, 6, 2 ** 64 - 1):
    try:
        behind.expect(number)
    except behind.NotBegun:
        pass
    else:
        sys.exit("%d went well" % number)
"""
)


def outcome(python, result, status):
    script = SCRIPT.replace("{result}", repr(result)).replace("{status}", repr(status))
    done = subprocess.run([python, "-c", script, str(ROOT)], capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode()


@pytest.mark.parametrize("result", [{"changed": True}, {"rc": 0}, {"failed": False}, {}])
def test_a_success_is_told(python, result):
    assert outcome(python, result, 0) == "well"


@pytest.mark.parametrize(
    ("result", "status"),
    [
        ({"failed": True}, 0),
        ({"failed": "yes"}, 0),
        ({"rc": 1}, 0),
        ({"rc": "0"}, 0),
        ({"ansible_facts": {}}, 0),
        ({"results": []}, 0),
        ({"exception": "of a module"}, 0),
        ({"changed": True}, 1),
        (None, 0),
    ],
)
def test_nothing_else_is(result, status):
    assert outcome(sys.executable, result, status) == "not begun"
