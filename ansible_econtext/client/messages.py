"""Every request of a worker to the broker, and every reply.  No I/O.

A worker is ansible-playbook, a fork of it, or the command `ansible-econtext`.  Each request has
one reply, of a kind in REPLIES or a failure; a request that is sent under the number 0 has none.

No version travels, as both ends run the same files: the stamps of these are part of the name of
the directory where the ends meet (`endpoint._protocol_version`).  The command `ansible-econtext`
alone comes to brokers of other versions, and passes over one that it does not understand.
"""

import enum
from typing import Any

from ansible_econtext.client import record
from ansible_econtext.client.record import Record
from ansible_econtext.client.route import Route

#: Bytes of one request or reply: a large module with its arguments, or its output.
LIMIT = 512 * 1024 * 1024

#: Stands for any account of a host but root's and those of the route, and, if the host is this
#: machine, for any account in a container of it.  No account has this name.
ALL_ACCOUNTS = "*"


class Request(Record):
    """Base of requests."""


class Action(Record):
    """Base of what work asks of a slave."""


class Reply(Record):
    """Base of replies."""


# Actions


class SSHAccount(Record):
    """Account of a host, to which emulated ssh leads if its arguments say so."""

    host: str
    #: Empty, 0 and empty if they are left to ssh's configuration.
    user: str
    port: int
    identity: str
    #: The connection's own options, which say nothing that is not known.
    options: list[str]
    #: Begin of its commands, and what the account has in place of that.
    prefix: str
    instead: str
    route: Route


class Module(Action):
    """Run a module from its payload, which the broker keeps by its identity."""

    name: str
    identity: bytes
    #: The module's arguments as JSON.
    parameters: bytes
    profile: str | None
    open_files: int
    interpreter: str
    environment: dict[str, str]
    directory: str | None
    #: Where modules make their temporary files.
    remote_tmp: str
    #: Whether it leaves nothing behind in its process, which further runs may then have.
    may_run_warm: bool
    #: The payload's files, once the broker has asked for them.
    archive: bytes | None = None
    #: TERM for the terminal that it is to have, maybe empty; None for no terminal.
    terminal: str | None = None
    #: Where the ssh leads that its programs find on PATH; the first one that fits counts.
    ssh: list[SSHAccount] = []


class ProgramFile(Record):
    """File of a program; `word` stands for its path in the command."""

    word: str
    name: str
    content: bytes
    #: Whether the slave is to keep it: a module comes again, its arguments do not.
    is_kept: bool


class Program(Action):
    """Run a module that is a program of its own."""

    name: str
    shell: str
    environment: str
    command: str
    files: list[ProgramFile]
    input: bytes
    directory: str | None
    #: Where its files are made, in a directory called `temporary`, if they have to be.
    remote_tmp: str
    temporary: str
    #: As of a module.
    terminal: str | None = None


class Command(Action):
    """Run a command without input."""

    argv: list[str]


class Operations(Action):
    """Do the deferred operations alone."""


class Exists(Action):
    """Tell whether a path exists."""

    path: str


class Expand(Action):
    """Expand a path that begins with a tilde."""

    path: str


class Put(Action):
    """Upload a file that is too large to be a deferred operation."""

    local: str
    remote: str
    mode: int


class Fetch(Action):
    """Download a file into an existing one, which the broker removes if the worker goes."""

    remote: str
    local: str


#: A function of `target/file_operations.py` by its name, and its arguments.
Operation = tuple[Any, ...]

# Requests


class Work(Request):
    """Do the deferred operations, then the action, on the slave at the end of the route."""

    route: Route
    deferred: list[Operation]
    action: Action
    #: Whether it belongs to the sequence of its connection: it begins after the one before.
    in_sequence: bool = False
    #: An account that the action may change, whose idle slaves end first; or ALL_ACCOUNTS.
    changes: str = ""


class Prepare(Request):
    """Start the slave at the end of the route ahead of the first work for it."""

    route: Route


class Reset(Request):
    """End all slaves of the route's host when they are idle."""

    route: Route


class Register(Request):
    """Serve the run of this process number until it ends."""

    run: int


class Leave(Request):
    """Remove what is left of the run on all hosts, then reply."""


class End(Request):
    """End the broker.  The end of the connection is the reply."""


class Alive(Request):
    """Reply, as a sign of life, and do nothing else."""


