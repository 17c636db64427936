"""What every run is configured with: ansible.cfg, the inventory, the environment variables.

Only the sections that a contender brings differ from one contender to another.
"""

import configparser
import json
from pathlib import Path

from bench import play_list
from bench.contenders import Contender
from bench.data import Data
from bench.environment import Environment
from bench.sshd import Server

# One address for each host, so that no contender can share a connection between two of them. All
# of them are the local machine.
ADDRESSES = [f"127.0.0.{number}" for number in range(1, play_list.MANY_HOSTS + 1)]

# Nothing of the user's ssh configuration, keys or known hosts.
SSH_COMMON_ARGS = "-F none -o UserKnownHostsFile=/dev/null -o IdentitiesOnly=yes"


def write_configuration(directory: Path, contender: Contender, environment: Environment) -> Path:
    """Write the ansible.cfg of one run into its private directory."""
    shared = {
        "defaults": {
            "inventory": str(directory / "inventory.json"),
            "local_tmp": str(directory / "tmp"),
            "forks": "20",
            "host_key_checking": "False",
            "stdout_callback": "default",
            "nocows": "True",
            "timeout": "30",
        },
        "ssh_connection": {"control_path_dir": str(masters(directory))},
    }
    configuration = configparser.ConfigParser(interpolation=None)
    configuration.read_dict(shared)
    for section, values in contender.settings.items():
        for key, value in values.items():
            configuration[section][key] = value.replace("{mitogen}", environment.mitogen_strategies)
    path = directory / "ansible.cfg"
    with open(path, "w") as file:
        configuration.write(file)
    return path


def write_inventory(directory: Path, port: int, server: Server, data: Data) -> None:
    """Write the inventory of one run: the groups `one` and `many`, all behind the proxy's port."""
    hosts = {
        f"target{number:02}": {"ansible_host": address}
        for number, address in enumerate(ADDRESSES, 1)
    }
    inventory = {
        "all": {
            "hosts": hosts,
            "vars": {
                "ansible_port": port,
                "ansible_ssh_private_key_file": str(server.key),
                "ansible_python_interpreter": play_list.TARGET_PYTHON,
                "ansible_ssh_common_args": SSH_COMMON_ARGS,
                "large_file": str(data.large),
                "small_files": str(data.small),
                **server.target.variables(),
            },
            "children": {
                "one": {"hosts": {next(iter(hosts)): {}}},
                "many": {"hosts": {name: {} for name in hosts}},
            },
        }
    }
    (directory / "inventory.json").write_text(json.dumps(inventory, indent=1))


def masters(directory: Path) -> Path:
    """Where ssh masters have their sockets: short, as the path of a socket may not be long."""
    return directory / "cp"
