"""The next task is sent behind the present one: what of it is done, and when."""

from __future__ import annotations

import json
import os
import pathlib
import random
import signal
from typing import Any

import pytest
from ansible.release import __version__ as core

from . import processes
from .conftest import Transport
from .play import Result, play_of, run_play, start_play
from .processes import until

pytestmark = [
    pytest.mark.usefixtures("ours"),
    pytest.mark.skipif(
        tuple(map(int, core.split(".")[:2])) < (2, 19), reason="ansible-core 2.19 and later"
    ),
]


class Here:
    """Runs plays whose tasks write to one file of the target."""

    def __init__(self, transport: Transport, strategy: str, scratch: pathlib.Path) -> None:
        self.name = transport.name
        self.file = transport.account.home / f"written-{scratch.name}"
        self._trace = scratch / "trace"
        self.options: dict[str, Any] = {
            "directory": scratch / "run",
            "strategy": strategy,
            "inventory": {**transport.variables, "ansible_python_interpreter": "/usr/bin/python3"},
            # Long enough for whatever comes behind it to be sent before the first one is over.
            "env": {"ANSIBLE_ECONTEXT_TRACE": str(self._trace), "ANSIBLE_ECONTEXT_STAYING": "60"},
        }

    def task(self, word: str, then: str = "sleep 0.3", **keywords: Any) -> dict[str, Any]:
        """A task, of the same name, that writes a word; after that it takes its time."""
        return {"name": word, "shell": f"echo {word} >> {self.file}; {then}", **keywords}

    def run(self, *tasks: dict[str, Any], **keywords: Any) -> Result:
        self.file.unlink(missing_ok=True)
        return run_play(play_of(*tasks, **keywords), **self.options)

    def written(self) -> list[str]:
        return self.file.read_text().split() if self.file.exists() else []

    def notes(self) -> list[tuple[bool, str]]:
        """Of each request for a module: whether it was sent behind another, and what came of it."""
        notes = [json.loads(line) for line in self._trace.read_text().splitlines()]
        modules = [note for note in notes if note["do"] == "module" and note["outcome"] != "need"]
        return [(note["behind"], note["outcome"]) for note in modules]


@pytest.fixture(params=["ssh", "sudo", "local"])
def here(request: pytest.FixtureRequest, strategy: str, scratch: pathlib.Path) -> Here:
    made = Here(request.getfixturevalue(request.param), strategy, scratch)
    yield made
    made.file.unlink(missing_ok=True)


only_ssh = pytest.mark.parametrize("here", ["ssh"], indirect=True)


def test_tasks_are_sent_behind_each_other_and_done_in_turn(here: Here) -> None:
    words = ["one", "two", "three", "four"]
    result = here.run(*map(here.task, words), {"name": "ping", "ping": {}})
    assert result.rc == 0, str(result)
    assert here.written() == words
    assert [one.task for one in result.tasks] == [*words, "ping"]
    # The controller's own host may change what a task is made of.
    assert ((True, "status") in here.notes()) == (here.name != "local")


def test_what_comes_behind_a_failure_is_not_done(here: Here) -> None:
    failing = here.task("failing", "sleep 0.3; exit 3")
    result = here.run(here.task("first"), here.task("second"), failing, here.task("never"))
    assert result.rc == 2, str(result)
    assert here.written() == ["first", "second", "failing"]
    assert result.one("failing").result["rc"] == 3
    assert [one.task for one in result.tasks] == ["first", "second", "failing"]


def by_turns(here: Here, count: int) -> list[dict[str, Any]]:
    """Tasks of two modules in turn, each of which writes the next word."""

    def line(word: str) -> dict[str, Any]:
        return {"name": word, "lineinfile": {"path": str(here.file), "line": word}}

    words = [f"word{number}" for number in range(count)]
    return [line(word) if number % 2 else here.task(word) for number, word in enumerate(words)]


