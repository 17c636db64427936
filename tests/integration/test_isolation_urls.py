"""Each host's own credentials, headers and agent, where a template asks a server for something."""

from __future__ import annotations

import base64
import http.server
import pathlib
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.scale import ALL, MANY_HOSTS

from . import own_plugins
from .own_plugins import ended, local_hosts

HOSTS = MANY_HOSTS
#: Requests of each host's task.
EACH = 25 if ALL else 3

URL = (
    "lookup('url', server ~ inventory_hostname, username=inventory_hostname, "
    "password='secret of ' ~ inventory_hostname, headers={'X-Host': inventory_hostname}, "
    "http_agent='agent of ' ~ inventory_hostname)"
)

#: To read those of the system, for each request anew, takes longer than all the rest.
NO_CERTIFICATES = {"SSL_CERT_FILE": "/no/such/file", "SSL_CERT_DIR": "/no/such/directory"}


class Server(http.server.ThreadingHTTPServer):
    """Asks for a name and a password, and records who asked for what."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        #: Path, name and password, header, agent of each request that came with credentials.
        self.asked: list[tuple[str, str, str | None, str | None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        given = self.headers.get("Authorization", "").removeprefix("Basic ")
        if not given:
            self._answer(401, b"who are you?")
            return
        agent, own = self.headers.get("User-Agent"), self.headers.get("X-Host")
        self.server.asked.append((self.path, base64.b64decode(given).decode(), own, agent))
        self._answer(200, self.path.encode())

    def _answer(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="test"')
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as made:
        thread = threading.Thread(target=made.serve_forever, daemon=True)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def test_each_request_has_the_credentials_of_its_own_host(
    server: Server, strategy: str, scratch: pathlib.Path
) -> None:
    """By a lookup in a loop, in a variable, and by the query of a loop."""
    shown = {"name": "shown", "debug": {"msg": f"{{{{ {URL} }}}}"}, "loop": list(range(EACH))}
    variable = shown | {"name": "variable", "debug": {"msg": "{{ answer }}"}}
    many = "{{ [answer] }}"
    lists = {"name": "lists", "debug": {"msg": "{{ item }}"}, "loop": many}
    running = own_plugins.start(
        [
            {
                "hosts": "all",
                "gather_facts": False,
                "vars": {"server": server.url, "answer": f"{{{{ {URL} }}}}"},
                "tasks": [shown, variable, lists],
            }
        ],
        directory=scratch / "run",
        strategy=strategy,
        hosts=local_hosts(HOSTS, scratch),
        plugins=["callback_plugins/slow_opener.py"],
        cfg={"forks": str(HOSTS)},
        env=NO_CERTIFICATES,
    )
    result = ended(running)
    assert result.rc == 0, str(result)
    assert len(server.asked) == HOSTS * (2 * EACH + 1)
    wrong = [each for each in server.asked if each != asked_by(each[0].removeprefix("/"))]
    assert not wrong
    answers = {(one.host, one.result["msg"]) for one in result.tasks if "item" in one.status}
    assert answers == {(host, f"/{host}") for host in local_hosts(HOSTS, scratch)}


def asked_by(host: str) -> tuple[str, str, str, str]:
    """The request that a host's task makes."""
    return (f"/{host}", f"{host}:secret of {host}", host, f"agent of {host}")
