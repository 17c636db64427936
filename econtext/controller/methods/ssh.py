"""Launch of a slave on another host, through OpenSSH's client as it is configured."""

import re
from collections.abc import Sequence

from econtext.boot import first_stage
from econtext.controller.launch import Launch
from econtext.controller.prompts import ASKED, Dialogue
from econtext.target import wire

#: No slave's ssh becomes a master connection, which would outlive the controller, and none has a
#: terminal, which would change the bytes.  ssh takes the first value of an option, of `-T` too.
#: econtext compresses by itself, and only what gets smaller: ssh compresses everything, at
#: a third of the speed.
FOR_SLAVES = ("-o", "ControlMaster=no", "-o", "Compression=no", "-T")

#: Flags that count wherever they stand: compression, a master connection, a terminal.
_UNWANTED = str.maketrans("", "", "CMt")

_REQUEST_TTY = re.compile(r"\s*RequestTTY(?:[\s=]|\Z)", re.IGNORECASE)

#: A master connection would end with its owner, of which the controller knows nothing.
_UNSHARED = ("-o", "ControlPath=none")

#: ssh's flags without an argument, and those with one, in the same word or the next (ssh(1)
#: of OpenSSH 9.9).
_FLAGS, _VALUED = "[^-BDEFIJLOPQRSWbceilmopw]", "[BDEFIJLOPQRSWbceilmopw]"
_OPTION = re.compile(f"-(?=[^-])({_FLAGS}*)(?:({_VALUED})(.*))?", re.DOTALL)


def launch(
    hostname: str,
    port: int | None = None,
    username: str | None = None,
    identity_file: str | None = None,
    password: str | None = None,
    python: str | None = None,
    ssh_args: Sequence[str] = (),
) -> Launch:
    """Return the launch of a slave through ssh.

    Raises ValueError for a host name that ssh would take for an option.
    """
    if not hostname or hostname.startswith("-"):
        raise ValueError(f"{hostname!r} is not a host name")
    argv = for_slaves(["ssh", *_UNSHARED, *ssh_args])
    if port is not None:
        argv += ["-p", str(port)]
    if username is not None:
        argv += ["-l", username]
    if identity_file is not None:
        argv += ["-o", "IdentitiesOnly=yes", "-i", identity_file]
    if password is None:
        argv += ["-o", "BatchMode=yes"]
    else:
        argv += ["-o", "NumberOfPasswordPrompts=1"]
    pythons = [python] if python else first_stage.PYTHONS
    argv += ["--", hostname, first_stage.command(pythons)]
    terminal = password is not None
    return Launch(f"ssh.{hostname}", tuple(argv), dialogue(password), terminal, is_network=True)


def for_slaves(argv: Sequence[str]) -> list[str]:
    """Return an ssh command line in which `FOR_SLAVES` is in force.

    Removes the flags that override it, wherever they stand, and each option `RequestTTY`.  The
    connection goes through a master connection if ssh finds one at the line's ControlPath.
    """
    program, *rest = argv
    kept: list[str] = []
    while rest and (option := _OPTION.fullmatch(rest[0])):
        flags, valued, value = option[1].translate(_UNWANTED), option[2] or "", option[3] or ""
        values = rest[1:2] if valued and not value else []
        rest = rest[1 + len(values) :]
        if valued == "o" and _REQUEST_TTY.match(value or "".join(values)):
            valued, value, values = "", "", []
        kept += [f"-{flags}{valued}{value}"] if flags or valued else []
        kept += values
    return [program, *FOR_SLAVES, *kept, *rest]


def dialogue(password: str | None, prompt: bytes = b"") -> Dialogue:
    """Return the dialogue with ssh on its terminal; the expression `prompt` replaces the usual one.

    Other questions (whether an unknown host's key is right, the passphrase of a key)
    have no answer here: they count as a refusal.
    """
    if password is None:
        return Dialogue()
    return Dialogue(
        asks_on=frozenset([wire.TERMINAL]),
        prompt=re.compile(prompt) if prompt else ASKED,
        password=password,
        incorrect=(b": Permission denied (", b"(yes/no", b"Enter passphrase"),
    )
