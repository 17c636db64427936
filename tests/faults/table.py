"""The table: process x stage x fault, and the right class of what comes of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from .faults import CONTROLLERS, LINKS, SIGNALS, TARGETS, THREADS, Fault
from .others import ACCOUNTS, CLOCKS, RUNS, UPGRADES

#: Faults that are no signals, by the process or the place that has them.
FAULTS: dict[str, dict[str, Fault]] = {
    "link": LINKS,
    "task thread": THREADS,
    "target": TARGETS,
    "controller": CONTROLLERS,
    "other run": RUNS,
    "other account": ACCOUNTS,
    "upgrade": UPGRADES,
    "clock": CLOCKS,
}


#: Cells that are red for a known fault of econtext, and why.
RED = {"target-call-16_descriptors": "a slave takes more open files than a module of stock Ansible"}


@dataclasses.dataclass(frozen=True)
class Cell:
    """One cell.

    `outcome` is the class of the result of the task at the stage and of the one after it; a bar
    is between two that are both right.
    """

    process: str
    stage: str
    fault: str
    outcome: str
    #: Seconds that the broker stays.
    persist: int = 0
    #: Whether the run ends with another status than 0; None if both are right.
    is_ended: bool | None = False
    #: Pattern of paths that stock Ansible leaves in this cell too.
    leaves: str = ""

    @property
    def name(self) -> str:
        words = (self.process, self.stage, self.fault, "stays" if self.persist else "")
        return "-".join(word.replace(" ", "_") for word in words if word)

    @property
    def red(self) -> str:
        """Why the cell is red at present; "" if it is not."""
        return RED.get(self.name, "")

    @property
    def special(self) -> Fault | None:
        """The fault, if it is no signal."""
        return None if self.fault in SIGNALS else FAULTS[self.process][self.fault]

    @property
    def is_at_stage(self) -> bool:
        """Whether the fault comes when the run has reached the stage."""
        return self.fault in SIGNALS or (self.special is not None and bool(self.special.strike))

    @property
    def is_stop(self) -> bool:
        """Whether the process is stopped, and woken again."""
        return self.fault == "SIGSTOP"

    @property
    def is_warm(self) -> bool:
        return self.process in ("warm process", "guard")


ALL_STAGES = (
    "connect", "login", "bundle", "import", "call", "loop", "put", "fetch", "become", "as root",
    "reset", "idle", "shutdown",
)  # fmt: skip
#: Stages at which there is a slave that takes work.
WITH_SLAVE = ("import", "call", "loop", "put", "fetch", "become", "as root", "idle")
STAGES_OF = {
    "ansible-playbook": ALL_STAGES,
    "broker": ALL_STAGES,
    "ssh": ALL_STAGES,
    "worker": ("connect", "bundle", "call", "put", "become"),
    "slave": WITH_SLAVE,
    "become slave": ("as root",),
    "sudo": ("as root",),
    "spare": ("import", "call", "loop", "idle"),
    "call process": ("import", "call", "loop", "put", "fetch", "as root"),
    "warm process": ("call", "loop", "as root"),
    "guard": ("call", "loop"),
    "command": ("call", "loop", "as root"),
}
#: Stages of the signals that end a process as others do.
_FEW = ("login", "call", "put", "idle")

#: Stages at which no request is at work, so that the next one begins anew.
_BETWEEN = {"reset": "none ok", "idle": "ok ok", "shutdown": "ok"}


def outcome_of(process: str, stage: str, fault: str) -> str:
    """Return the right class of a signal's outcome."""
    if fault == "SIGSTOP":
        return _BETWEEN.get(stage, "ok ok")
    if process in ("ansible-playbook", "worker"):
        return "ok" if stage == "shutdown" else "none none"
    if stage in _BETWEEN:
        return _BETWEEN[stage]
    if process in ("spare", "guard", "sudo"):  # a slave outlives its sudo
        return "ok ok"
    if process in ("call process", "warm process", "command"):
        return "failed ok"
    if stage in ("connect", "login", "bundle"):
        # The start of the slave begins before the task's request, which joins it, or comes after
        # its failure and has it begun again: nothing of the task was executed.
        # An ssh that is killed has no status of its own, as under stock Ansible: "failed".
        return "unreachable ok|ok ok" + ("|failed ok" if process == "ssh" else "")
    return "unreachable ok"


#: Directories that Ansible makes for its own, and the one of a task with what is in it.
_PARENTS = r"/\.ansible(/tmp)?$"
_DIRECTORY = r"/\.ansible(/tmp(/ansible-tmp-.*)?)?$"


def left_by(process: str, stage: str, fault: str) -> str:
    """Return the pattern of what is left: whether a lost slave made a directory, none knows.

    The run itself is who removes a task's directory.
    """
    if stage != "put" or fault == "SIGSTOP" or process in ("spare", "call process"):
        return ""
    return _DIRECTORY if process in ("ansible-playbook", "worker") else _PARENTS


def is_ended_by(process: str, stage: str, fault: str) -> bool | None:
    """Return whether the signal ends the run; None if it may come too late for that."""
    if process not in ("ansible-playbook", "worker") or fault == "SIGSTOP":
        return False
    return None if (stage, fault) == ("shutdown", "Ctrl-C") else True