class Waits(Request):
    """Note that another broker of the user, in the directory of this name, waits for a run."""

    name: str


class Status(Request):
    """Tell which runs and slaves there are."""


# Replies


class Done(Reply):
    """Notice that the request was carried out."""


class Ended(Reply):
    """Output of a module, program or command that ended by itself."""

    status: int
    stdout: bytes
    stderr: bytes
    #: Whether a warm process ran it.
    was_warm: bool = False


class Died(Reply):
    """Output of a module or program whose process died; a signal is minus the `status`."""

    status: int
    text: str
    stdout: bytes
    stderr: bytes


class PayloadWanted(Reply):
    """Notice that nothing was done for lack of the payload: send the request again with it."""


class NotBegun(Reply):
    """Notice that the broker did nothing: send the request again, by itself.

    Each later request of the sequence has this reply too.
    """


class Existence(Reply):
    """Whether a path exists."""

    exists: bool


class Expanded(Reply):
    """Path without a tilde."""

    path: str


class Fetched(Reply):
    """Notice that a file came as a whole; `mode` are its permission bits on the host."""

    mode: int


class SlaveStatus(Record):
    """State of one slave."""

    name: str
    user: str
    python: str
    process: int
    #: The requests that use it now, and the seconds since it was last known to run.
    requests: int
    idle: float


class BrokerStatus(Reply):
    """State of the broker: the process numbers of its runs, and its slaves."""

    process: int
    runs: list[int]
    #: Seconds that it stays after its last run.
    persist: float
    #: Seconds since its last run; None while it has one.
    idle: float | None
    slaves: list[SlaveStatus]


class FailureCode(str, enum.Enum):
    """Reason why work failed."""

    #: A file operation failed, on the target or on the controller.
    OPERATION = "operation"
    #: The function that was called on the target raised, or its process died.
    CALL = "call"
    #: The slave or the connection to it ended, or the broker met an error of its own.
    LOST = "lost"
    # No slave was started:
    PASSWORD_MISSING = "password missing"
    PASSWORD_REFUSED = "password refused"
    TIMEOUT = "timeout"
    NOT_STARTED = "not started"
    #: The command that was to start it could not be run itself.
    NOT_RUN = "not run"


class Failed(Reply):
    """Failure of a request."""

    code: FailureCode
    text: str


class NotReached(Reply):
    """Failure to start the slave at hop number `hop` of the route; nothing was done."""

    code: FailureCode
    text: str
    hop: int
    hop_kind: str
    #: The exit status of the command that was to start it; None if the broker ended it.
    status: int | None
    stderr: str
    #: The limit in seconds, if it was exceeded.
    seconds: float | None


#: Replies to each request that was carried out; work is listed by its action.
REPLIES: dict[type[Record], tuple[type[Record], ...]] = {
    Module: (Ended, Died),
    Program: (Ended, Died),
    Command: (Ended,),
    Operations: (Done,),
    Exists: (Existence,),
    Expand: (Expanded,),
    Put: (Done,),
    Fetch: (Fetched,),
    Prepare: (),
    Reset: (Done,),
    Register: (Done,),
    Leave: (Done,),
    End: (),
    Alive: (Done,),
    Waits: (),
    Status: (BrokerStatus,),
}


def replies_to(request: Request) -> tuple[type[Record], ...]:
    """Return all kinds of replies that a request may have, failures included."""
    if not isinstance(request, Work):
        return (*REPLIES[type(request)], Failed)
    action = request.action
    wanted = (PayloadWanted,) if isinstance(action, Module) and action.archive is None else ()
    not_begun = (NotBegun,) if request.in_sequence else ()
    return (*REPLIES[type(action)], Failed, NotReached, *wanted, *not_begun)


_REQUESTS = record.kinds_of(Request)
_REPLIES = record.kinds_of(Reply)

#: Return a message's bytes; raises codec.EncodeError.
encode = record.encode


def decode_request(data: bytes) -> Request:
    """Return the request in `data`; raises RecordError."""
    return record.decode(data, _REQUESTS)


def decode_reply(data: bytes, kinds: tuple[type[Record], ...]) -> Reply:
    """Return the reply in `data`, which is to be of one of these kinds; raises RecordError."""
    reply = record.decode(data, _REPLIES)
    if not isinstance(reply, kinds):
        raise record.RecordError(f"a reply of the wrong kind, {type(reply).__name__}")
    return reply
