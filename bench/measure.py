"""One measured run of one command: a process of its own, `python -m bench.measure REQUEST`.

A process of its own because it adopts whatever the command leaves behind (masters of ssh, brokers),
so that this can be ended before the next run, and the time it used be counted with the command's.
The request is a JSON file. When all that comes before the measured command has been run, a line
`ready` goes to standard output, and a line is waited for; the answer is JSON on standard output.
"""

import json
import os
import resource
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


def run(command: list[str], request: dict) -> tuple[float, float, int]:
    """Run a command: the monotonic time of its start, the seconds it took, its exit status."""
    with open(request["output"], "wb") as output:
        started = time.monotonic()
        process = subprocess.Popen(
            command,
            cwd=request["directory"],
            env=request["environment"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, _ = os.wait4(process.pid, 0)
        seconds = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    return started, seconds, process.returncode


def measure(request: dict) -> dict:
    """Run what comes before, then the command of a request, and answer what that took."""
    answer = {"wall": None, "exit_status": None, "timed_out": False}
    signal.signal(signal.SIGALRM, time_is_up)
    signal.alarm(request["time_limit"])
    try:
        for command in request["before"]:
            _, _, status = run(command, request)
            if status != 0:
                return answer | {"exit_status": status}
        signal.alarm(0)
        print("ready", flush=True)
        sys.stdin.readline()
        signal.alarm(request["time_limit"])
        answer["used_before"] = processes.seconds_below()
        answer["started"], answer["wall"], answer["exit_status"] = run(request["command"], request)
    except TimeLimit:
        answer["timed_out"] = True
    finally:
        signal.alarm(0)
    return answer


def end_masters(directory: Path) -> float:
    """Ask each ssh master whose socket is in the directory to end; the seconds that asking took."""
    before = children_seconds()
    for path in directory.glob("*"):
        if path.is_socket():
            subprocess.run(
                ["ssh", "-F", "none", "-O", "exit", "-o", f"ControlPath={path}", "unused"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=False,
            )
    return children_seconds() - before


def children_seconds() -> float:
    return processes.usage_seconds(resource.getrusage(resource.RUSAGE_CHILDREN))


def main() -> None:
    request = json.loads(Path(sys.argv[1]).read_text())
    signal.signal(signal.SIGTERM, stop)
    processes.adopt_orphans()
    asking = 0.0
    try:
        answer = measure(request)
        # What still runs at this moment would have made the next run warm.
        names = [processes.name_of(pid) for pid in processes.descendants()]
        answer["left_behind"] = [name for name in names if name]
        asking = end_masters(Path(request["masters"]))
    finally:
        processes.end_descendants()
    # Everybody has been reaped: the sum is exact, and holds what ending took, but not our asking.
    answer["cpu"] = children_seconds() - asking - answer.pop("used_before", 0.0)
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
