"""Output of `ansible-playbook` to a pipe or a file: written before the next task begins."""

from __future__ import annotations

import json
import pathlib
import subprocess

from .conftest import Transport
from .play import ANSIBLE_PLAYBOOK, play_of, prepared, run_play


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


def test_tasks_run_without_a_standard_output(
    local: Transport, strategy: str, scratch: pathlib.Path
) -> None:
    directory, done = scratch / "run", scratch / "done"
    environment = prepared(directory, strategy, {"target": local.variables})
    playbook = directory / "play.yml"
    playbook.write_text(json.dumps(play_of({"command": f"touch {done}"})), encoding="utf-8")
    command = ["sh", "-c", 'exec "$@" >&-', "sh", str(ANSIBLE_PLAYBOOK), str(playbook)]
    subprocess.run(command, env=environment, cwd=directory, stderr=subprocess.PIPE, check=False)
    assert done.exists()
