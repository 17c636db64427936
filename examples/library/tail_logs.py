"""Follow a log file on many hosts, each line behind its host's name, until Ctrl-C.

tail_logs.py [-F SSH_CONFIG] [-n LINES] PATH HOST...
"""

import argparse
import threading
import time
from collections.abc import Iterator

import econtext


def follow(path: str) -> Iterator[str]:
    """Yield what is appended to a file.  Runs on the target."""
    with open(path, errors="replace") as file:
        file.seek(0, 2)
        yield "(from here on)\n"
        while True:
            line = file.readline()
            if line:
                yield line
            else:
                time.sleep(0.2)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("-F", dest="config", help="a configuration file of ssh")
    parser.add_argument("-n", dest="lines", type=int, help="stop after so many lines of a host")
    parser.add_argument("path")
    parser.add_argument("hosts", nargs="+")
    given = parser.parse_args()
    ssh_args = ["-F", given.config] if given.config else []
    with econtext.Router() as router:

        def show(host: str) -> None:
            context = router.ssh(host, ssh_args=ssh_args)
            with context.stream(follow, given.path) as lines:
                for number, line in enumerate(lines):
                    print(f"{host}: {line}", end="", flush=True)
                    if number == given.lines:
                        break

        threads = [threading.Thread(target=show, args=[host], daemon=True) for host in given.hosts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
