"""Checks the proxy by measuring it: answers in time, full throughput, right counts."""

import contextlib
import socket
import statistics
import threading
import time

from bench.link import Link

ROUND_TRIPS = (0, 10, 50)
PINGS = 40
CHUNK = bytes(256 * 1024)
CHUNKS = 800
# What the proxy and a busy machine may add to an answer.
SLACK = 3.0


def serve(listener: socket.socket) -> None:
    """Answer every line by the same line, until a line `count`: then count all that follows."""
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection, contextlib.suppress(OSError):
            while (data := connection.recv(1024)) != b"count\n":
                if not data:
                    break
                connection.sendall(data)
            else:
                total = 0
                while data := connection.recv(len(CHUNK)):
                    total += len(data)
                connection.sendall(b"%d\n" % total)


def connect(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def ping(connection: socket.socket) -> float:
    """The milliseconds that one question and its answer take."""
    started = time.perf_counter()
    connection.sendall(b"ping\n")
    if connection.recv(1024) != b"ping\n":
        raise RuntimeError("the proxy changed the bytes")
    return (time.perf_counter() - started) * 1000


def check(target_port: int, round_trip: float) -> bool:
    """Measure the proxy at one round-trip time, and print what was found."""
    sent = len(CHUNK) * CHUNKS
    with Link(target_port, round_trip, ["127.0.0.1"]) as link:
        started = time.perf_counter()
        with connect(link.port) as connection:
            ping(connection)
            opening = (time.perf_counter() - started) * 1000
            times = [ping(connection) for _ in range(PINGS)]
            connection.sendall(b"count\n")
            time.sleep(round_trip / 1000 + 0.1)  # so that `count` arrives alone
            started = time.perf_counter()
            for _ in range(CHUNKS):
                connection.sendall(CHUNK)
            connection.shutdown(socket.SHUT_WR)
            counted = int(connection.recv(1024))
            seconds = time.perf_counter() - started
    median = statistics.median(times)
    print(
        f"{round_trip:3} ms: first answer of a new connection {opening:6.2f} ms, answer "
        f"{median:6.2f} ms (from {min(times):.2f} to {max(times):.2f}), "
        f"{sent / seconds / 1e6:5.0f} MB/s, counted {link.counts}"
    )
    right_counts = {
        "connections": 1,
        "sent": sent + 5 * (PINGS + 1) + 6,
        "received": 5 * (PINGS + 1) + len(f"{sent}\n"),
    }
    return (
        counted == sent
        and link.counts == right_counts
        and round_trip <= min(times)
        and median <= round_trip + SLACK
        and 2 * round_trip <= opening <= 2 * round_trip + 3 * SLACK
        # A proxy that let one chunk through per round trip would need seconds for each megabyte.
        and seconds < 5 + round_trip / 1000
    )


def main() -> int:
    """Check all round-trip times; the exit status tells whether all was well."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        port = listener.getsockname()[1]
        checks = [check(port, round_trip) for round_trip in ROUND_TRIPS]
    good = all(checks)
    print("The proxy is right." if good else "The proxy is WRONG.")
    return 0 if good else 1
