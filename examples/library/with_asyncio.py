"""Wait in an asynchronous program for calls on many hosts, each with a limit.

with_asyncio.py [-F SSH_CONFIG] HOST...
"""

import argparse
import asyncio
import os

import econtext


async def load_of(router: econtext.Router, host: str, ssh_args: list[str]) -> str:
    context = await asyncio.to_thread(router.ssh, host, ssh_args=ssh_args)
    one, *_ = await asyncio.wrap_future(context.start(os.getloadavg))
    return f"{one:.2f}"


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("-F", dest="config", help="a configuration file of ssh")
    parser.add_argument("hosts", nargs="+")
    given = parser.parse_args()
    ssh_args = ["-F", given.config] if given.config else []
    with econtext.Router() as router:
        waits = [asyncio.wait_for(load_of(router, host, ssh_args), 30) for host in given.hosts]
        loads = await asyncio.gather(*waits, return_exceptions=True)
    for host, load in zip(given.hosts, loads, strict=True):
        print(f"{host}: {str(load) or 'no answer'}")


if __name__ == "__main__":
    asyncio.run(main())
