"""The environment with the public roles: those of PyPI's `debops`, `ansible` and single roles."""

import json
import re
from dataclasses import asdict
from pathlib import Path

from bench import environment
from bench.environment import Environment

#: The package `ansible` that has the collections for an ansible-core.
COLLECTIONS = {"2.16": "9", "2.17": "10", "2.18": "11", "2.19": "12", "2.20": "13", "2.21": "14"}

#: Roles, and what their filters and lookups import on the controller.
ROLES = ["debops", "netaddr", "dnspython", "passlib", "jmespath"]

#: Roles that ask for an Ansible of long ago, and work with today's.
ROLES_ALONE = ["ansible-role-chrony"]


def prepare(python: str, core: str) -> Environment:
    """Return the environment with the public roles for an ansible-core, made if it is missing."""
    minor = re.match(r"\d+\.\d+", core)
    if not minor or minor.group() not in COLLECTIONS:
        raise environment.NotPreparedError(f"no ansible-core {core}: {', '.join(COLLECTIONS)}")
    wanted = f"ansible-core=={core}" + (".*" if core == minor.group() else "")

    def fill(directory: Path) -> None:
        environment.install(directory, wanted)
        environment.install(directory, f"ansible=={COLLECTIONS[minor.group()]}.*")
        environment.install(directory, *ROLES)
        environment.install(directory, "--no-deps", *ROLES_ALONE)
        environment.install_mitogen(directory)
        described = asdict(environment.describe(directory))
        (directory / "ready.json").write_text(json.dumps(described))

    directory = environment.made(f"roles-{core}", python, fill)
    return Environment(**json.loads((directory / "ready.json").read_text()))


def packages(prepared: Environment) -> Path:
    """The directory that holds the environment's Python packages."""
    return next(Path(prepared.directory, "lib").glob("python3.*")) / "site-packages"


def debops(prepared: Environment) -> Path:
    """The collection path of DebOps, whose collection is inside its Python package."""
    return packages(prepared) / "debops" / "_data" / "ansible" / "collections"


def single_roles(prepared: Environment) -> Path:
    """The directory of the roles that are packages of their own."""
    return Path(prepared.directory, "share", "ansible", "roles")
