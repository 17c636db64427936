"""The benchmark's table: from runs to verdicts, to what is kept, to the document."""

import pytest

from bench import document, instruments, kept, machine, memory, rows, verdicts
from bench.kept import Kept
from bench.rounds import Run
from bench.rows import ALONE, DIFFERENCE, ROWS, Row, Side


def run(contender: str, number: int, play: str = "ping", **figures: object) -> Run:
    return Run(contender, play, 0, number, **figures)  # type: ignore[arg-type]


def ratio(at_most: float) -> Row:
    return rows.against("some", "some work", "mitogen", at_most, "ping")


def results_of(row: Row, runs: list[Run], core: str = "2.19") -> document.Results:
    machine = {"processor": "Fast One"}
    return {core: {row.name: Kept(row.name, core, "2024-05-06T07:08:09", machine, {}, runs)}}


# Verdicts


def test_the_ratio_is_the_median_of_the_rounds_ratios():
    # Ratios 0.5, 0.1, 0.8: their mean is another one, and so is the ratio of the medians, 2 / 10.
    walls = [(1, 2.0, 4.0), (2, 1.0, 10.0), (3, 8.0, 10.0)]
    runs = [run("econtext", number, wall=ours) for number, ours, _ in walls]
    runs += [run("mitogen", number, wall=theirs) for number, _, theirs in walls]
    verdict = verdicts.judge(ratio(0.5), runs)
    assert (verdict.measured, verdict.least, verdict.most) == (0.5, 0.1, 0.8)
    assert (verdict.text, verdict.rounds) == ("met", 3)
    assert (verdict.ours, verdict.theirs) == (2.0, 10.0)


def test_more_than_asked_is_missed():
    runs = [run("econtext", 1, wall=5.1), run("mitogen", 1, wall=10.0)]
    assert verdicts.judge(ratio(0.5), runs).text == "missed"


def test_a_round_in_which_the_peer_failed_gives_nothing():
    runs = [run("econtext", 1, wall=1.0), run("mitogen", 1, wall=10.0, failure="exit status 2")]
    runs += [run("econtext", 2, wall=6.0), run("mitogen", 2, wall=10.0)]
    verdict = verdicts.judge(ratio(0.5), runs)
    assert (verdict.measured, verdict.rounds, verdict.text) == (0.6, 1, "missed")


def test_a_peer_that_never_ran_is_said_not_to_run():
    runs = [run("econtext", 1, wall=1.0), run("mitogen", 1, wall=2.0, failure="exit status 4")]
    assert verdicts.judge(ratio(0.5), runs).text == "Mitogen does not run"
    assert verdicts.judge(ratio(0.5), runs[:1]).text == "Mitogen does not run"


def test_one_failure_of_ours_fails_the_row():
    runs = [run("econtext", 1, wall=1.0), run("mitogen", 1, wall=9.0)]
    runs += [run("econtext", 2, failure="left other files"), run("mitogen", 2, wall=9.0)]
    verdict = verdicts.judge(ratio(0.5), runs)
    assert (verdict.text, verdict.measured) == ("failed", None)


def test_a_row_without_runs_is_not_measured():
    assert verdicts.judge(ratio(0.5), []).text == "not measured"
    assert verdicts.judge(ratio(0.5), [run("mitogen", 1, wall=1.0)]).text == "not measured"


def test_a_warm_run_is_no_cold_one():
    runs = [run("econtext", 1, wall=1.0, warm=True), run("mitogen", 1, wall=2.0, warm=True)]
    assert verdicts.judge(ratio(0.5), runs).text == "not measured"
    row = rows.against("some", "some work", "mitogen", 0.5, "ping", warm=True)
    assert verdicts.judge(row, runs).text == "met"


def test_a_difference_is_between_two_plays():
    ours, theirs = Side("econtext", "ping", "first_result"), Side("stock", "empty", "through")
    row = Row("some", "some work", "an empty play", 0.25, ours, theirs, how=DIFFERENCE, unit="s")
    runs = [run("econtext", 1, first_result=1.5), run("stock", 1, "empty", through=1.25)]
    verdict = verdicts.judge(row, runs)
    assert (verdict.measured, verdict.text) == (0.25, "met")


