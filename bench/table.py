"""What `--table` and `--report` do: measure rows, keep their results, make the document of them."""

import datetime
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from bench import document, environment, kept, machine
from bench.contenders import CHECKOUT, CONTENDERS, OTHERS, Contender
from bench.environment import Environment
from bench.kept import Kept
from bench.play_list import MORE_PLAYS, PLAYS, WARM_UP
from bench.rounds import Ground, Run
from bench.rows import Curve, Row, Side

DOCUMENT = CHECKOUT / "docs" / "benchmark.rst"
PLOT = CHECKOUT / "docs" / "benchmark.svg"

BY_NAME = {contender.name: contender for contender in [*CONTENDERS, *OTHERS]}
PLAY = {play.name: play for play in [*PLAYS, *MORE_PLAYS]}


def minor(version: str) -> str:
    """`2.19` of `2.19.14`."""
    return ".".join(re.findall(r"\d+", version)[:2])


def sides_taking_part(row: Row | Curve, prepared: Environment) -> list[Side]:
    """The sides of a row that can be measured with this environment."""
    return [side for side in row.sides if not BY_NAME[side.contender].missing(prepared)]


def measure(
    rows: list[Row | Curve],
    ground: Ground,
    rounds: int,
    versions: dict[str, str],
    progress: Callable[[Run], None],
) -> None:
    """Measure rows one after the other; each is kept as soon as it is done."""
    described = machine.describe()
    core = minor(ground.environment.ansible_core)
    warmed: set[str] = set()
    for row in rows:
        if isinstance(row, Row) and row.runs_of:
            continue
        sides = sides_taking_part(row, ground.environment)
        for side in sides:
            if side.contender not in warmed:
                warmed.add(side.contender)
                warm_up(BY_NAME[side.contender], side, ground)
        date = datetime.datetime.now().isoformat(timespec="seconds")
        runs = in_rounds(row, sides, ground, rounds, progress)
        kept.write(Kept(row.name, core, date, described, versions, runs))


def warm_up(contender: Contender, side: Side, ground: Ground) -> None:
    """An uncounted run, by which nobody is charged for compiling its own Python files."""
    play = WARM_UP if contender.program == "ansible" else PLAY[side.play]
    ground.run(contender, play, 0, 0)


def in_rounds(
    row: Row | Curve,
    sides: list[Side],
    ground: Ground,
    rounds: int,
    progress: Callable[[Run], None],
) -> list[Run]:
    """The runs of a row: in each round every side once, and another one goes first each time."""
    runs = []
    for number in range(1, rounds + 1):
        turn = (number - 1) % len(sides)
        for side in sides[turn:] + sides[:turn]:
            run = ground.run(
                BY_NAME[side.contender],
                PLAY[side.play],
                row.round_trip,
                number,
                side.warm,
                side.figure,
            )
            runs.append(run)
            progress(run)
    return runs


def pyinfra_if_needed(rows: list[Row | Curve], python: str) -> Path | None:
    """The environment of pyinfra, when a row wants it."""
    if any(side.contender == "pyinfra" for row in rows for side in row.sides):
        return environment.prepare_tool(python, "pyinfra")
    return None


def versions(prepared: Environment, pyinfra: Path | None) -> dict[str, str]:
    """What took part, by version; of this checkout the last commit, and whether it was changed."""
    found = {
        "ansible-core": prepared.ansible_core,
        "controller's Python": prepared.python,
        "Mitogen": prepared.mitogen,
        "econtext": commit(),
    }
    if pyinfra:
        found["pyinfra"] = json.loads((pyinfra / "ready.json").read_text())
    return found


def commit() -> str:
    command = ["git", "-C", str(CHECKOUT), "describe", "--always", "--dirty", "--exclude=*"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.stdout.strip()


def show(core: str, rows: list[Row | Curve]) -> str:
    """The table of the rows that are in question, from what is kept."""
    lines = [row for row in rows if isinstance(row, Row)]
    return f"ansible-core {core}\n\n{document.terminal(kept.read().get(core, {}), lines)}"


def report(python: str) -> None:
    """Make the generated part of the document, and the plot, from what is kept."""
    results = kept.read()
    text = document.generated(results, PLOT.name)
    DOCUMENT.write_text(document.replaced(DOCUMENT.read_text(), text))
    drawn = {core: document.curves(of_core) for core, of_core in results.items()}
    drawn = {core: curves for core, curves in drawn.items() if curves}
    if not drawn:
        PLOT.unlink(missing_ok=True)  # an older one would show what is not kept any more
        return
    tool = environment.prepare_tool(python, "matplotlib")
    command = [str(tool / "bin" / "python"), "-m", "bench.plot", str(PLOT)]
    subprocess.run(command, input=json.dumps(drawn), text=True, cwd=CHECKOUT, check=True)
