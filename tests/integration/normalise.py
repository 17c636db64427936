"""Take out of a task's result what differs between two runs that did the same.

Each thing taken out has its reason here. Whatever is not named here has to be equal.
"""

from __future__ import annotations

import re
from typing import Any

from .tracebacks import without_start

# Keys whose values are measured, not made.
MEASURED = {
    # times at which a command ran, and how long a module waited
    "start", "end", "stop", "delta", "elapsed", "exec_time",
    # how often an asynchronous job was asked whether it is done
    "attempts",
    # of files made anew by each run
    "atime", "mtime", "ctime", "inode", "version",
    # the state of the machine at that moment
    "ansible_date_time", "ansible_uptime_seconds", "ansible_loadavg", "ansible_memfree_mb",
    "ansible_memory_mb", "ansible_swapfree_mb", "ansible_mounts",
    # an asynchronous job is named for its time and process
    "ansible_job_id", "ansible_async_watchdog_pid", "results_file", "_suppress_tmpdir_delete",
}  # fmt: skip

# Variables of the environment that describe the way in, not the target.
WAY_IN = {"SSH_CLIENT", "SSH_CONNECTION", "SSH_TTY", "SUDO_COMMAND", "_", "ECONTEXT_TEST_RUN"}

# Lists in the order of a Python set, of a directory, or of arrival.
UNORDERED = {
    "ansible_interfaces", "ansible_virtualization_tech_guest", "ansible_virtualization_tech_host",
    "files", "warnings", "deprecations",
}  # fmt: skip

# A path up to a name; limited, because results hold long texts without any blank.
_PATH = r"(?:/[^\s'\"/]{1,80}){0,12}"

REPLACED = [
    # the directory that stock Ansible makes for a task's files on either end
    (re.compile(_PATH + r"/ansible-(tmp|local|moduletmp)-[^/\s'\"]+(/(tmp|\.)\w{8})?"), "<tmp>"),
    (re.compile(r"\bansible-tmp-\d+\.\d+-\d+-\d+"), "<tmp name>"),
    # the file of a module that is a program of its own, and that of its arguments
    (re.compile(r"<tmp>/(AnsiballZ_[\w.]+|args\b)|/proc/\d+/fd/\d+"), "<program>"),
    # where a module unpacks itself
    (re.compile(_PATH + r"/ansible_[\w.]+_payload_\w{6,8}/[^\s'\"]*\.zip"), "<payload>"),
    # the controller's temporary file with the content of a copy
    (re.compile(r"^(\.|tmp)[a-z0-9_]{8}$"), "<random>"),
    # names made by the tempfile module, by a backup (process and time), by an asynchronous job
    (re.compile(r"(?<=/ectx\.)\w{8}(?=\.tmp)"), "<random>"),
    (re.compile(r"\.\d+\.\d{4}-\d\d-\d\d@\d\d:\d\d:\d\d~"), ".<backup>~"),
    (re.compile(r"\bj\d{6,}\.\d+\b"), "<job>"),
    # what a become program says, of which stock may read its end first
    (re.compile(r"(?<=^privilege output closed while waiting for password prompt:\n)[\s\S]*"), ""),
    # how long a pause was
    (re.compile(r"(?<=^Paused for )[\d.]+"), "<time>"),
]


def normalise(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            text(key): _in_order(key, normalise(inner))
            for key, inner in value.items()
            if key not in MEASURED and key not in WAY_IN
        }
    if isinstance(value, list):
        return [normalise(inner) for inner in value]
    return text(value)


def text(value: Any) -> Any:
    if isinstance(value, str):
        value = without_start(value)
        for pattern, replacement in REPLACED:
            value = pattern.sub(replacement, value)
    return value


def _in_order(key: str, value: Any) -> Any:
    """The same order for lists whose order is nobody's choice."""
    if key in UNORDERED and isinstance(value, list):
        return sorted(value, key=str)
    return value
