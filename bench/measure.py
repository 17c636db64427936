"""One measured run of one command: a process of its own, `python -m bench.measure REQUEST`.

A process of its own because it adopts whatever the command leaves behind (masters of ssh, brokers),
so that this can be ended before the next run, and the time it used be counted with the command's.
The request is a JSON file, the answer is JSON on standard output.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from bench import processes


class TimeLimit(Exception):
    """The command took longer than it may."""


def time_is_up(number, frame) -> None:
    raise TimeLimit


def stop(number, frame) -> None:
    sys.exit(1)


def run(request: dict) -> dict:
    """Run the command of a request and answer what it took."""
    answer = {"wall": None, "cpu": 0.0, "exit_status": None, "timed_out": False}
    with open(request["output"], "wb") as output:
        signal.signal(signal.SIGALRM, time_is_up)
        signal.alarm(request["time_limit"])
        started = time.perf_counter()
        try:
            process = subprocess.Popen(
                request["command"],
                cwd=request["directory"],
                env=request["environment"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            _, status, usage = os.wait4(process.pid, 0)
            answer["wall"] = time.perf_counter() - started
            process.returncode = os.waitstatus_to_exitcode(status)
            answer["exit_status"] = process.returncode
            answer["cpu"] = processes.usage_seconds(usage)
        except TimeLimit:
            answer["timed_out"] = True
        finally:
            signal.alarm(0)
    return answer


def end_masters(directory: Path) -> None:
    """Ask each ssh master whose socket is in the directory to end."""
    for path in directory.glob("*"):
        if path.is_socket():
            subprocess.run(
                ["ssh", "-F", "none", "-O", "exit", "-o", f"ControlPath={path}", "unused"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=False,
            )


def main() -> None:
    request = json.loads(Path(sys.argv[1]).read_text())
    signal.signal(signal.SIGTERM, stop)
    processes.adopt_orphans()
    try:
        answer = run(request)
        # What still runs at this moment would have made the next run warm.
        names = [processes.name_of(pid) for pid in processes.descendants()]
        answer["left_behind"] = [name for name in names if name]
        end_masters(Path(request["masters"]))
    finally:
        ended = processes.end_descendants()
    answer["cpu"] += sum(process.cpu for process in ended)
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
