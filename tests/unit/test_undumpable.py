"""The broker's memory is in no core dump, and what it starts is as usual."""

import pathlib
import subprocess
import sys

import pytest

pytest.importorskip("ansible.release")

ROOT = pathlib.Path(__file__).parents[2]

#: Ends a child, the broker, and a slave of the broker's by a signal that dumps core; prints of
#: each whether the kernel did.
ABORTS = """
import os, resource, signal, sys
sys.path[:0] = [sys.argv[1]]
os.chdir(sys.argv[2])
hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))

def dumped(process):
    os.kill(process, signal.SIGABRT)
    return os.WCOREDUMP(os.waitpid(process, 0)[1])

from ansible_econtext.client import connector, launcher, messages, route
child = os.fork()
if child == 0:
    signal.pause()
found = connector.connect(launcher.Endpoint(os.path.join(sys.argv[2], "broker"), 0), os.getpid())
# The signal ends the call's process, of which the slave sees the status.
code = "import os, signal; os.kill(os.getpid(), signal.SIGABRT)"
shell = f"{sys.executable} -c '{code}'; echo $?; ls core* | wc -l"
work = messages.Work([route.local_hop([sys.executable])], [], messages.Command(["sh", "-c", shell]))
said = found.ask(work).stdout.decode().split()
for core in os.listdir("."):
    if core.startswith("core"):
        os.unlink(core)
print(dumped(child), dumped(found.status().process), *said)
"""


@pytest.mark.timeout(60)
@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone has this")
def test_no_core_is_dumped_of_a_broker(tmp_path):
    command = [sys.executable, "-c", ABORTS, str(ROOT), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stderr
    usual, broker, status, cores = done.stdout.split()
    if usual != "True":
        pytest.skip("this system dumps no core")
    assert broker == "False" and status == "134"
    pattern = pathlib.Path("/proc/sys/kernel/core_pattern").read_text().strip()
    if pattern == "core":
        assert cores == "1"
