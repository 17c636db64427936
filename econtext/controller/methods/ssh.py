"""Launch of a slave on another host, through OpenSSH's client as it is configured."""

import re
from collections.abc import Sequence

from econtext.boot import first_stage
from econtext.controller.launch import Launch
from econtext.controller.prompts import Dialogue
from econtext.target import wire

#: The slave's connection is its own: a master connection would outlive the controller, and
#: a shared one would end with its owner.  ssh takes the first value of an option.
#: econtext compresses by itself, and only what gets smaller: ssh compresses everything, at
#: a third of the speed.
OWN_CONNECTION = ("-o", "ControlMaster=no", "-o", "ControlPath=none", "-o", "Compression=no", "-T")

#: ssh's flags without an argument, and those with one, in the same word or the next (ssh(1)
#: of OpenSSH 9.9).
_FLAGS, _VALUED = "[^-BDEFIJLOPQRSWbceilmopw]", "[BDEFIJLOPQRSWbceilmopw]"
_OPTION = re.compile(f"-(?=[^-])({_FLAGS}*)(?:({_VALUED})(.*))?", re.DOTALL)

_PROMPT = re.compile(rb"(?i)password[^\n]*:\s*\Z")


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
    argv = own_connection(["ssh", *ssh_args])
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


def own_connection(argv: Sequence[str]) -> list[str]:
    """Return an ssh command line in which `OWN_CONNECTION` is in force.

    Removes `-C`, as it overrides `Compression=no`.
    """
    program, *rest = argv
    kept: list[str] = []
    while rest and (option := _OPTION.fullmatch(rest[0])):
        flags, valued, value = option[1].replace("C", ""), option[2] or "", option[3] or ""
        words = 2 if valued and not value else 1
        kept += [f"-{flags}{valued}{value}"] if flags or valued else []
        kept += rest[1:words]
        rest = rest[words:]
    return [program, *OWN_CONNECTION, *kept, *rest]


def dialogue(password: str | None, prompt: bytes = b"") -> Dialogue:
    """Return the dialogue with ssh on its terminal; `prompt` replaces the usual one.

    Other questions (whether an unknown host's key is right, the passphrase of a key)
    have no answer here: they count as a refusal.
    """
    if password is None:
        return Dialogue()
    return Dialogue(
        asks_on=frozenset([wire.TERMINAL]),
        prompt=re.compile(re.escape(prompt)) if prompt else _PROMPT,
        password=password,
        incorrect=(b": Permission denied (", b"(yes/no", b"Enter passphrase"),
    )
