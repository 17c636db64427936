"""Every option of econtext that is an environment variable, in one place.

Read in ansible-playbook, by `ansible-econtext`, and in the broker, which inherits the variables.
Each is read when it is asked for; `check` looks at all of them, where an error can be told.
"""

import os
from typing import NamedTuple

#: Seconds of a day, which is as long as anything may stay.
_DAY = 86400.0

_WORDS = {"1": True, "true": True, "yes": True, "on": True} | {
    "0": False,
    "false": False,
    "no": False,
    "off": False,
}


class Option(NamedTuple):
    """One option: a switch if its default is a bool, seconds if it is a float, else a path."""

    default: bool | float | str
    #: What it is for, as docs/settings.rst says it.
    about: str

    def parse(self, text: str) -> bool | float | str:
        """Return the value that a text stands for; raises ValueError, which says what is wanted."""
        if isinstance(self.default, bool):
            if text.lower() not in _WORDS:
                raise ValueError("no switch: 1, true, yes or on; 0, false, no or off")
            return _WORDS[text.lower()]
        if isinstance(self.default, float):
            try:
                seconds = float(text)
            except ValueError:
                seconds = -1
            if not 0 <= seconds <= _DAY:
                raise ValueError("no number of seconds from 0 to a day")
            return seconds
        return text


#: By what follows `ANSIBLE_ECONTEXT_` in the variable's name.
OPTIONS = {
    "PERSIST": Option(
        60.0,
        "Seconds that a broker and its slaves stay after a run, as ssh's ControlPersist does under "
        "Ansible's defaults.  With 0 no process stays.",
    ),
    "STAYING": Option(
        1.0,
        "Seconds that a process on a target stays for the next run of a short module of "
        "ansible-core.  With 0 each run has a process of its own.",
    ),
    "THREADS": Option(
        True,
        "Tasks begin in threads of ansible-playbook (ansible-core 2.19 to 2.21).  Off: each is "
        "forked, as in stock Ansible.",
    ),
    "LOOPS": Option(
        True,
        "Items of a loop that cannot depend on each other are sent without waiting for each "
        "other's replies.  The variable econtext_loops says so for a host, a play or a task.",
    ),
    "PATCHES": Option(
        True,
        "Patches of ansible-core that make it faster are applied for the time of a play.",
    ),
    "TRACE": Option("", "A file to which the broker writes a line of JSON for each request."),
}

_PREFIX = "ANSIBLE_ECONTEXT_"


def check() -> None:
    """Raise ValueError if a variable has a value that its option does not have."""
    for name in OPTIONS:
        _read(name)


def is_on(name: str) -> bool:
    """Return the value of a switch."""
    return bool(_read(name))


def seconds(name: str) -> float:
    """Return the value of an option that is a time in seconds."""
    return float(_read(name))


def path(name: str) -> str:
    """Return the value of an option that is a path; empty if there is none."""
    return str(_read(name))


def _read(name: str) -> bool | float | str:
    option, variable = OPTIONS[name], _PREFIX + name
    text = os.environ.get(variable, "")
    if not text:
        return option.default
    try:
        return option.parse(text)
    except ValueError as error:
        raise ValueError(f"{variable} is {text!r}, which is {error}") from None
