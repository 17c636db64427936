"""Run a command as root on hosts behind a bastion, by one login to it.

    bastion.py [-F SSH_CONFIG] BASTION COMMAND HOST...

The keys for the hosts, and ssh's configuration for them, are the bastion's.
"""

import argparse
import subprocess
from concurrent.futures import ThreadPoolExecutor

import econtext


def run(command: str) -> tuple[int, str]:
    """Runs on the target."""
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("-F", dest="config", help="a configuration file of ssh")
    parser.add_argument("bastion")
    parser.add_argument("command")
    parser.add_argument("hosts", nargs="+")
    given = parser.parse_args()
    ssh_args = ["-F", given.config] if given.config else []
    with econtext.Router() as router, ThreadPoolExecutor(20) as pool:
        bastion = router.ssh(given.bastion, ssh_args=ssh_args)
        results = pool.map(
            lambda host: bastion.ssh(host, ssh_args=ssh_args).sudo().call(run, given.command),
            given.hosts,
        )
        for host, (status, output) in zip(given.hosts, results, strict=True):
            print(f"{host} ({status}): {output}", end="")


if __name__ == "__main__":
    main()