def test_a_figure_alone_is_scaled():
    side = Side("econtext", "ping", "sent")
    row = Row("some", "bytes", "", 15, side, None, how=ALONE, unit="KB", scale=1000)
    verdict = verdicts.judge(row, [run("econtext", 1, sent=15_100)])
    assert (verdict.measured, verdict.text) == (15.1, "missed")


# Rows


def test_rows_have_names_of_their_own_and_known_sides():
    from bench import table

    every = rows.chosen(None)
    assert len({row.name for row in every}) == len(every)
    for row in every:
        for side in row.sides:
            assert side.contender in table.BY_NAME and side.play in table.PLAY
            assert hasattr(Run("", "", 0, 0), side.figure)


def test_a_name_stands_for_its_family():
    assert [row.name for row in rows.chosen("ping,ping-50ms")] == ["ping-0ms", "ping-50ms"]
    assert [row.name for row in rows.chosen("memory-shared")] == ["memory-shared", "memory"]
    assert [row.name for row in rows.chosen("memory")] == ["memory", "memory-shared"]
    with pytest.raises(ValueError, match="unknown row: pin;"):
        rows.chosen("pin")


# What is kept


def test_what_is_kept_is_read_again(tmp_path):
    runs = [run("econtext", 1, wall=1.5, left_behind=["ssh"])]
    first = Kept("ping-0ms", "2.9", "2024-05-06", {"kernel": "Linux"}, {"Mitogen": "0.3"}, runs)
    second = Kept("ping-0ms", "2.10", "2024-05-06", {}, {}, [])
    for one in (second, first):
        kept.write(one, tmp_path)
    read = kept.read(tmp_path)
    assert list(read) == ["2.9", "2.10"]  # by number, not by letter
    assert read["2.9"]["ping-0ms"] == first


def test_a_row_measured_again_replaces_what_was_kept(tmp_path):
    kept.write(Kept("row", "2.19", "yesterday", {}, {}), tmp_path)
    kept.write(Kept("row", "2.19", "today", {}, {}), tmp_path)
    assert kept.read(tmp_path)["2.19"]["row"].date == "today"


# The document


def test_a_missed_figure_stays_as_missed(monkeypatch):
    monkeypatch.setattr(document, "ROWS", ROWS[:2])
    row = ROWS[0]
    runs = [run("econtext", number, wall=7.2) for number in range(5)]
    runs += [run("mitogen", number, wall=10.0) for number in range(5)]
    assert document.asked(results_of(row, runs)).splitlines() == [
        "===================  =======  =======  ===============",
        "work                 against  at most  core 2.19",
        "===================  =======  =======  ===============",
        "50 pings at 0 ms     Mitogen  0.45     **0.72 missed**",
        "loop of 100 at 0 ms  Mitogen  0.45     not measured",
        "===================  =======  =======  ===============",
    ]


def test_too_few_rounds_are_said(monkeypatch):
    monkeypatch.setattr(document, "ROWS", ROWS[:1])
    runs = [run("econtext", 1, wall=1.0), run("mitogen", 1, wall=10.0)]
    assert "0.10 met (1 of 5 rounds)" in document.asked(results_of(ROWS[0], runs))


def test_medians_name_the_peer_and_the_spread(monkeypatch):
    monkeypatch.setattr(document, "ROWS", ROWS[:1])
    runs = [run("econtext", 1, wall=1.0), run("mitogen", 1, wall=10.0)]
    runs += [run("econtext", 2, wall=3.0, load=1.25), run("mitogen", 2, wall=10.0, load=2.5)]
    line = document.medians(results_of(ROWS[0], runs)).splitlines()[3]
    cells = [cell.strip() for cell in line.split("  ") if cell]
    assert cells == [
        "50 pings at 0 ms",
        "2.19",
        "2.00 s",
        "10.00 s (Mitogen)",
        "0.10 to 0.30",
        "2",
        "2.5",
        "2024-05-06",
    ]


