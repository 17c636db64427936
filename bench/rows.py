"""What is asked of econtext: the rows of the table, and the curves of the plot.

Nothing of it is measured here. A row where `warm` is not said is measured cold.
"""

from dataclasses import dataclass

#: How a row's measured value comes from the figures of its two sides in one round.
RATIO = "ratio"
DIFFERENCE = "difference"
ALONE = "alone"

#: Fewer rounds than these are not enough for a verdict that may be published.
ROUNDS_ASKED = 5


@dataclass(frozen=True)
class Side:
    """One of those that are compared: who does which play, and which figure of it counts."""

    contender: str
    play: str
    figure: str = "wall"
    warm: bool = False


@dataclass(frozen=True)
class Row:
    """A line of the table; `against` is for people, `peer` is who is measured."""

    name: str
    work: str
    against: str
    at_most: float
    ours: Side
    peer: Side | None
    round_trip: float = 0
    how: str = RATIO
    #: Of the asked and the measured value, and how much of the figure makes one of it.
    unit: str = ""
    scale: float = 1
    #: The row whose runs are looked at, where it is not measured by itself.
    runs_of: str = ""

    @property
    def sides(self) -> list[Side]:
        return [self.ours] + ([self.peer] if self.peer else [])


@dataclass(frozen=True)
class Curve:
    """What is measured for one round-trip time of the plot."""

    name: str
    round_trip: float
    sides: list[Side]


def against(
    name: str,
    work: str,
    peer: str,
    at_most: float,
    play: str,
    round_trip: float = 0,
    warm: bool = False,
    figure: str = "wall",
    runs_of: str = "",
) -> Row:
    """The usual row: the same play, measured the same way, under econtext and under a peer."""
    ours, theirs = (Side(who, play, figure, warm) for who in ("econtext", peer))
    return Row(name, work, TITLES[peer], at_most, ours, theirs, round_trip, runs_of=runs_of)


TITLES = {
    "stock": "stock linear",
    "pipelining": "pipelining",
    "mitogen": "Mitogen",
    "pyinfra": "pyinfra",
    "scp": "scp",
    "econtext": "econtext",
}

ROWS = [
    against("ping-0ms", "50 pings at 0 ms", "mitogen", 0.45, "ping"),
    against("loop-0ms", "loop of 100 at 0 ms", "mitogen", 0.45, "command_loop"),
    against("mixed-0ms", "50 mixed tasks at 0 ms", "mitogen", 0.45, "mixed"),
    against("shell", "50 shell commands", "pyinfra", 0.50, "shell"),
    against("ping-50ms", "50 pings at 50 ms", "mitogen", 0.75, "ping", 50),
    against("loop-50ms", "loop of 100 at 50 ms", "mitogen", 0.30, "command_loop", 50),
    against("hosts-cold", "20 hosts by 10 pings, cold", "mitogen", 0.65, "hosts_ping"),
    against("hosts-warm", "20 hosts by 10 pings, warm", "mitogen", 0.40, "hosts_ping", warm=True),
    against("debug", "CPU for 1,000 debug host-tasks", "stock", 0.40, "debug", figure="cpu"),
    against("facts-cold", "gathering facts, cold", "pipelining", 1.0, "one_facts"),
    against("facts-warm", "gathering facts, warm", "pipelining", 0.7, "one_facts", warm=True),
    Row(
        "first-result",
        "second run: first result",
        "an empty play",
        0.15,
        Side("econtext", "ping", "first_result", warm=True),
        Side("stock", "empty", "through"),
        how=DIFFERENCE,
        unit="s",
    ),
    against("copy-play", "copy of 200 MB, whole play", "mitogen", 0.4, "copy_large"),
    Row(
        "copy-transfer",
        "copy of 200 MB, transfer",
        "scp, same connection",
        1.25,
        Side("econtext", "copy_large", "transfer"),
        Side("scp", "copy_large"),
    ),
    against("small-files", "1,000 small files by copy", "mitogen", 0.6, "small_files"),
    Row(
        "bytes-cold",
        "bytes up for 50 pings, cold",
        "",
        110,
        Side("econtext", "ping", "sent"),
        None,
        how=ALONE,
        unit="KB",
        scale=1000,
    ),
    Row(
        "bytes-warm",
        "bytes up for 50 pings, warm",
        "",
        15,
        Side("econtext", "ping", "sent", warm=True),
        None,
        how=ALONE,
        unit="KB",
        scale=1000,
    ),
    against("memory", "memory on a target, unique set", "mitogen", 0.8, "idle", figure="memory"),
    # The unique set leaves out what a slave and its spare share, since each has it from the other.
    against(
        "memory-shared",
        "the same, and what they share",
        "mitogen",
        0.8,
        "idle",
        figure="memory_proportional",
        runs_of="memory",
    ),
    against("single-0ms", "one ansible -m ping at 0 ms", "pipelining", 1.0, "single"),
    against("single-10ms", "one ansible -m ping at 10 ms", "pipelining", 1.0, "single", 10),
    against("single-50ms", "one ansible -m ping at 50 ms", "pipelining", 1.0, "single", 50),
]

#: Who is on the plot, in the order of the legend.
ON_THE_PLOT = [
    Side("stock", "ping"),
    Side("pipelining", "ping"),
    Side("mitogen", "ping"),
    Side("econtext", "ping"),
    Side("econtext", "ping", warm=True),
]

CURVES = [Curve(f"plot-{number}ms", number, ON_THE_PLOT) for number in (0, 10, 25, 50)]


def chosen(names: str | None) -> list[Row | Curve]:
    """The rows and curves of these names, separated by commas; `ping` is all `ping-...` too.

    Raises ValueError for a name that fits nothing.
    """
    known: list[Row | Curve] = [*ROWS, *CURVES]
    if not names:
        return known
    found: list[Row | Curve] = []
    for name in names.split(","):
        fitting = [row for row in known if row.name == name or row.name.startswith(f"{name}-")]
        if not fitting:
            every = ", ".join(row.name for row in known)
            raise ValueError(f"unknown row: {name}; known: {every}")
        of_others = {row.runs_of for row in fitting if isinstance(row, Row)}
        fitting += [row for row in known if row.name in of_others and row not in fitting]
        found += [row for row in fitting if row not in found]
    return found
