"""Pack a directory of a host into an archive here; nothing is written there.

backup.py [-F SSH_CONFIG] HOST DIRECTORY ARCHIVE.tar.gz
"""

import argparse
import os
import subprocess
from collections.abc import Iterator

import econtext


def packed(directory: str, size: int = 1 << 18) -> Iterator[bytes]:
    """Yield the pieces of an archive.  Runs on the target, and waits there for its reader."""
    command = ["tar", "-czf", "-", "-C", directory, "."]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as tar:
        assert tar.stdout is not None
        while data := tar.stdout.read(size):
            yield data
    if tar.returncode != 0:
        raise OSError(f"{directory} was not packed as a whole")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("-F", dest="config", help="a configuration file of ssh")
    parser.add_argument("host")
    parser.add_argument("directory")
    parser.add_argument("archive")
    given = parser.parse_args()
    ssh_args = ["-F", given.config] if given.config else []
    with econtext.Router() as router:
        root = router.ssh(given.host, ssh_args=ssh_args).sudo()
        part = f"{given.archive}.part"
        try:
            with open(part, "xb") as file:
                for data in root.stream(packed, given.directory):
                    file.write(data)
            os.rename(part, given.archive)
        except BaseException:
            os.unlink(part)
            raise


if __name__ == "__main__":
    main()
