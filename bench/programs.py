"""The command lines of a run: what a contender starts for a play, by the program that it is."""

from dataclasses import dataclass, field
from pathlib import Path

from bench import play_list, settings
from bench.contenders import Contender
from bench.data import Data
from bench.environment import Environment, plain_variables
from bench.play_list import Play
from bench.sshd import Server

CALLBACKS = Path(__file__).parent / "callbacks"


@dataclass
class Started:
    """What is started for one run: `before` without being measured, then `command`."""

    command: list[str]
    variables: dict[str, str]
    before: list[list[str]] = field(default_factory=list)


@dataclass(frozen=True)
class Place:
    """Where one run takes place: its private directory, the server, and the proxy's port."""

    directory: Path
    server: Server
    port: int
    data: Data
    environment: Environment
    pyinfra: Path | None = None

    @property
    def marks(self) -> Path:
        return self.directory / "marks"

    @property
    def trace(self) -> Path:
        return self.directory / "trace"


def start(contender: Contender, play: Play, place: Place, warm: bool, figure: str) -> Started:
    """What to start; `warm` has the same run before it, `figure` is what is wanted of it."""
    if contender.program == "pyinfra":
        return pyinfra(play, place)
    if contender.program == "scp":
        return scp(place)
    return ansible(contender, play, place, warm, figure)


def ansible(contender: Contender, play: Play, place: Place, warm: bool, figure: str) -> Started:
    configuration = settings.write_configuration(place.directory, contender, place.environment)
    variables = plain_variables(str(place.directory)) | {
        "ANSIBLE_CONFIG": str(configuration),
        "TMPDIR": str(place.directory / "tmp"),
    }
    if not warm:
        variables |= contender.cold
    if figure in ("first_result", "through"):
        variables["ANSIBLE_CALLBACK_PLUGINS"] = str(CALLBACKS)
        variables["ANSIBLE_CALLBACKS_ENABLED"] = "bench_marks"
        variables["BENCH_MARKS"] = str(place.marks)
    if figure == "transfer":
        variables["ANSIBLE_ECONTEXT_TRACE"] = str(place.trace)
    command = [place.environment.ansible_playbook, str(play.path)]
    if play.module:
        command = [place.environment.ansible, "one", "-m", play.module]
    return Started(command, variables, [command] if warm else [])


def pyinfra(play: Play, place: Place) -> Started:
    """A deploy that does the same as the play."""
    data = {
        "ssh_hostname": settings.ADDRESSES[0],
        "ssh_port": place.port,
        "ssh_user": place.server.target.user,
        "ssh_key": str(place.server.key),
        "ssh_allow_agent": False,
        "ssh_look_for_keys": False,
        "ssh_known_hosts_file": str(place.directory / "known_hosts"),
        "destination": str(place.server.target.destination),
    }
    inventory = place.directory / "inventory.py"
    inventory.write_text(f"one = [('target01', {data!r})]\n")
    deploy = play_list.DIRECTORY / f"{play.name}_pyinfra.py"
    program = str(place.pyinfra / "bin" / "pyinfra")
    variables = plain_variables(str(place.directory)) | {"TMPDIR": str(place.directory / "tmp")}
    return Started([program, "-y", str(inventory), str(deploy)], variables)


def scp(place: Place) -> Started:
    """The large file by scp; the connection is opened before the measuring begins.

    It does not compress, as econtext's own connections do not.
    """
    target = place.server.target
    login = f"{target.user}@{settings.ADDRESSES[0]}"
    options = [
        *settings.SSH_COMMON_ARGS.split(),
        *("-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR"),
        *("-o", f"Port={place.port}", "-i", str(place.server.key)),
        *("-o", f"ControlPath={settings.masters(place.directory)}/scp"),
    ]
    master = ["ssh", *options, "-o", "Compression=no", "-M", "-N", "-f", login]
    command = ["scp", "-q", *options, str(place.data.large), f"{login}:{target.destination}/large"]
    return Started(command, plain_variables(str(place.directory)), [master])
