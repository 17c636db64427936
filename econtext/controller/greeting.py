"""Check of a slave's greeting (`target.hello`), which is not trusted either."""

from typing import Any

from econtext.target import wire

#: Bounds of its numbers, and of the length of its texts.
_MAX_NUMBER = 1 << 32
_MAX_TEXT = 4096


def checked(value: object) -> dict[str, Any]:
    """Return a greeting with its known items alone; raises ProtocolError if it is none."""
    forms = {
        "pid": int,
        "uid": int,
        "user": str,
        "home": str,
        "directory": str,
        "executable": str,
        "python": list,
    }
    if not isinstance(value, dict):
        raise wire.ProtocolError("a greeting that is none")
    # A Python 2 has byte strings where the others have text.
    text = {
        key: item.decode("utf-8", "surrogateescape") if isinstance(item, bytes) else item
        for key, item in value.items()
    }
    for key, form in forms.items():
        if type(text.get(key)) is not form or not _is_sane(text[key]):
            raise wire.ProtocolError(f"a greeting without {key}")
    return {key: text[key] for key in forms}


def _is_sane(value: Any) -> bool:
    """Return whether a greeting's number, text or list of numbers is of a usual size."""
    if isinstance(value, list):
        return len(value) == 3 and all(type(item) is int and _is_sane(item) for item in value)
    return len(value) <= _MAX_TEXT if isinstance(value, str) else 0 <= value < _MAX_NUMBER
