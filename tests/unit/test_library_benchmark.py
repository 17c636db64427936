"""The library's benchmark: from figures to verdicts, and the package that it makes."""

import dataclasses
import subprocess
import sys

from bench import library_rows, library_turn
from bench.library_peers import CONTENDERS, ISOLATED, OWN_LOOP, SESSION, Place
from bench.library_rows import ROWS, Row, Run
from bench.library_turn import Turn

TIME = Row("time", "time", 1e-3, 1)
RATE = Row("rate", "rate", is_rate=True)


def runs(row: Row, **figures: list[float]) -> list[Run]:
    """Return runs of the session (`ours`), Mitogen and execnet's loop, a figure for each round."""
    names = {"ours": SESSION, "mitogen": "mitogen", "loop": OWN_LOOP}
    return [
        Run(names[name], 0.0, 1, number, {row.name: value})
        for name, values in figures.items()
        for number, value in enumerate(values)
    ]


def test_the_ratio_is_that_of_costs():
    verdict = library_rows.judge(TIME, runs(TIME, ours=[2.0], mitogen=[4.0]))
    assert (verdict.measured, verdict.text) == (0.5, "met")
    verdict = library_rows.judge(RATE, runs(RATE, ours=[2.0], mitogen=[4.0]))
    assert (verdict.measured, verdict.text) == (2.0, "missed")


def test_the_better_peer_counts():
    found = runs(RATE, ours=[5.0], mitogen=[4.0], loop=[10.0])
    assert library_rows.judge(RATE, found).peer == OWN_LOOP
    assert library_rows.judge(RATE, found, [OWN_LOOP]).peer == "mitogen"
    assert library_rows.said(RATE, found) == "2.00 missed (execnet, own loop; 0.80 mitogen)"
    found = runs(TIME, ours=[5.0], mitogen=[4.0], loop=[10.0])
    assert library_rows.said(TIME, found) == "1.25 missed (mitogen)"


def test_rounds_are_compared_with_themselves():
    # Ratios 0.5, 0.5, 2: the ratio of the medians would be another one, 4 / 2.
    found = runs(TIME, ours=[1.0, 8.0, 4.0], mitogen=[2.0, 16.0, 2.0])
    assert library_rows.judge(TIME, found).measured == 0.5


def test_a_failure_of_the_session_fails_the_row():
    found = [*runs(TIME, ours=[1.0], mitogen=[2.0]), Run(SESSION, 0.0, 1, 1, {}, "status 1")]
    assert library_rows.judge(TIME, found).text == "failed"


def test_what_is_missing_is_not_judged():
    assert library_rows.judge(TIME, []).text == "not measured"
    assert library_rows.judge(TIME, runs(TIME, ours=[1.0])).text == "not measured"
    assert library_rows.judge(TIME, runs(RATE, ours=[1.0], mitogen=[1.0])).text == "not measured"
    assert library_rows.judge_isolated([]).text == "not measured"


def test_an_isolated_call_is_judged_without_the_round_trip():
    found = [Run(ISOLATED, 20.0, 1, 0, {"p50": 0.0212})]
    assert library_rows.judge_isolated(found).text == "met"
    assert library_rows.judge_isolated([dataclasses.replace(found[0], ms=0.0)]).text == "missed"


def test_the_table_has_a_line_for_each_row():
    rows = [row for each in ROWS.values() for row in each]
    figures = {row.name: 1.0 for row in rows}
    found = [Run(name, 0.0, 1, 0, figures) for name in CONTENDERS]
    lines = library_rows.table(rows, list(CONTENDERS), found).splitlines()
    assert len(lines) == 2 + len(rows) + 1
    assert all("1.00 met" in line for line in lines[2:-1])


def test_a_turn_is_read_as_it_was_written():
    turn = Turn(SESSION, Place("python3", 3, 22, "me", "/key"), ("calls",), 0.5, 20.0, 7)
    assert Turn.from_json(turn.to_json()) == turn
    assert turn.place.hops == 2


def test_the_package_has_twenty_modules_of_the_asked_sizes(tmp_path):
    library_turn.write_package(tmp_path / "assorted")
    parts = list((tmp_path / "assorted").glob("part*.py"))
    sizes = [part.stat().st_size for part in parts]
    assert len(parts) == 20
    assert 300 <= min(sizes) and max(sizes) <= 9000
    ask = "from assorted import part01; print(part01.modules())"
    ran = subprocess.run(
        [sys.executable, "-c", ask], cwd=tmp_path, check=True, stdout=subprocess.PIPE
    )
    assert ran.stdout.strip() == b"20"
