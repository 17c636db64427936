"""The real plays: playbooks of public roles. To add one: a line here.

A playbook of DebOps is run as it comes; other roles have a play under `plays/`.
"""

from dataclasses import dataclass, field
from pathlib import Path

from bench.environment import Environment
from bench.roles import public

DIRECTORY = Path(__file__).parent / "plays"

#: In DebOps' own way: these are in the groups of all its services.
GROUP = "debops_all_hosts"

# What a play of DebOps is told in all cases: no firewall, as the network is the machine's.
DEBOPS = {
    "ferm__enabled": False,
    "ferm__deploy_state": "absent",
    "ldap__enabled": False,
}


@dataclass(frozen=True)
class RealPlay:
    """A play of public roles; `service` is the group by which DebOps knows its hosts."""

    name: str
    about: str
    playbook: str = ""
    group: str = ""
    variables: dict = field(default_factory=dict)

    def path(self, prepared: Environment) -> Path:
        if not self.playbook:
            return DIRECTORY / f"{self.name}.yml"
        collection = public.debops(prepared) / "ansible_collections" / "debops" / "debops"
        return collection / "playbooks" / "service" / f"{self.playbook}.yml"


def debops(name: str, about: str, **variables) -> RealPlay:
    """A playbook of DebOps for one service."""
    return RealPlay(name, about, name, f"debops_service_{name}", DEBOPS | variables)


PLAYS = [
    debops("sshd", "an ssh daemon, with what it needs of sudo, PAM, Python"),
    debops("nginx", "a web server, with its keys, preferences, Python"),
    debops("postfix", "a mail server, with its secrets and aliases"),
    debops("users", "accounts of users and groups"),
    debops("cron", "cron and its jobs"),
    debops("sysctl", "kernel parameters"),
    debops("rsyslog", "a log daemon, with cron and logrotate"),
    debops("apt", "the package manager's configuration"),
    debops("sudo", "sudo, with LDAP and Python"),
    debops("pki", "certificates of an authority of its own"),
    debops("redis_server", "a redis server"),
    debops("mariadb_server", "a MariaDB server"),
    debops("postgresql_server", "a PostgreSQL server"),
    debops("unattended_upgrades", "upgrades without anybody"),
    debops("root_account", "the account of root"),
    debops("locales", "locales"),
]
