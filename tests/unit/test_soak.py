"""The soak's work, and what it makes of its looks: no processes."""

import json
import random
import signal
import xml.etree.ElementTree

import pytest

from bench import processes
from bench.soak import growth, picture, plays, report, runs, sampler

# The slope


def test_the_slope_is_what_1000_tasks_gain():
    points = [(tasks, 7.0 + 0.25 * tasks) for tasks in range(0, 400, 10)]
    assert growth.slope(points) == pytest.approx(250)


def test_the_order_of_looks_makes_no_difference_to_the_slope():
    points = [(tasks, 3.0 * tasks) for tasks in range(50)]
    random.Random(5).shuffle(points)
    assert growth.slope(points) == pytest.approx(3000)


def test_a_few_odd_looks_do_not_count_in_the_slope():
    points = [(tasks, 5.0) for tasks in range(100)]
    points[40] = (40, 1e9)
    points[99] = (99, 1e9)
    assert growth.slope(points) == 0


def test_looks_without_tasks_between_them_have_no_slope():
    assert growth.slope([(5, 1.0), (5, 2.0), (5, 3.0)]) is None
    assert growth.slope([(1, 1.0), (2, 2.0)]) is None
    assert growth.slope([]) is None


def test_what_grows_in_the_first_third_alone_is_flat():
    points = [(tasks, float(min(tasks, 33))) for tasks in range(100)]
    assert growth.is_flat(points, 0.1) is True
    assert growth.is_flat([(tasks, float(tasks)) for tasks in range(100)], 0.1) is False
    assert growth.is_flat([(3, 1.0)], 0.1) is None


def test_thinning_keeps_the_ends_apart_and_no_more_points_than_asked():
    points = [(tasks, float(tasks)) for tasks in range(1000)]
    thin = growth.thinned(points, 300)
    assert len(thin) == 250 and thin[0] == (1.5, 1.5) and thin[-1] == (997.5, 997.5)
    assert growth.thinned(points[:7], 300) == points[:7]
    assert growth.thinned([]) == []


def test_a_verdict_names_what_grows():
    none = dict.fromkeys(growth.BOUNDS, 0)
    looks = [
        {
            **dict.fromkeys(sampler.GROUPS, none),
            "done": done,
            "broker": {"memory": 10_000_000, "files": done, "processes": 1, "threads": 1},
        }
        for done in range(100)
    ]
    verdict = {row[0]: row[-1] for row in report.verdicts(looks)}
    assert verdict == {
        "broker: memory, MB": "flat",
        "broker: open files": "not flat",
        "broker: processes": "flat",
        "broker: threads": "flat",
    }


# The picture


def test_a_picture_has_a_panel_for_each_property_and_a_line_for_each_group():
    lines = {"a < b": [(0, 1.0), (10, 3.0)], "other": [(0, 2.0), (10, 2.0)]}
    drawn = xml.etree.ElementTree.fromstring(picture.svg({"one": lines, "two": lines}, "tasks"))
    name = "{http://www.w3.org/2000/svg}"
    assert [text.text for text in drawn.iter(f"{name}text")].count("a < b") == 2
    first, second, *rest = drawn.iter(f"{name}polyline")
    assert len(rest) == 2
    (left, low), (right, high) = (
        map(float, point.split(",")) for point in first.get("points").split()
    )
    assert left < right and low > high  # an SVG's y goes down
    (_, level), (_, same) = (map(float, point.split(",")) for point in second.get("points").split())
    assert high < level == same < low


def test_a_picture_of_nothing_can_be_drawn():
    for points in ([], [(0, 0.0)]):
        drawn = xml.etree.ElementTree.fromstring(picture.svg({"none": {"broker": points}}, "tasks"))
        assert "NaN" not in xml.etree.ElementTree.tostring(drawn, "unicode")


# The work


def test_no_number_stands_for_two_executions():
    made, numbers = plays.tasks(25)
    assert len(made) == 25
    assert len(set(numbers)) == len(numbers)
    text = json.dumps(made)
    counted = [number for number in numbers if f"}}}}{number}" in text or f'"{number}"' in text]
    assert counted == numbers


def test_blocks_hold_all_tasks_in_order():
    (play,), _ = plays.play(120)
    blocks = [block["block"] for block in play["tasks"]]
    assert [len(block) for block in blocks] == [50, 50, 20]
    assert sum(blocks, []) == plays.tasks(120)[0]


def test_a_long_task_takes_the_place_of_another():
    made, _ = plays.tasks(10, long_at=3)
    assert [task["name"].split()[1] for task in made][2:5] == ["copy", "long", "become"]


OUTPUT = """
TASK [00000 command] ***
changed: [target000]
fatal: [target001]: FAILED! => {}

TASK [- ping] ***
ok: [target000]

TASK [00004 loop] ***
changed: [target001] => (item=00004)
changed: [target001] => (item=00005)

PLAY RECAP ***
target000                  : ok=2    changed=1    unreachable=0    failed=0    skipped=0
target001                  : ok=1    changed=1    unreachable=0    failed=1    skipped=0
"""
HOSTS = {"target000": "000", "target001": "001"}


def test_what_a_run_reports_is_read_from_its_output():
    assert plays.reported(OUTPUT, "0007", HOSTS) == ["000700000000", "000700100004", "000700100005"]
    assert {len(number) + 1 for number in plays.reported(OUTPUT, "0007", HOSTS)} == {plays.LINE}


def test_the_recap_is_read():
    assert plays.recap(OUTPUT)["target001"]["failed"] == 1
    assert set(plays.recap(OUTPUT)) == set(HOSTS)
    assert plays.recap("no recap") == {}


def test_chance_repeats_itself_by_the_seed():
    chosen = [runs.choice(7, number) for number in range(60)]
    assert chosen == [runs.choice(7, number) for number in range(60)]
    assert chosen != [runs.choice(8, number) for number in range(60)]
    assert {one.number for one in chosen} == {0, signal.SIGINT, signal.SIGTERM, signal.SIGKILL}
    assert all(one.long_at is None or one.number for one in chosen)


# The looks


def test_memory_is_what_is_of_no_file():
    rollup = (
        "00-ff ---p 0 00:00 0 [rollup]\nRss: 90 kB\nPss: 50 kB\nPss_Anon: 7 kB\nPss_Shmem: 2 kB\n"
    )
    assert sampler.memory_of(rollup) == 9 * 1024


def test_descendants_are_found_at_any_depth():
    assert sorted(processes.tree({1: [2, 3], 3: [4], 4: [5], 6: [7]}, 1)) == [2, 3, 4, 5]
