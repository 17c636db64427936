"""A TCP proxy that adds a round-trip time to a connection, and does not limit its throughput.

Every chunk gets a time when it is read, waits in the queue of its direction, and is passed on half
a round trip later. Reading goes on meanwhile, so a long way is slow to answer but not narrow.
Opening a connection takes as long as over a real line of that length, too.

It listens on one port of one or more addresses, prints that port, and serves until its standard
input ends. For each line of input, and at the end, it prints how many connections and bytes it has
seen, as JSON. It may be run alone, and knows nothing of what it carries.
"""

import argparse
import asyncio
import collections
import json
import selectors
import socket
import sys

# What one direction may hold: enough for a gigabyte a second over a round trip of 250 ms.
HELD_BYTES = 128 * 1024 * 1024

END = b""


class Direction:
    """One way of one connection: holds each chunk until its time has come."""

    def __init__(self, loop, delay: float) -> None:
        self.loop = loop
        self.delay = delay
        self.waiting: collections.deque[tuple[float, bytes]] = collections.deque()
        self.held = 0
        self.passed = 0
        self.timer = None
        self.source = None
        self.destination = None
        self.destination_full = False

    def arrived(self, chunk: bytes) -> None:
        """Take a chunk that was read just now; END is the end of the stream."""
        self.waiting.append((self.loop.time() + self.delay, chunk))
        self.held += len(chunk)
        self.deliver()

    def deliver(self) -> None:
        """Pass on what is due, and come back when the next chunk is."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        if self.destination is None:
            return  # not connected yet: whoever connects calls again
        while self.waiting and self.waiting[0][0] <= self.loop.time():
            _, chunk = self.waiting.popleft()
            self.held -= len(chunk)
            self.passed += len(chunk)
            if self.destination.is_closing():
                continue
            if chunk is END:
                self.end_destination()
            else:
                self.destination.write(chunk)
        if self.waiting:
            self.timer = self.loop.call_at(self.waiting[0][0], self.deliver)
        self.regulate()

    def end_destination(self) -> None:
        try:
            self.destination.write_eof()
        except OSError:
            self.destination.close()  # the other side has gone, and nobody has told us yet

    def regulate(self) -> None:
        """Stop reading when too much is held, and go on when it is not."""
        if self.source is None or self.source.is_closing():
            return
        if self.destination_full or self.held > HELD_BYTES:
            self.source.pause_reading()
        else:
            self.source.resume_reading()

    def lost(self) -> None:
        """The source is gone altogether: so shall the destination be, as late as its last bytes."""
        self.loop.call_later(self.delay, self.close_destination)

    def close_destination(self) -> None:
        self.deliver()
        if self.destination is not None:
            self.destination.close()


class End(asyncio.Protocol):
    """One end of a connection: what it reads goes out, what comes in is written by `incoming`."""

    def __init__(self, outgoing: Direction, incoming: Direction) -> None:
        self.outgoing = outgoing
        self.incoming = incoming

    def connection_made(self, transport) -> None:
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport.set_write_buffer_limits(high=HELD_BYTES)
        self.outgoing.source = transport
        self.incoming.destination = transport
        self.incoming.deliver()

    def data_received(self, data: bytes) -> None:
        self.outgoing.arrived(data)

    def eof_received(self) -> bool:
        self.outgoing.arrived(END)
        return True  # the other direction stays open

    def connection_lost(self, error) -> None:
        self.outgoing.lost()

    def pause_writing(self) -> None:
        self.incoming.destination_full = True
        self.incoming.regulate()

    def resume_writing(self) -> None:
        self.incoming.destination_full = False
        self.incoming.regulate()


class ClientEnd(End):
    """The end that came to us: it opens the other end, after the time that takes."""

    def __init__(self, proxy: "Proxy") -> None:
        self.proxy = proxy
        super().__init__(Direction(proxy.loop, proxy.delay), Direction(proxy.loop, proxy.delay))

    def connection_made(self, transport) -> None:
        super().connection_made(transport)
        self.proxy.connections.append(self)
        # A real client could not send before one round trip (there and back of the first packets),
        # and a real server would not see the connection before half a round trip more.
        transport.pause_reading()
        self.proxy.loop.call_later(2 * self.proxy.delay, self.outgoing.regulate)
        self.proxy.loop.call_later(3 * self.proxy.delay, self.start_other_end)

    def start_other_end(self) -> None:
        self.opening = self.proxy.loop.create_task(self.open_other_end())

    async def open_other_end(self) -> None:
        address, port = self.proxy.target
        target = (address or self.outgoing.source.get_extra_info("sockname")[0], port)
        try:
            await self.proxy.loop.create_connection(
                lambda: End(self.incoming, self.outgoing), *target
            )
        except OSError as error:
            print(f"proxy: {target}: {error}", file=sys.stderr)
            self.incoming.close_destination()


class Proxy:
    """The listening end, and the sums over all connections."""

    def __init__(self, loop, target: tuple[str, int], round_trip: float) -> None:
        self.loop = loop
        self.target = target
        self.delay = round_trip / 2
        self.connections: list[ClientEnd] = []

    async def listen(self, addresses: list[str]) -> int:
        """Listen on the same free port of all addresses, and return it."""
        for _ in range(100):
            first = await self.loop.create_server(lambda: ClientEnd(self), addresses[0], 0)
            port = first.sockets[0].getsockname()[1]
            try:
                if addresses[1:]:
                    await self.loop.create_server(lambda: ClientEnd(self), addresses[1:], port)
                return port
            except OSError:
                first.close()  # somebody has this port on another address
        raise OSError("no port is free on all addresses")

    def counts(self) -> dict:
        return {
            "connections": len(self.connections),
            "sent": sum(end.outgoing.passed for end in self.connections),
            "received": sum(end.incoming.passed for end in self.connections),
        }


async def serve(options) -> None:
    loop = asyncio.get_running_loop()
    proxy = Proxy(loop, (options.target_address, options.target_port), options.rtt / 1000)
    print(await proxy.listen(options.listen.split(",")), flush=True)
    ended = loop.create_future()

    def read_input() -> None:
        lines = sys.stdin.buffer.read1(1024)
        for _ in range(lines.count(b"\n")):
            print(json.dumps(proxy.counts()), flush=True)
        if not lines:
            loop.remove_reader(sys.stdin)
            ended.set_result(None)

    loop.add_reader(sys.stdin, read_input)
    await ended
    print(json.dumps(proxy.counts()), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="A TCP proxy that adds a round-trip time.")
    parser.add_argument("--listen", default="127.0.0.1", help="addresses, separated by commas")
    parser.add_argument(
        "--target-address", default="127.0.0.1", help="empty: the address that was connected to"
    )
    parser.add_argument("--target-port", type=int, required=True)
    parser.add_argument("--rtt", type=float, default=0.0, help="round-trip time in milliseconds")
    # select() knows microseconds; the usual poller rounds every delay up to a whole millisecond.
    loop = asyncio.SelectorEventLoop(selectors.SelectSelector())
    loop.run_until_complete(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
