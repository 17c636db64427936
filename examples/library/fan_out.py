"""Ask many hosts at once how full a file system is, and show how many have answered.

fan_out.py [-F SSH_CONFIG] HOST...
"""

import argparse
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed

import econtext


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("-F", dest="config", help="a configuration file of ssh")
    parser.add_argument("hosts", nargs="+")
    given = parser.parse_args()
    ssh_args = ["-F", given.config] if given.config else []
    with econtext.Router() as router, ThreadPoolExecutor(20) as pool:

        def used(host: str) -> str:
            context = router.ssh(host, ssh_args=ssh_args)
            total, taken, _ = context.call(shutil.disk_usage, "/")
            return f"{taken / total:4.0%}"

        asked = {pool.submit(used, host): host for host in given.hosts}
        for number, _ in enumerate(as_completed(asked), 1):
            bar = "#" * (30 * number // len(asked))
            print(f"\r[{bar:30}] {number}/{len(asked)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    for future, host in asked.items():
        try:
            print(f"{host:30} {future.result()}")
        except econtext.EcontextError as error:
            print(f"{host:30} {error}")


if __name__ == "__main__":
    main()
