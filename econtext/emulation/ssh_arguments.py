"""Arguments of OpenSSH's client, as rsync, git, scp and sftp give them.  No I/O.

Source: `main` in OpenSSH's `ssh.c`, 9.2.
"""

import getopt
from typing import NamedTuple

#: Options without a value, and with one.
_FLAGS = "1246AaCfGgKkMNnqsTtVvXxYy"
_VALUED = "BbcDEeFIiJLlmOoPpQRSWw"
_OPTIONS = _FLAGS + "".join(f"{each}:" for each in _VALUED)

#: Options that change neither the destination nor what its command gets.
_PLAIN = frozenset("246aCceEkmqSTvx")

#: Settings of `-o` of that kind, as those programs give them.
_PLAIN_SETTINGS = frozenset(
    ("clearallforwardings=yes", "forwardagent=no", "permitlocalcommand=no")
    + ("remotecommand=none", "requesttty=no", "sendenv=git_protocol", "stricthostkeychecking=no")
    + ("userknownhostsfile=/dev/null",)
)


class Wanted(NamedTuple):
    """Command that the arguments ask for; of a setting given twice the first one counts."""

    host: str
    #: Empty, 0 and empty if the arguments leave them to ssh's configuration.
    user: str
    port: int
    identity: str
    #: Further options that may change more than the way there, as `-Jhost` or `-oname=value`.
    options: list[str]
    command: str
    #: Whether the command is the name of a subsystem (`-s`).
    is_subsystem: bool


class Unknown(ValueError):
    """Raised for arguments that ask for no command on a host."""


def parse(words: list[str]) -> Wanted:
    """Return what ssh's arguments ask for; raises Unknown if that is no command on a host."""
    try:
        options, rest = getopt.getopt(words, _OPTIONS)
        destination, *rest = rest
        more, rest = getopt.getopt(rest, _OPTIONS)
    except (getopt.GetoptError, ValueError) as error:
        raise Unknown(str(error)) from error
    if not rest:
        raise Unknown("no command")
    found: dict[str, str] = {}
    others: list[str] = []
    for option, value in options:
        _take(option, value, found, others)
    host = _take_destination(destination, found)
    for option, value in more:
        _take(option, value, found, others)
    try:
        port = int(found.get("port", 0))
    except ValueError as error:
        raise Unknown(str(error)) from error
    return Wanted(
        host=host,
        user=found.get("user", ""),
        port=port,
        identity=found.get("identityfile", ""),
        options=others,
        command=" ".join(rest),
        is_subsystem="-s" in found,
    )


def _take(option: str, value: str, found: dict[str, str], others: list[str]) -> None:
    """Note one option by the name of its setting, or as another one."""
    name = {"-l": "user", "-p": "port", "-i": "identityfile", "-s": "-s"}.get(option, "")
    if option == "-o":
        name, _, value = value.strip().replace("=", " ", 1).partition(" ")
        name, value = name.lower(), value.strip()
    if name in ("user", "port", "identityfile", "-s"):
        found.setdefault(name, value)
    elif option == "-o":
        if f"{name}={value.lower()}" not in _PLAIN_SETTINGS:
            others.append(f"-o{name}={value}")
    elif option[1] not in _PLAIN:
        others.append(f"{option}{value}")


def _take_destination(destination: str, found: dict[str, str]) -> str:
    """Note the user and port of a destination, `[user@]host` or a URI; return its host."""
    if destination.startswith("ssh://"):
        destination, _, port = destination.removeprefix("ssh://").rstrip("/").partition(":")
        if port:
            found.setdefault("port", port)
    user, at, host = destination.rpartition("@")
    if at:
        found.setdefault("user", user)
    return host.removeprefix("[").removesuffix("]")
