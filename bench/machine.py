"""The machine, described so that figures can be compared: no name of a host is in it."""

import os
import platform
import subprocess
from pathlib import Path

from bench import play_list


def describe() -> dict[str, str]:
    """Each property of the machine, by its name."""
    return {
        "processor": processor(Path("/proc/cpuinfo").read_text()),
        "processors": str(os.cpu_count()),
        "memory": memory(Path("/proc/meminfo").read_text()),
        "system": platform.freedesktop_os_release()["PRETTY_NAME"],
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "OpenSSH": said_by(["ssh", "-V"]).split(",")[0].removeprefix("OpenSSH_"),
        "target's Python": said_by([play_list.TARGET_PYTHON, "--version"]).removeprefix("Python "),
    }


def processor(text: str) -> str:
    """The model that a /proc/cpuinfo names."""
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return "unknown"


def memory(text: str) -> str:
    """The memory that a /proc/meminfo names, in whole gigabytes."""
    kilobytes = int(text.split("MemTotal:")[1].split()[0])
    return f"{round(kilobytes * 1024 / 1e9)} GB"


def said_by(command: list[str]) -> str:
    """What a command says of its version, wherever it says it."""
    result = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True
    )
    return result.stdout.strip()
