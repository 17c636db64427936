"""Recognises the payload that ansible-core builds of a module (AnsiballZ).  No I/O.

Source: `_find_module_utils` in ansible-core's `executor/module_common.py`.  From
2.19 a payload ends in one call of `_ansiballz_main` with an argument on each
line; up to 2.18 the values stand in the text of that function.  Both write them
with repr(), so that each is one literal on one line.
"""

import ast
import dataclasses
import hashlib
import re


@dataclasses.dataclass(frozen=True)
class Payload:
    """A module, ready to run, as `target.runner` wants it."""

    #: The module's files, zipped and in base64; `identity` stands for them.
    archive: bytes = dataclasses.field(repr=False)
    identity: bytes
    name: str
    #: The module's arguments as JSON; they may hold secrets.
    parameters: bytes = dataclasses.field(repr=False)
    #: How results are encoded (2.19 and later), else None.
    profile: str | None
    #: A limit for RLIMIT_NOFILE, or 0.
    open_files: int


def recognise(data: bytes) -> Payload | None:
    """The payload in what `exec_command` is to feed to Python; None for anything else."""
    start = data.rfind(b"\n    _ansiballz_main(\n")
    try:
        if start >= 0:
            return _from_arguments(data, start)
        if b"\ndef _ansiballz_main():" in data:
            return _from_text(data)
    except (ValueError, SyntaxError, KeyError, TypeError, RecursionError, MemoryError):
        pass  # of a form that we do not know
    return None


#: In front of the archive, which is nearly all of a payload: it is to be copied once.
_ZIPPED = b"\nzip_data="


def _from_arguments(data: bytes, start: int) -> Payload | None:
    """ansible-core 2.19 and later."""
    before = data.index(_ZIPPED, start)
    after = data.index(b"\n", before + 1)
    values: dict[bytes, bytes] = {}
    for line in (data[start:before] + data[after:]).split(b"\n"):
        name, equals, value = line.partition(b"=")
        if equals:
            values[name] = value.removesuffix(b",")
    if ast.literal_eval(values[b"extensions"].decode()):
        return None  # a debugger or coverage: those want real files
    archive, identity = _known(data[before + len(_ZIPPED) : after].removesuffix(b","))
    return Payload(
        archive=archive,
        identity=identity,
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
    """ansible-core 2.16 to 2.18."""
    values: dict[str, bytes] = {}
    for match in _IN_TEXT.finditer(data):
        for name, value in match.groupdict().items():
            if value is not None:
                values.setdefault(name, value)
    if "coverage" in values:
        return None
    archive, identity = _known(values["archive"])
    return Payload(
        archive=archive,
        identity=identity,
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


#: The last archive of each length: its literal, itself, and what stands for it.
_last: dict[int, tuple[bytes, bytes, bytes]] = {}


def _known(literal: bytes) -> tuple[bytes, bytes]:
    """The archive that a literal is of, and what stands for it; to compare is ten times as fast as
    to hash."""
    last, archive, identity = _last.get(len(literal), (b"", b"", b""))
    if last != literal:
        archive = _archive(literal)
        identity = identity_of(archive)
        _last[len(literal)] = literal, archive, identity
    return archive, identity


def _archive(value: bytes) -> bytes:
    """The archive, a hundred kilobytes of base64 as a literal of text or bytes: nothing in
    it needs a parser."""
    archive = value.removeprefix(b"b")[1:-1]
    if value[-1:] not in (b"'", b'"') or b"\\" in archive:
        raise ValueError("not a plain literal")
    return archive


def identity_of(archive: bytes) -> bytes:
    """What stands for an archive."""
    return hashlib.blake2b(archive, digest_size=32).digest()