@only_ssh
def test_what_comes_behind_another_module_waits_for_it_and_is_not_refused(here: Here) -> None:
    tasks = by_turns(here, 8)
    result = here.run(*tasks)
    assert result.rc == 0, str(result)
    assert here.written() == [task["name"] for task in tasks]
    outcomes = [outcome for behind, outcome in here.notes() if behind]
    assert len(outcomes) >= 4 and set(outcomes) == {"status"}


@only_ssh
def test_what_comes_behind_another_module_that_fails_is_not_done(here: Here) -> None:
    tasks = by_turns(here, 6)
    tasks[4] = here.task("failing", "sleep 0.3; exit 3")
    result = here.run(*tasks)
    assert result.rc == 2, str(result)
    assert here.written() == [*(task["name"] for task in tasks[:4]), "failing"]


@only_ssh
def test_what_comes_behind_a_failure_that_is_ignored_is_done_once(here: Here) -> None:
    failing = here.task("failing", "sleep 0.3; exit 3", ignore_errors=True)
    result = here.run(here.task("first"), failing, here.task("then"), here.task("last"))
    assert result.rc == 0, str(result)
    assert here.written() == ["first", "failing", "then", "last"]
    assert result.one("then").status == "ok"


@only_ssh
def test_what_comes_behind_a_failure_that_is_none_is_done_once(here: Here) -> None:
    failing = here.task("failing", "sleep 0.3; exit 3", failed_when=False, changed_when=False)
    result = here.run(here.task("first"), failing, here.task("then"), here.task("last"))
    assert result.rc == 0, str(result)
    assert here.written() == ["first", "failing", "then", "last"]
    assert result.one("failing").result["changed"] is False


@only_ssh
def test_a_rescue_comes_in_place_of_what_was_sent(here: Here) -> None:
    failing = here.task("failing", "sleep 0.3; exit 3")
    block = {
        "block": [here.task("first"), failing, here.task("never")],
        "rescue": [here.task("rescue"), here.task("more")],
        "always": [here.task("always")],
    }
    result = here.run(block, here.task("after"))
    assert result.rc == 0, str(result)
    assert here.written() == ["first", "failing", "rescue", "more", "always", "after"]


@only_ssh
@pytest.mark.parametrize(
    "second",
    [
        {"when": "result.rc == 0"},
        {"environment": {"WORD": "{{ result.stdout }}"}},
        {"name": "second {{ 2 }}"},
        {"vars": {"word": "{{ lookup('pipe', 'date') }}"}, "environment": {"WORD": "{{ word }}"}},
        {"changed_when": "result.rc == 0"},
        {"run_once": True},
        {"vars": {"econtext_next_task": False}},
    ],
    ids=lambda each: next(iter(each)),
)
def test_what_depends_on_more_than_success_waits(here: Here, second: dict[str, Any]) -> None:
    first = here.task("first", register="result")
    result = here.run(first, here.task("second") | second)
    assert result.rc == 0, str(result)
    assert here.written() == ["first", "second"]
    assert here.notes() == [(False, "status")] * 2


@only_ssh
@pytest.mark.parametrize(
    "first",
    [{"failed_when": "false"}, {"notify": "handler"}, {"until": "true"}, {"loop": [1]}],
    ids=lambda each: next(iter(each)),
)
def test_what_may_end_otherwise_than_its_module_is_waited_for(
    here: Here, first: dict[str, Any]
) -> None:
    handlers = [{"name": "handler", "ping": {}}]
    result = here.run(here.task("first") | first, here.task("second"), handlers=handlers)
    assert result.rc == 0, str(result)
    assert here.notes()[:2] == [(False, "status")] * 2


@only_ssh
def test_what_copies_looks_at_its_files_in_its_turn(here: Here) -> None:
    """The host is the controller's own here: the task before makes what is copied."""
    # So nothing need be asked of the host for the plugin's temporary directory.
    here.options["inventory"]["ansible_remote_tmp"] = str(here.file.with_name("temporary"))
    made, rendered = (here.file.with_name(f"{here.file.name}.{name}") for name in ("a", "b"))
    make = here.task("make", f"sleep 0.3; date +%N > {made}")
    copy = {"name": "copy", "copy": {"src": str(made), "dest": f"{made}.copied"}}
    render = {"name": "render", "template": {"src": str(made), "dest": str(rendered)}}
    check = {"name": "check", "command": f"cmp {made} {made}.copied"}
    check_other = {"name": "check", "command": f"cmp {made} {rendered}"}
    result = here.run(make, render, check_other, make, copy, check, make, render, check_other)
    assert result.rc == 0, str(result)