def test_curves_hold_medians_and_leave_out_what_failed():
    name = rows.CURVES[0].name
    runs = [run("econtext", number, wall=wall) for number, wall in ((1, 1.0), (2, 5.0), (3, 2.0))]
    runs += [run("econtext", 1, wall=0.5, warm=True), run("stock", 1, failure="exit status 1")]
    of_core = {name: Kept(name, "2.19", "", {}, {}, runs)}
    assert document.curves(of_core) == {"econtext, cold": [(0, 2.0)], "econtext, warm": [(0, 0.5)]}


def test_there_is_a_plot_when_there_are_curves():
    runs = [run("econtext", 1, wall=1.0)]
    name = rows.CURVES[0].name
    with_curve = {"2.19": {name: Kept(name, "2.19", "", {}, {}, runs)}}
    assert ".. image:: some.svg" in document.generated(with_curve, "some.svg")
    assert ".. image::" not in document.generated(results_of(ROWS[0], runs), "some.svg")


def test_what_is_written_by_hand_stays():
    before = f"Title\n=====\n\n{document.BEGIN}\n\nold\n\n{document.END}\n\nBy hand.\n"
    after = document.replaced(before, "new")
    assert after == before.replace("old", "new")
    assert document.replaced(after, "new") == after
    with pytest.raises(ValueError, match="has no lines"):
        document.replaced("Title\n", "new")


def test_machines_that_differ_are_told_apart():
    of_one = Kept("a", "2.19", "", {"processor": "Fast One"}, {"Mitogen": ""}, [])
    of_other = Kept("b", "2.19", "", {"processor": "Slow One"}, {}, [])
    assert document.machines({"2.19": {"a": of_one}}) == "* processor Fast One\n"
    assert document.machines({"2.19": {"a": of_one, "b": of_other}}) == (
        "* processor Fast One: a (2.19)\n* processor Slow One: b (2.19)\n"
    )


def test_the_terminals_table_has_a_verdict_for_each_row():
    row = ROWS[0]
    runs = [run("econtext", 1, wall=3.0), run("mitogen", 1, wall=10.0)]
    lines = document.terminal(results_of(row, runs)["2.19"], ROWS).splitlines()
    assert len(lines) == 1 + len(ROWS)
    assert lines[1].split()[-6:] == ["0.45", "0.30", "0.30", "0.30", "1", "met"]
    assert all(line.endswith("not measured") for line in lines[2:])


# What is read of the system


def test_the_unique_set_is_what_is_private():
    text = "55e0-7ffd ---p 00000000 00:00 0    [rollup]\nRss:  100 kB\nPss:  60 kB\n"
    text += "Shared_Clean:  30 kB\nPrivate_Clean:  8 kB\nPrivate_Dirty:  40 kB\n"
    found = memory.sizes(text)
    assert memory.unique(found) == 48 * 1024
    assert found["Pss"] == 60 * 1024


def test_the_transfer_is_the_broker_s_requests_that_put_files():
    trace = '{"action": "Put", "seconds": 0.5}\n{"action": "Module", "seconds": 9}\n'
    assert instruments.transfer_seconds(trace + '{"action": "Put", "seconds": 0.25}\n') == 0.75


def test_a_run_without_the_wanted_figure_is_a_failure():
    assert instruments.missing(run("econtext", 1, wall=1.0), "transfer")
    assert not instruments.missing(run("econtext", 1, wall=1.0, transfer=0.1), "transfer")
    assert not instruments.missing(run("econtext", 1, wall=1.0), "wall")


def test_the_machine_is_described_from_what_the_kernel_says():
    assert machine.processor("processor : 0\nmodel name\t: Fast One\n") == "Fast One"
    assert machine.memory("MemTotal:       24683000 kB\nMemFree: 1 kB\n") == "25 GB"
