"""The real plays: playbooks of public roles. To add one: a line here.

A playbook of DebOps is run as it comes; other roles have a play under `plays/`.
"""

from dataclasses import dataclass, field
from pathlib import Path

from bench import play_list
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
    """A play of public roles; `group` is that by which it knows its hosts.

    `destination` is a directory that is made anew, and empty, before each run.
    """

    name: str
    about: str
    playbook: str = ""
    group: str = ""
    variables: dict = field(default_factory=dict, hash=False)
    destination: str = ""

    def path(self, prepared: Environment) -> Path:
        if self.destination:
            return play_list.DIRECTORY / f"{self.playbook}.yml"
        if not self.playbook:
            return DIRECTORY / f"{self.name}.yml"
        collection = public.debops(prepared) / "ansible_collections" / "debops" / "debops"
        return collection / "playbooks" / "service" / f"{self.playbook}.yml"


def debops(name: str, about: str, **variables) -> RealPlay:
    """A playbook of DebOps for one service."""
    return RealPlay(name, about, name, f"debops_service_{name}", DEBOPS | variables)


def table(play: str, about: str) -> RealPlay:
    """A play of the benchmark's table, to weigh what real plays weigh."""
    destination = "/home/admin/destination"
    return RealPlay(f"table-{play}", about, play, "one", {"destination": destination}, destination)


PLAYS = [
    # The role asks for facts that it writes at its end, unless it has upgraded the packages.
    debops("sshd", "an ssh daemon, with what it needs of sudo, PAM, Python", sshd__version="9.2"),
    # The role asks for all IPv6 addresses, of which a host without a network has no fact.
    debops(
        "nginx",
        "a web server, with its keys, preferences, Python",
        nginx_status_localhost=["127.0.0.1/32"],
    ),
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

# Run when they are named.
TABLE = [
    table("ping", "50 tasks of ping, of the table"),
    table("mixed", "50 mixed tasks, of the table"),
    table("command_loop", "one command in a loop of 100, of the table"),
]