def signals() -> Iterator[Cell]:
    for fault in SIGNALS:
        for process, stages in STAGES_OF.items():
            is_run = process == "ansible-playbook"
            if fault == "Ctrl-C" and not is_run:
                continue
            for stage in stages:
                if fault != "SIGHUP" or stage in _FEW:
                    outcome = outcome_of(process, stage, fault)
                    is_ended = is_ended_by(process, stage, fault)
                    leaves = left_by(process, stage, fault)
                    yield Cell(process, stage, fault, outcome, is_ended=is_ended, leaves=leaves)


def links() -> Iterator[Cell]:
    for fault in ("cut", "closed", "half open", "stalled", "fragmented"):
        for stage in ALL_STAGES:
            outcome = outcome_of("link", stage, fault)
            if stage == "idle" and fault in ("half open", "stalled"):  # seen by the next request
                outcome = "unreachable ok"
            if fault == "fragmented":
                outcome = outcome.replace("unreachable", "ok").partition("|")[0]
            leaves = left_by("link", stage, fault) if fault != "fragmented" else ""
            yield Cell("link", stage, fault, outcome, leaves=leaves)


def timeouts() -> Iterator[Cell]:
    for stage in ("import", "call", "put", "fetch", "become", "as root"):
        yield Cell("task thread", stage, "timeout", "failed ok")


#: Outcomes of limits, where a task needs what there is not; by the fault, or fault and stage.
_LIMITED = {
    ("ENOSPC in home", "put"): "failed ok",
    ("EROFS home", "put"): "unreachable ok",
    ("files of 1 MB", "put"): "failed ok",
    "1 process": "failed failed",
    "3 processes": "failed failed",
    "5 descriptors": "failed failed",
    "no memory": "failed failed",
    "MaxSessions 0": "unreachable unreachable",
    "MaxStartups 1": "unreachable unreachable",
    "login fails": "failed failed",
    "login is killed": "unreachable unreachable",
}
#: The same of the controller; ansible-core itself writes to both directories.
_CONTROLLER_LIMITED = {
    "ENOSPC in local tmp": "failed failed",
    "EROFS home": "failed failed",
    ("files of 1 MB", "fetch"): "failed ok",
}


def limits() -> Iterator[Cell]:
    for fault, special in TARGETS.items():
        has_more = special.server and fault != "no /proc"
        stages = ("call", "put", "as root") if has_more else ("call",)
        for stage in (*stages, "put") if fault == "files of 1 MB" else stages:
            outcome = _LIMITED.get((fault, stage)) or _LIMITED.get(fault, "ok ok")
            yield Cell("target", stage, fault, outcome)
    for fault in CONTROLLERS:
        outcome = _CONTROLLER_LIMITED.get(fault)
        for stage in ("call",) if outcome else ("call", "put", "fetch"):
            each = outcome or _CONTROLLER_LIMITED.get((fault, stage), "ok ok")
            # A broker in a home that the run alone sees cannot be stopped from outside.
            persist = 0 if fault == "ENOSPC in home" else 60
            yield Cell("controller", stage, fault, each, persist=persist)


def others() -> Iterator[Cell]:
    for fault in RUNS:
        is_end = fault == "stops"  # of the broker, as a signal would be
        # Not while a file is put: the connection that is held then is the other run's, too.
        for stage in ("call", "idle") if is_end else ("call", "loop", "as root", "idle"):
            outcome = outcome_of("broker", stage, fault) if is_end else "ok ok"
            yield Cell("other run", stage, fault, outcome, persist=60)
    for fault in ACCOUNTS:
        yield Cell("other account", "as root", fault, "ok ok", persist=60)
    for fault in UPGRADES:
        for stage in ("call", "loop", "as root", "idle"):
            yield Cell("upgrade", stage, fault, "ok ok")
    for fault in CLOCKS:
        for stage in ("call", "loop", "as root", "idle"):
            yield Cell("clock", stage, fault, "ok ok")


CELLS = [*signals(), *links(), *timeouts(), *limits(), *others()]

#: Cells of `make test`: about a tenth, with each process, stage and kind of fault.
SOME = {
    "ansible-playbook-connect-SIGKILL", "ansible-playbook-call-SIGKILL",
    "ansible-playbook-fetch-SIGKILL", "ansible-playbook-shutdown-SIGKILL",
    "broker-bundle-SIGKILL", "broker-loop-SIGTERM", "broker-idle-SIGKILL",
    "ssh-put-SIGTERM", "slave-loop-SIGTERM", "slave-fetch-SIGTERM",
    "become_slave-as_root-SIGTERM", "guard-call-SIGTERM", "command-as_root-SIGTERM",
    "slave-call-SIGSTOP", "broker-put-SIGSTOP",
    "link-login-cut", "link-import-cut", "link-loop-cut", "link-put-cut", "link-reset-cut",
    "link-call-half_open", "link-loop-fragmented", "link-shutdown-cut",
    "link-become-cut", "task_thread-put-timeout",
    "target-put-ENOSPC_in_home", "target-put-EROFS_home", "target-put-ENOSPC_in_/tmp",
    "other_run-call-resets-stays", "upgrade-call-econtext",
    "clock-call-target_an_hour_back",
    "other_account-as_root-modules_in_home-stays",
}  # fmt: skip
