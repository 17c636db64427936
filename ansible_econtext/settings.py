"""Every option of econtext that is an environment variable, in one place.

Read in ansible-playbook, by `ansible-econtext`, and in the broker, which inherits the variables.
Each is read when it is asked for; `check` looks at all of them, where an error can be told.
"""

import os

#: Seconds of a day, which is as long as anything may stay.
_DAY = 86400.0

_WORDS = dict.fromkeys(("1", "true", "yes", "on"), True)
_WORDS |= dict.fromkeys(("0", "false", "no", "off"), False)


#: Default of each option, by what follows `ANSIBLE_ECONTEXT_` in the variable's name: a switch has
#: a bool, a time in seconds a float, a path a str.  docs/settings.rst says what each is for.
OPTIONS: dict[str, bool | float | str] = {
    "PERSIST": 60.0,
    "STAYING": 1.0,
    "THREADS": True,
    "LOOPS": True,
    "PATCHES": True,
    "TERMINAL": False,
    "TRACE": "",
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
    variable = _PREFIX + name
    text = os.environ.get(variable, "")
    if not text:
        return OPTIONS[name]
    try:
        return _parsed(text, type(OPTIONS[name]))
    except ValueError as error:
        raise ValueError(f"{variable} is {text!r}, which is {error}") from None


def _parsed(text: str, kind: type) -> bool | float | str:
    """Return the value that a text stands for; raises ValueError, which says what is wanted."""
    if kind is bool:
        if text.lower() not in _WORDS:
            raise ValueError("no switch: 1, true, yes or on; 0, false, no or off")
        return _WORDS[text.lower()]
    if kind is float:
        try:
            number = float(text)
        except ValueError:
            number = -1
        if not 0 <= number <= _DAY:
            raise ValueError("no number of seconds from 0 to a day")
        return number
    return text
