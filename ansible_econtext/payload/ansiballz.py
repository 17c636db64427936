"""Recogniser of ansible-core's payloads of modules (AnsiballZ).  No I/O.

Source: `_find_module_utils` in `executor/module_common.py`, 2.16 to 2.21.  Since 2.19
a payload ends in one call of `_ansiballz_main` with an argument on each line; up to
2.18 the values stand in the text of that function.  Both write them with repr(), so
that each is one literal on one line.
"""

import ast
import dataclasses
import hashlib
import re


@dataclasses.dataclass(frozen=True)
class Payload:
    """Module as ansible-core built it, with its arguments."""

    #: The module's files, as a zip archive in base64.
    archive: bytes = dataclasses.field(repr=False)
    #: The hash of `archive`.
    identity: bytes
    #: The module's full Python name.
    name: str
    #: The module's arguments as JSON; they may hold secrets.
    parameters: bytes = dataclasses.field(repr=False)
    #: The profile by which results are encoded (2.19 to 2.21); None before.
    profile: str | None
    #: The module's RLIMIT_NOFILE; 0 for no change.
    open_files: int


def recognise(data: bytes) -> Payload | None:
    """Return the payload in the input of a Python command; None for other input."""
    start = data.rfind(b"\n    _ansiballz_main(\n")
    try:
        if start >= 0:
            return _from_arguments(data, start)
        if b"\ndef _ansiballz_main():" in data:
            return _from_text(data)
    except (ValueError, SyntaxError, KeyError, TypeError, RecursionError, MemoryError):
        pass  # a form that is not known
    return None


#: Precedes the archive, which is nearly all of a payload and is copied only once.
_ZIPPED = b"\nzip_data="


def _from_arguments(data: bytes, start: int) -> Payload | None:
    """Return the payload of ansible-core 2.19 to 2.21; None if it needs real files."""
    before = data.index(_ZIPPED, start)
    after = data.index(b"\n", before + 1)
    values: dict[bytes, bytes] = {}
    for line in (data[start:before] + data[after:]).split(b"\n"):
        name, equals, value = line.partition(b"=")
        if equals:
            values[name] = value.removesuffix(b",")
    if ast.literal_eval(values[b"extensions"].decode()):
        return None  # a debugger or coverage
    archive = _archive(data[before + len(_ZIPPED) : after].removesuffix(b","))
    return Payload(
        archive=archive,
        identity=identity_of(archive),
        name=_literal(values[b"module_fqn"]),
        parameters=_literal(values[b"params"]).encode("utf-8", "surrogateescape"),
        profile=_literal(values[b"profile"]),
        open_files=int(values[b"rlimit_nofile"]),
    )


_IN_TEXT = re.compile(
    rb"""^[ ]+(?:
        ZIPDATA[ ]=[ ](?P<archive>.+)
        |ANSIBALLZ_PARAMS[ ]=[ ](?P<parameters>[^A].*)
        |runpy\.run_module\(mod_name=(?P<name>'[^']+'|"[^"]+"),[ ]init_globals=dict\(.*
        |requested_soft[ ]=[ ]min\(existing_hard,[ ](?P<open_files>\d+)\)
        |(?P<coverage>import[ ]coverage)
    )$""",
    re.MULTILINE | re.VERBOSE,
)


def _from_text(data: bytes) -> Payload | None:
    """Return the payload of ansible-core 2.16 to 2.18; None if it needs real files."""
    values: dict[str, bytes] = {}
    for match in _IN_TEXT.finditer(data):
        for name, value in match.groupdict().items():
            if value is not None:
                values.setdefault(name, value)
    if "coverage" in values:
        return None
    archive = _archive(values["archive"])
    return Payload(
        archive=archive,
        identity=identity_of(archive),
        name=_literal(values["name"]),
        parameters=_literal(values["parameters"]).encode("utf-8", "surrogateescape"),
        profile=None,
        open_files=int(values.get("open_files", b"0")),
    )


def _literal(value: bytes) -> str:
    text = ast.literal_eval(value.decode("utf-8", "surrogateescape"))
    if not isinstance(text, str):
        raise ValueError("not a text")
    return text


def _archive(value: bytes) -> bytes:
    """Return the base64 in a literal of text or bytes; ValueError if it has escapes.

    There are a hundred kilobytes of it, and no parser is needed.
    """
    archive = value.removeprefix(b"b")[1:-1]
    if value[-1:] not in (b"'", b'"') or b"\\" in archive:
        raise ValueError("not a plain literal")
    return archive


def identity_of(archive: bytes) -> bytes:
    """Return the hash of an archive."""
    return hashlib.blake2b(archive, digest_size=32).digest()
