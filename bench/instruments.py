"""What is read after a run from the notes that were taken during it."""

import json

#: The figures of a run that an instrument takes: without them it is not known what it took.
OF_INSTRUMENTS = ("first_result", "through", "transfer", "memory")


def read(run, place, started: float | None) -> None:
    """Add to a run what its marks and its trace say, as far as there are any."""
    if place.marks.exists() and started is not None:
        noted = dict(line.split() for line in place.marks.read_text().splitlines())
        for name in ("first_result", "through"):
            if name in noted:
                setattr(run, name, float(noted[name]) - started)
    if place.trace.exists():
        run.transfer = transfer_seconds(place.trace.read_text())


def transfer_seconds(trace: str) -> float:
    """From the broker's trace: the seconds of all requests that sent a file, reply included."""
    notes = [json.loads(line) for line in trace.splitlines()]
    return sum(note["seconds"] for note in notes if note["action"] == "Put")


def missing(run, figure: str) -> str:
    """Why a run does not count whose wanted figure was not taken; empty when it was."""
    if figure in OF_INSTRUMENTS and not getattr(run, figure):
        return f"nothing was noted of {figure}"
    return ""