@only_ssh
def test_a_file_is_rendered_with_what_was_registered(here: Here, scratch: pathlib.Path) -> None:
    (scratch / "words.j2").write_text("{{ told.stdout | default('nothing') }}\n")
    rendered = here.file.with_name(f"{here.file.name}.rendered")
    tell = here.task("tell", "sleep 0.3; echo {{ 1 + 1 }}", register="told")
    render = {"name": "render", "template": {"src": f"{scratch}/words.j2", "dest": str(rendered)}}
    assert here.run(tell, render).rc == 0
    assert rendered.read_text() == "2\n"


@only_ssh
def test_no_copy_is_made_behind_a_failure(here: Here) -> None:
    copied = here.file.with_name(f"{here.file.name}.copied")
    copy = {"name": "copy", "copy": {"content": "x", "dest": str(copied)}}
    result = here.run(here.task("first"), copy, here.task("bad", "sleep 0.3; exit 3"), copy)
    assert result.rc == 2, str(result)
    assert [one.task for one in result.tasks] == ["first", "copy", "bad"]
    copied.unlink()
    missing = {"name": "missing", "copy": {"src": "/no/such/file", "dest": str(copied)}}
    result = here.run(here.task("first"), missing, here.task("never"), copy)
    assert result.rc == 2, str(result)
    assert here.written() == ["first"] and not copied.exists()


@only_ssh
def test_it_can_be_turned_off(here: Here) -> None:
    here.options["env"]["ANSIBLE_ECONTEXT_NEXT_TASK"] = "0"
    assert here.run(*map(here.task, ["one", "two", "three"])).rc == 0
    assert here.notes() == [(False, "status")] * 3


@only_ssh
@pytest.mark.parametrize("keywords", [{}, {"any_errors_fatal": True}], ids=str)
def test_with_another_host_that_is_lost_none_is_sent(here: Here, keywords: dict[str, Any]) -> None:
    """It may end the play, for the one that is left too."""
    lost = {**here.options["inventory"], "ansible_port": 1}
    play = [{**play_of(here.task("one"), here.task("two"), **keywords)[0], "hosts": "all"}]
    result = run_play(play, others={"lost": lost}, **here.options)
    assert result.rc == 4, str(result)
    assert here.written() == (["one"] if keywords else ["one", "two"])
    assert not any(behind for behind, _ in here.notes())


@only_ssh
def test_with_two_hosts_none_is_ahead_of_the_other(here: Here) -> None:
    variables = here.options["inventory"]
    play = [{**play_of(here.task("one"), here.task("two"))[0], "hosts": "all"}]
    result = run_play(play, others={"other": variables}, **here.options)
    assert result.rc == 0, str(result)
    assert here.written() == ["one", "one", "two", "two"]
    assert here.notes() == [(False, "status")] * 4


def test_what_a_task_leaves_running_stays(here: Here) -> None:
    """Whatever becomes of the tasks after it, and of the slave."""
    argument, another = (f"{n}.{random.randrange(10**6):06}" for n in (2345, 3456))
    daemon = here.task("daemon", f"nohup sleep {argument} > /dev/null 2>&1 &")
    waits = here.task("waits", f"exec sleep {another}")
    tasks = [here.task("first", "true"), here.task("second", "true"), daemon, waits]
    running = start_play(play_of(*tasks), **here.options)
    found: list[processes.Process] = []
    try:
        until(30, lambda: "waits" in here.written(), "the last task runs")
        found = processes.with_argument(argument)
        os.killpg(running.process.pid, signal.SIGINT)
        running.wait(30)
        until(10, lambda: not processes.with_argument(another), "the last task is ended")
        assert processes.alive(found) == found != []
    finally:
        running.process.kill()
        running.process.wait()
        processes.end(found)


