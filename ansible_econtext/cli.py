"""The command `ansible-econtext`: looks at the brokers that outlive a run, and ends them."""

import argparse
import io
import sys
from collections.abc import Callable

from ansible.errors import AnsibleError

from ansible_econtext.client import client, connector, endpoint, messages
from econtext.controller.printable import printable


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(
        prog="ansible-econtext",
        description="Brokers and slaves that stay for the next run of Ansible.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("status", help="list them")
    commands.add_parser("stop", help="end them; a run that uses one fails")
    chosen = parser.parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a host's names may be in another alphabet
            stream.reconfigure(errors="replace")
    try:
        return {"status": status, "stop": stop}[chosen.command]()
    except (AnsibleError, OSError) as error:
        print(f"ansible-econtext: {error}", file=sys.stderr)
        return 1


def status() -> int:
    def show(found: client.Client) -> None:
        print("\n".join(_lines(found.status())))

    shown, failed = _each(show)
    if not shown and not failed:
        print("No broker is running.")
    return int(failed > 0)


def stop() -> int:
    def end(found: client.Client) -> None:
        found.end_broker()
        found.wait_for_end()

    ended, failed = _each(end)
    print(f"{ended} broker{'' if ended == 1 else 's'} ended.")
    return int(failed > 0)


def _each(do: Callable[[client.Client], None]) -> tuple[int, int]:
    """Call a function with each broker; tell which fail, and return how many do not and do."""
    succeeded = failed = 0
    home = endpoint.home_directory()
    for directory in sorted(home.iterdir()) if home.is_dir() else ():
        try:
            found = connector.connect_if_running(str(directory))
            if found is not None:
                do(found)
                succeeded += 1
        except (client.BrokerGone, OSError) as error:
            failed += 1
            said = printable(str(error))
            print(f"ansible-econtext: the broker in {directory}: {said}", file=sys.stderr)
    return succeeded, failed


def _lines(broker: messages.BrokerStatus) -> list[str]:
    """Return a broker's status as lines of text."""
    if broker.idle is None:
        state = "serves the runs " + ", ".join(map(str, broker.runs))
    else:
        left = max(0.0, broker.persist - broker.idle)
        state = f"waits for a run, for another {left:.0f} s"
    lines = [f"broker {broker.process}: {state}"]
    for slave in broker.slaves:
        use = f"{slave.requests} at work" if slave.requests else f"idle {slave.idle:.0f} s"
        what = f"{slave.name}: process {slave.process} of {slave.user}, {slave.python}"
        lines.append(f"  {printable(what, '')}, {use}")
    return lines


if __name__ == "__main__":
    sys.exit(main())
