"""What plugins of users do to the process that they run in, no other task comes to see.

The same plays under stock Ansible and under the strategy under test: same results, same end.
"""

from __future__ import annotations

import os
import pathlib
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import processes
from tests.support.processes import until
from tests.support.scale import ALL, MANY_HOSTS, more_of_a_kind

from . import own_plugins
from .conftest import short_directory
from .own_plugins import CALLS, NAMES, lines, local_hosts, outcomes, told
from .parity import differences
from .play import Both, NotEnded, Play

#: Who has a plugin, and of which kind it is.
KINDS = [(owner, kind) for owner in NAMES for kind in CALLS]

#: Each owner and each kind once: the rest do with a secret that has changed what these do.
SOME = [("play", "filter"), ("role", "lookup"), ("collection", "test")]

#: Items of a loop are done in one process, and see what the ones before them did.
ITEMS = ["directory", "environment", "memory", "memory", "database", "database", "directory"]


def done_by(owner: str, kind: str, what: str) -> str:
    """A template in which a plugin is called."""
    return "{{ " + CALLS[kind].format(NAMES[owner]).replace("what", what) + " }}"


def all_done(owner: str, kind: str) -> dict[str, Any]:
    """A task in which a plugin does all that it can do."""
    return {"name": f"{kind} of a {owner}", "debug": {"msg": done_by(owner, kind, "'all'")}}


def probes() -> list[dict[str, Any]]:
    """Tasks that show the state of the process, by what is ansible-core's own."""
    shown = {
        "process": "{{ lookup('pipe', 'pwd; umask; ulimit -n; nice') }}",
        "environment": "{{ lookup('env', 'ECONTEXT_TEST_ALTERED') }}",
        "date": "{{ '%B' | strftime(0) }}",
    }
    command = "pwd; umask; ulimit -n; nice; echo $ECONTEXT_TEST_ALTERED"
    return [
        {"name": "shown", "debug": {"msg": shown}},
        {"name": "seen by a module", "shell": command},
    ]


def play_of_all(kinds: list[tuple[str, str]], again: list[tuple[str, str]]) -> Play:
    """Some of them twice, with a secret that changes in between."""
    change = {"name": "change", "shell": "echo new > {{ shared }}/secret", "run_once": True}
    loop = {"name": "loop", "debug": {"msg": done_by("play", "filter", "item")}, "loop": ITEMS}
    says = {"name": "says", "debug": {"msg": done_by("play", "filter", "'says'")}}
    first, second = ([all_done(*each) for each in some] for some in (kinds, again))
    every = [*first, *probes(), change, *second, loop, loop, says, *probes()]
    return [{"hosts": "all", "gather_facts": False, "roles": ["own"], "tasks": every}]


@pytest.fixture(scope="module")
def directory() -> Iterator[pathlib.Path]:
    with short_directory() as path:
        yield path


def both_of(count: int, play: Play, directory: pathlib.Path, by: str) -> Both:
    return own_plugins.compare(
        play,
        scratch=directory,
        strategy=by,
        hosts=local_hosts(count, directory),
        plugins=["callback_plugins/loads.py"],
    )


@pytest.fixture(scope="module")
def one_host(directory: pathlib.Path, strategy: str) -> Both:
    return both_of(1, play_of_all(KINDS, KINDS if ALL else SOME), directory / "1", strategy)


@pytest.fixture(scope="module")
def many_hosts(directory: pathlib.Path, strategy: str) -> Both:
    some = SOME if ALL else SOME[:1]
    return both_of(MANY_HOSTS, play_of_all(some, some), directory / "many", strategy)


@pytest.fixture(params=["one_host", "many_hosts"])
def both(request: pytest.FixtureRequest) -> Both:
    found: Both = request.getfixturevalue(request.param)
    return found


def test_plugins_find_the_process_as_they_do_under_stock_ansible(both: Both) -> None:
    assert both.stock.rc == 0, str(both.stock)
    found = differences("results", outcomes(both.ours), outcomes(both.stock))
    assert not found, "\n".join(found)
    assert both.ours.rc == 0, str(both.ours)


def test_what_is_changed_in_between_is_seen(both: Both) -> None:
    """As under stock Ansible, which is what makes the comparison worth something."""
    for result in both:
        found = [one for one in result.tasks if one.task == "filter of a play"]
        secrets = [one.result["msg"]["cached_secret"] for one in found]
        hosts = len({one.host for one in found})
        assert secrets == ["old"] * hosts + ["new"] * hosts


def test_the_same_is_shown_and_told(both: Both) -> None:
    assert sorted(lines(both.ours)) == sorted(lines(both.stock))
    assert told(both.ours) == told(both.stock)
    assert both.ours.summary == both.stock.summary


