"""Who takes part. A contender is a few lines of ansible.cfg; nothing else may differ.

Two are no Ansible, and take part in single rows of the table alone: see programs.py.
"""

from dataclasses import dataclass, field
from pathlib import Path

from bench.environment import Environment

CHECKOUT = Path(__file__).resolve().parent.parent
PRODUCT_STRATEGIES = CHECKOUT / "plugins" / "strategy"

# The default of ansible-core, written out.
SHARED_CONNECTION = "-C -o ControlMaster=auto -o ControlPersist=60s"


@dataclass(frozen=True)
class Contender:
    """A name and its part of ansible.cfg: sections, each of keys and values.

    `{mitogen}` in a value stands for where Mitogen has its strategies. `cold` are environment
    variables of a run that shall leave nothing to the next one.
    """

    name: str
    about: str
    settings: dict[str, dict[str, str]]
    needs: tuple[Path, ...] = field(default=())
    needs_mitogen: bool = False
    cold: dict[str, str] = field(default_factory=dict)
    program: str = "ansible"

    def missing(self, environment: Environment) -> str:
        """Why this contender cannot take part; empty when it can."""
        if self.needs_mitogen and not environment.mitogen:
            return f"no version of Mitogen works with ansible-core {environment.ansible_core}"
        for path in self.needs:
            if not path.exists():
                return f"{path.relative_to(CHECKOUT)} does not exist"
        return ""


CONTENDERS = [
    Contender(
        "stock",
        "Ansible as it comes: no pipelining, one shared ssh connection",
        {"defaults": {"strategy": "linear"}},
    ),
    Contender(
        "pipelining",
        "Ansible with pipelining, one shared ssh connection",
        {
            "defaults": {"strategy": "linear"},
            "ssh_connection": {"pipelining": "True", "ssh_args": SHARED_CONNECTION},
        },
    ),
    Contender(
        "mitogen",
        "Mitogen, the newest version that works",
        {"defaults": {"strategy": "mitogen_linear", "strategy_plugins": "{mitogen}"}},
        needs_mitogen=True,
    ),
    Contender(
        "econtext",
        "this checkout",
        {"defaults": {"strategy": "econtext", "strategy_plugins": str(PRODUCT_STRATEGIES)}},
        needs=(PRODUCT_STRATEGIES / "econtext.py",),
        # The broker ends with its run. Otherwise it stays for a while, with its slaves.
        cold={"ANSIBLE_ECONTEXT_PERSIST": "0"},
    ),
]

OTHERS = [
    Contender("pyinfra", "the newest pyinfra", {}, program="pyinfra"),
    Contender("scp", "scp, by a connection that is already there", {}, program="scp"),
]
