"""The virtual environments: one with Ansible and Mitogen for each version of ansible-core, and one
for each tool that is no Ansible."""

import fcntl
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from bench import play_list

DIRECTORY = Path(__file__).parent / ".env"

# How many versions of Mitogen to try, from the newest back, until one works.
MITOGEN_VERSIONS_TRIED = 30

ASK_VERSIONS = """
import importlib.metadata, importlib.util, json, pathlib, platform
def version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
found = importlib.util.find_spec("ansible_mitogen")
strategies = found and pathlib.Path(found.origin).parent / "plugins" / "strategy"
print(json.dumps({
    "python": platform.python_version(),
    "ansible_core": version("ansible-core"),
    "mitogen": version("mitogen"),
    "mitogen_strategies": str(strategies or ""),
}))
"""


class NotPreparedError(Exception):
    """An environment could not be made; the message holds the evidence."""


@dataclass(frozen=True)
class Environment:
    """An environment that is ready, and the versions in it; no Mitogen if none works."""

    directory: str
    python: str
    ansible_core: str
    mitogen: str
    mitogen_strategies: str

    @property
    def ansible_playbook(self) -> str:
        return str(Path(self.directory, "bin", "ansible-playbook"))

    @property
    def ansible(self) -> str:
        return str(Path(self.directory, "bin", "ansible"))


def prepare(python: str, ansible_core: str) -> Environment:
    """The environment for this interpreter and this ansible-core, made if it is not there yet.

    `2.19` is the newest 2.19 that there is, nothing the newest of all.
    """
    wanted = f"ansible-core=={ansible_core}" if ansible_core else "ansible-core"
    if re.fullmatch(r"\d+\.\d+", ansible_core):
        wanted += ".*"

    def fill(directory: Path) -> None:
        install(directory, wanted)
        install_mitogen(directory)
        (directory / "ready.json").write_text(json.dumps(asdict(describe(directory))))

    directory = made(f"core-{ansible_core or 'newest'}", python, fill)
    return Environment(**json.loads((directory / "ready.json").read_text()))


def prepare_tool(python: str, requirement: str) -> Path:
    """The environment of a tool that is no Ansible; its file `ready.json` holds the version."""

    def fill(directory: Path) -> None:
        install(directory, requirement)
        ask = f"import importlib.metadata; print(importlib.metadata.version('{requirement}'))"
        version = run([str(directory / "bin" / "python"), "-c", ask]).strip()
        (directory / "ready.json").write_text(json.dumps(version))

    return made(requirement, python, fill)


def made(name: str, python: str, fill: Callable[[Path], None]) -> Path:
    """An environment of this interpreter, made if it is not there yet.

    `fill` installs what belongs in it, and says that it is ready by writing `ready.json`.
    """
    wanted = subprocess.run(
        [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout.strip()
    directory = DIRECTORY / f"{name}-python-{wanted}"
    DIRECTORY.mkdir(exist_ok=True)
    with open(DIRECTORY / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two benchmarks may start at the same time
        if not (directory / "ready.json").exists():
            print(f"Making {directory.relative_to(DIRECTORY.parent)} ...", flush=True)
            shutil.rmtree(directory, ignore_errors=True)
            run([python, "-m", "venv", str(directory)])
            fill(directory)
    return directory


def describe(directory: Path) -> Environment:
    """Ask an environment what is in it."""
    answer = run([str(directory / "bin" / "python"), "-c", ASK_VERSIONS])
    return Environment(directory=str(directory), **json.loads(answer))


def install(directory: Path, *arguments: str) -> None:
    run([str(directory / "bin" / "python"), "-m", "pip", "install", "--quiet", *arguments])


def install_mitogen(directory: Path) -> None:
    """Install the newest Mitogen that passes the probe, or none."""
    requirement = "mitogen"
    for _ in range(MITOGEN_VERSIONS_TRIED):
        try:
            install(directory, requirement)
        except NotPreparedError as error:
            print(f"No Mitogen to be had as {requirement}: {error}")
            break
        environment = describe(directory)
        fault = probe(environment)
        if not fault:
            return
        print(f"Mitogen {environment.mitogen} does not work:\n{fault}", flush=True)
        requirement = f"mitogen<{environment.mitogen}"
    python = str(directory / "bin" / "python")
    subprocess.run([python, "-m", "pip", "uninstall", "--quiet", "--yes", "mitogen"], check=False)


def probe(environment: Environment) -> str:
    """Run a small play by Mitogen on the local machine: what it said if it failed, else nothing."""
    command = [environment.ansible_playbook, "-i", "localhost,", "-c", "local"]
    command += ["-e", f"ansible_python_interpreter={play_list.TARGET_PYTHON}"]
    with tempfile.TemporaryDirectory(prefix="econtext-bench-") as home:
        variables = plain_variables(home) | {
            "ANSIBLE_STRATEGY": "mitogen_linear",
            "ANSIBLE_STRATEGY_PLUGINS": environment.mitogen_strategies,
        }
        result = subprocess.run(
            [*command, str(play_list.PROBE)],
            cwd=home,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    return result.stdout[-2000:] if result.returncode != 0 else ""


def plain_variables(home: str) -> dict[str, str]:
    """The environment variables of a contender: nothing of the user's own settings."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C.UTF-8",
        "HOME": home,
        "TMPDIR": home,
        "ANSIBLE_HOME": str(Path(home, ".ansible")),
    }


def run(command: list[str]) -> str:
    """Run a step of making an environment, and return its standard output."""
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise NotPreparedError(f"{' '.join(command[:4])} failed:\n{result.stderr.strip()[-2000:]}")
    return result.stdout