def test_with_one_host_all_is_shown_in_the_same_order(one_host: Both) -> None:
    assert lines(one_host.ours) == lines(one_host.stock)


#: Ways in which a plugin ends the process that it runs in, or what ends with that, by the kind of
#: plugin. Each of them may end the run, which is why no run serves two. One that crashes is in the
#: test of many hosts, too.
ENDS = [
    pytest.param("filter", "ends_badly", id="ends_badly"),
    pytest.param("filter", "crashes", id="crashes", marks=more_of_a_kind),
    pytest.param("lookup", "is_killed", id="is_killed"),
    pytest.param("filter", "leaves", id="leaves"),
    pytest.param("test", "interrupts", id="interrupts"),
    pytest.param("lookup", "raises", id="raises"),
    pytest.param("lookup", "starts_daemon", id="starts_daemon"),
]


@pytest.mark.parametrize(("kind", "what"), ENDS)
def test_a_plugin_that_ends_its_process(
    kind: str, what: str, strategy: str, scratch: pathlib.Path
) -> None:
    """The run ends as it does under stock Ansible."""
    tasks = [
        {"name": "before", "command": "true"},
        {"name": "ends", "debug": {"msg": done_by("play", kind, f"'{what}'")}},
        {"name": "after", "command": "true"},
    ]
    stock, ours = own_plugins.compare(
        [{"hosts": "all", "gather_facts": False, "tasks": tasks}],
        scratch=scratch,
        strategy=strategy,
        hosts=local_hosts(1, scratch),
    )
    assert ours.rc == stock.rc, str(ours)
    assert outcomes(ours) == outcomes(stock)
    assert lines(ours) == lines(stock)
    assert told(ours) == told(stock)
    assert ours.summary == stock.summary


@pytest.mark.timeout(900)
@pytest.mark.parametrize("what", ["crashes", pytest.param("leaves", marks=more_of_a_kind)])
def test_a_plugin_that_ends_its_process_on_one_of_many_hosts(
    what: str, strategy: str, scratch: pathlib.Path
) -> None:
    """How many of the other hosts have been heard of by then is left to chance."""
    ends = done_by("play", "filter", f"'{what}'")
    tasks = [
        {"name": "before", "command": "true"},
        {"name": "ends", "debug": {"msg": ends}, "when": "inventory_hostname == 'host1'"},
        {"name": "after", "command": "true"},
    ]

    def run(attempt: int) -> Both:
        try:
            return own_plugins.run_both(
                [{"hosts": "all", "gather_facts": False, "tasks": tasks}],
                scratch=scratch / str(attempt),
                strategy=strategy,
                hosts=local_hosts(MANY_HOSTS, scratch),
            )
        except NotEnded as error:
            # ansible-core ends the workers of the other hosts. One that is just sending holds the
            # lock of its queue then, for which the end of stock's run waits for ever.
            if error.directory.name != "run1" or attempt == 3:
                raise
            return run(attempt + 1)

    stock, ours = run(1)
    assert ours.rc == stock.rc, f"{stock}\n{ours}"
    assert outcomes(ours).get("host1") == outcomes(stock).get("host1")
    assert told(ours) == told(stock)
    assert bool(ours.summary) == bool(stock.summary)
    assert not [one for one in ours.tasks if one.task == "after"]


def test_a_plugin_that_ends_its_process_as_if_all_were_well(
    strategy: str, scratch: pathlib.Path
) -> None:
    """Stock Ansible waits for ever for that task's result; the other host goes on meanwhile."""
    tasks = [
        {
            "name": "ends",
            "debug": {"msg": done_by("play", "filter", "'ends_well'")},
            "when": "inventory_hostname == 'host0'",
        },
        {"name": "goes on", "command": "touch {{ shared }}/reached"},
        {"name": "goes on, forked", "command": "touch {{ shared }}/forked", "timeout": 60},
        # Not a fork: one that is ended while it sends its result holds the lock of ansible-core's
        # queue for ever, and the end of a run waits for that.
        {"name": "is through", "command": "touch {{ shared }}/end"},
    ]
    running = own_plugins.start(
        [{"hosts": "all", "gather_facts": False, "tasks": tasks}],
        directory=scratch / "run",
        strategy={"econtext": "econtext_free"}.get(strategy, "free"),
        hosts=local_hosts(2, scratch),
    )
    end = scratch / "run" / "shared" / "end"
    until(60, lambda: end.exists() or running.process.poll() is not None, "the other host goes on")
    assert running.process.poll() is None, str(running.wait())
    os.kill(running.process.pid, signal.SIGINT)
    result = running.wait(30)
    assert result.rc != 0, str(result)
    assert {one.host for one in result.tasks if one.task == "ends"} <= {"host1"}
    until(
        10, lambda: not processes.with_environment(running.marker), "no process of the run is left"
    )