@only_ssh
def test_nobody_hears_of_a_task_that_is_interrupted_before_its_turn(here: Here) -> None:
    result = start_play(
        play_of(here.task("first"), here.task("waits", "exec sleep 600"), here.task("never")),
        **here.options,
    )
    until(30, lambda: "waits" in here.written(), "the second task runs")
    os.killpg(result.process.pid, signal.SIGINT)
    ended = result.wait(30)
    # The second one may run before the first one's result is on its way.
    assert [one.task for one in ended.tasks] in ([], ["first"])
    assert here.written() == ["first", "waits"]
    assert "never" not in ended.stdout


@only_ssh
def test_many_that_are_prepared_are_done_in_turn_as_far_as_all_goes_well(here: Here) -> None:
    """The first takes its time, in which the others are prepared."""
    many = [here.task(f"word{number}", "true") for number in range(20)]
    slow, failing = here.task("slow", "sleep 2"), here.task("failing", "exit 3")
    block = {
        "block": [slow, *many[:8], failing, here.task("never")],
        "rescue": [here.task("rescue", "sleep 1"), *many[8:12]],
        "always": [here.task("always", "sleep 1"), *many[12:16]],
    }
    told = here.task("told", "echo {{ value.stdout }}")
    tell = {"name": "tell", "command": "echo known", "register": "value"}
    result = here.run(
        block, slow, *many[16:19], tell, many[19], told, {"name": "look", "command": "true"}
    )
    assert result.rc == 0, str(result)
    words = [task["name"] for task in many]
    expected = ["slow", *words[:8], "failing", "rescue", *words[8:12], "always", *words[12:16]]
    expected += ["slow", *words[16:19]]
    assert here.written() == [*expected, words[19], "told"]
    names = [*expected, "tell", words[19], "told", "look"]
    assert [one.task for one in result.tasks] == names
    assert result.one("told").result["stdout"] == "known"


@only_ssh
@pytest.mark.parametrize("is_nested", [False, True])
def test_what_is_behind_always_is_not_done_after_a_failure(here: Here, is_nested: bool) -> None:
    """The tasks of `always` come behind a failure, too, but what comes behind these does not."""
    always = [here.task("always"), here.task("always too")]
    block = {"block": [here.task("failing", "sleep 1; exit 3")], "always": always}
    behind = [here.task("never"), here.task("neither")]
    expected = ["failing", "always", "always too"]
    if is_nested:
        told = {"when": "ansible_failed_result.rc == 3"}
        always[0].update(told)
        result = here.run({"block": [block, *behind], "rescue": [here.task("rescue")]})
        expected.append("rescue")
    else:
        result = here.run(block, *behind)
    assert [one.task for one in result.tasks] == expected, str(result)
    assert here.written() == " ".join(expected).split()


@only_ssh
def test_what_is_behind_a_rescue_that_does_nothing_knows_of_the_failure(here: Here) -> None:
    block = {"block": [here.task("failing", "sleep 1; exit 3")], "rescue": [{"meta": "noop"}]}
    behind = here.task("behind", when="ansible_failed_result is defined")
    result = here.run(block, behind, here.task("last"))
    assert result.rc == 0, str(result)
    assert here.written() == ["failing", "behind", "last"]


@only_ssh
def test_an_interrupt_leaves_what_is_prepared_undone(here: Here) -> None:
    many = [here.task(f"word{number}", "true") for number in range(10)]
    here.file.unlink(missing_ok=True)
    running = start_play(play_of(here.task("slow", "sleep 5"), *many), **here.options)
    threads = pathlib.Path(f"/proc/{running.process.pid}/task")
    until(30, lambda: len(list(threads.iterdir())) > len(many) + 2, "each has a thread")
    until(30, lambda: here.written() == ["slow"], "the first task runs")
    os.killpg(running.process.pid, signal.SIGINT)
    assert running.wait(30).rc != 0
    assert here.written() == ["slow"]
