"""The way to the target: one proxy process, started for one run and ended after it."""

import json
import subprocess
import sys
from pathlib import Path

PROXY = Path(__file__).parent / "proxy.py"


class Link:
    """A proxy process with a round-trip time; knows its port, and at the end its counts.

    With `same_address` a connection goes on to the address that it came to, else to 127.0.0.1.
    """

    def __init__(
        self,
        target_port: int,
        round_trip: float,
        addresses: list[str],
        same_address: bool = False,
    ) -> None:
        self.counts: dict = {}
        self.process = subprocess.Popen(
            [
                sys.executable,
                str(PROXY),
                f"--listen={','.join(addresses)}",
                f"--target-address={'' if same_address else '127.0.0.1'}",
                f"--target-port={target_port}",
                f"--rtt={round_trip}",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the proxy did not start")
        self.port = int(line)

    def count(self) -> dict:
        """What the proxy has seen until now."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def __enter__(self) -> "Link":
        return self

    def __exit__(self, *error) -> None:
        """End the proxy, and with it every connection that is still open."""
        output, _ = self.process.communicate()
        if output:
            self.counts = json.loads(output)
