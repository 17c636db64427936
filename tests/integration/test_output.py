"""What `ansible-playbook` writes to a pipe or a file is there before the next task begins."""

from __future__ import annotations

import pathlib

from .conftest import Transport
from .play import play_of, run_play


def test_a_task_finds_the_results_of_those_before_it(
    local: Transport, strategy: str, scratch: pathlib.Path
) -> None:
    directory = scratch / "run"
    result = run_play(
        play_of(
            {"name": "first", "debug": {"msg": "from the first task"}},
            {"name": "second", "command": f"cat {directory}/stdout"},
        ),
        directory=directory,
        strategy=strategy,
        inventory=local.variables,
    )
    assert "from the first task" in result.one("second").result["stdout"], result
