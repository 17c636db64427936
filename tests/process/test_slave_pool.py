"""The broker's slaves: which ones are met again, and when they end."""

from __future__ import annotations

import contextlib
import gc
import os
import pathlib
import resource
import signal
import sys
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ansible_econtext.broker import open_files, pooled_slave, running_slaves, slave_pool
from ansible_econtext.broker.pooled_slave import PooledSlave
from ansible_econtext.broker.slave_pool import SlavePool
from ansible_econtext.client import messages, route
from ansible_econtext.client.messages import NotReached
from econtext.controller import keepalive
from econtext.target.loop import Loop
from tests.support import processes

from . import waiting
from .test_starter import SCRIPT, parent_of

LOCAL = [route.local_hop([sys.executable])]

#: Slaves that it starts: under another Python, and as another account might be.
OTHER = [*LOCAL, route.interpreter_hop(sys.executable)]
BELOW = [*LOCAL, OTHER[1].replace(kind="become", timeout=30.0)]


class Owner:
    """Slaves, and the loop that they need."""

    def __init__(self) -> None:
        self.loop = Loop()
        self.slaves = SlavePool(self.loop)

    def find(self, hops: route.Route | None = None) -> PooledSlave:
        found: list[PooledSlave | NotReached] = []
        self.slaves.find(hops or LOCAL, found.append)
        self.run_until(lambda: bool(found))
        assert isinstance(found[0], PooledSlave), found[0].text
        return found[0]

    def run_until(self, done: Callable[[], bool]) -> None:
        waiting.run_until(self.loop, done)


@pytest.fixture
def owner() -> Iterator[Owner]:
    made = Owner()
    yield made
    made.slaves.close()
    made.run_until(lambda: made.slaves.count == 0)


def process_of(slave: PooledSlave) -> int:
    return int(slave.link.greeting["pid"])


def test_one_that_was_heard_of_is_not_asked(owner: Owner) -> None:
    first = owner.find()
    assert first.is_certain
    assert owner.find() is first


def test_one_that_was_not_heard_of_is_asked(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    first = owner.find()
    monkeypatch.setattr(pooled_slave, "_CERTAIN", 0)
    seen, told = first.seen, len(first.link.on_end)
    assert owner.find() is first
    assert first.seen > seen and len(first.link.on_end) == told


def test_being_asked_leaves_nothing_behind(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that serves for days asks a slave again and again."""
    first = owner.find()
    monkeypatch.setattr(pooled_slave, "_CERTAIN", 0)
    before = len(first.link.on_end)
    assert all(owner.find() is first for _ in range(5))
    assert len(first.link.on_end) == before


def test_one_that_does_not_answer_is_replaced(
    owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a host was switched off: the connection stays open, and nothing comes."""
    first = owner.find()
    monkeypatch.setattr(pooled_slave, "_CERTAIN", 0)
    monkeypatch.setattr(slave_pool, "_ANSWER", 0.3)
    monkeypatch.setattr(running_slaves, "_PATIENCE", 0.1)
    os.kill(process_of(first), signal.SIGSTOP)
    try:
        second = owner.find()
        assert second is not first
    finally:
        with contextlib.suppress(ProcessLookupError):  # killed while the second one started
            os.kill(process_of(first), signal.SIGCONT)


def test_one_in_use_is_forgotten_but_not_ended(owner: Owner) -> None:
    """Another run's task goes on when a play resets its connection."""
    first = owner.find()
    first.users.add("a request")
    owner.slaves.forget(LOCAL)
    second = owner.find()
    assert second is not first and first.link.error is None
    first.release("a request")
    owner.run_until(lambda: owner.slaves.count == 1)
    assert first.link.error is not None and second.link.error is None


def test_a_fault_in_the_start_of_one_is_a_failure_for_each_request(
    owner: Owner, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One that raises keeps no other from its reply."""
    found: list[PooledSlave | NotReached] = []

    def raises(slave: PooledSlave | NotReached) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(slave_pool.launch_plan, "of", lambda hop, parent: 1 / 0)
    key = slave_pool.key_of(LOCAL)
    owner.slaves._starting[key] = [raises, found.append]
    owner.slaves._start(LOCAL, key)
    [failure] = found
    assert isinstance(failure, NotReached) and "division by zero" in failure.text
    assert owner.slaves.count == 0
    caplog.clear()  # the faults that are meant


class Removal:
    tidies_up = True


def test_one_that_removes_files_is_waited_for_before_its_account_changes(
    owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stock Ansible has removed them when the next task begins."""
    monkeypatch.setattr(running_slaves, "_LOOK", 0.001)
    slave = owner.find([*LOCAL, route.interpreter_hop(sys.executable)])
    removal: Any = Removal()
    slave.users.add(removal)
    vacated: list[bool] = []
    account = slave.link.greeting["user"]
    owner.slaves.vacate(LOCAL, account, lambda: vacated.append(slave.link.error is not None))
    for _ in range(5):
        owner.loop.run_once()
    assert not vacated and slave.link.error is None
    slave.release(removal)
    owner.run_until(lambda: bool(vacated))
    assert vacated == [True]


def test_those_of_the_route_and_of_root_stay_when_any_account_may_change(owner: Owner) -> None:
    parent, child = owner.find(), owner.find(OTHER)
    vacated: list[bool] = []
    owner.slaves.vacate(LOCAL, messages.ALL_ACCOUNTS, lambda: vacated.append(True))
    assert vacated and parent.link.error is child.link.error is None
    child.link.greeting["user"] = "another"
    owner.slaves.vacate(OTHER, messages.ALL_ACCOUNTS, lambda: vacated.append(True))
    assert len(vacated) == 2 and child.link.error is None
    owner.slaves.vacate(
        LOCAL, messages.ALL_ACCOUNTS, lambda: vacated.append(child.link.error is not None)
    )
    owner.run_until(lambda: len(vacated) == 3)
    assert vacated[-1] and parent.link.error is None


def test_one_that_does_not_end_delays_its_account_for_a_while(
    owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And is given to no request meanwhile."""
    monkeypatch.setattr(running_slaves, "_PATIENCE", 0.05)
    slave = owner.find(OTHER)
    monkeypatch.setattr(slave.link.process, "kill", lambda: None)  # sudo may refuse the signal
    os.kill(process_of(slave), signal.SIGSTOP)
    vacated: list[bool] = []
    try:
        owner.slaves.vacate(LOCAL, slave.link.greeting["user"], lambda: vacated.append(True))
        assert not vacated and slave not in owner.slaves.all()
        owner.run_until(lambda: bool(vacated))
    finally:
        os.kill(process_of(slave), signal.SIGCONT)
    owner.run_until(lambda: owner.slaves.count == 1)
    assert vacated == [True]


def test_one_that_ends_while_it_is_still_in_use_is_gone(owner: Owner) -> None:
    slave = owner.find()
    slave.users.add("a request")  # type: ignore[arg-type]
    owner.slaves.retire(slave)
    os.kill(process_of(slave), signal.SIGKILL)
    owner.run_until(lambda: owner.slaves.count == 0)
    assert slave.link.error is not None


def test_a_retired_one_is_replaced_once(owner: Owner) -> None:
    """Several requests may find a slave outdated: the second one has the new slave."""
    first = owner.find()
    owner.slaves.retire(first)
    second = owner.find()
    owner.slaves.retire(first)
    assert owner.find() is second is not first


def test_an_orphaned_one_is_given_to_no_request_and_ends_when_it_is_idle(
    owner: Owner, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its controller ends it: a call may be on its way to one that would end by itself."""
    monkeypatch.setattr(keepalive, "PAUSE", 0.02)
    program = tmp_path / "sudo"
    program.write_text(SCRIPT.format(python=sys.executable))
    program.chmod(0o755)
    hops = [*LOCAL, route.interpreter_hop(str(program)).replace(kind="sudo")]
    parent, slave = owner.find(), owner.find(hops)
    family = processes.family(process_of(slave))
    slave.users.add("a request")  # type: ignore[arg-type]
    os.kill(parent_of(process_of(slave)), signal.SIGKILL)
    owner.run_until(lambda: slave not in owner.slaves.all())
    assert slave.link.error is None
    slave.release("a request")  # type: ignore[arg-type]
    owner.run_until(lambda: slave.link.error is not None)
    owner.run_until(lambda: not processes.alive(family))
    assert parent.link.error is None and owner.find() is parent


def test_one_under_another_python_is_retired_with_its_login(owner: Owner) -> None:
    parent, child = owner.find(), owner.find(OTHER)
    owner.slaves.retire(child)
    assert owner.find() is not parent and owner.find(OTHER) is not child


def test_a_retired_one_leaves_the_slave_before_it(owner: Owner) -> None:
    parent, child = owner.find(), owner.find(BELOW)
    child.left.add("a directory")
    owner.slaves.retire(child)
    again = owner.find(BELOW)
    assert again is not child and owner.find() is parent
    assert again.left == {"a directory"}
    owner.run_until(lambda: child.link.error is not None)
    assert parent.link.error is None


def test_one_that_is_being_started_by_a_forgotten_one_is_used_to_its_end(owner: Owner) -> None:
    parent = owner.find()
    found: list[PooledSlave] = []

    def use(slave: PooledSlave | NotReached) -> None:
        assert isinstance(slave, PooledSlave), slave.text
        slave.users.add("a request")
        found.append(slave)

    owner.slaves.find(BELOW, use)
    owner.slaves.forget(LOCAL)
    owner.run_until(lambda: bool(found))
    other = owner.find(BELOW)
    assert other is not found[0] and found[0].link.error is None
    found[0].release("a request")
    owner.run_until(lambda: parent.link.error is not None)
    assert other.link.error is None


def test_no_slave_is_started_after_the_end(owner: Owner) -> None:
    owner.slaves.close()
    found: list[PooledSlave | NotReached] = []
    owner.slaves.find(LOCAL, found.append)
    assert isinstance(found[0], NotReached)


def test_a_slave_of_this_machine_has_the_limit_of_who_asks_for_it(owner: Owner) -> None:
    """Not the broker's, which needs more files than a module may have."""
    usual = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (usual[1] - 1, usual[1]))
    try:
        hops = [route.local_hop([sys.executable])]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, usual)
    slave = owner.find(hops)
    limits = pathlib.Path(f"/proc/{process_of(slave)}/limits").read_text()
    (line,) = [line for line in limits.splitlines() if line.startswith("Max open files")]
    assert line.split()[3] == str(usual[1] - 1)


@pytest.fixture
def no_room() -> Iterator[Callable[[], None]]:
    """Lower this process's limit of open files to one that leaves no room for a slave."""
    usual = resource.getrlimit(resource.RLIMIT_NOFILE)

    def lower() -> None:
        limit = len(os.listdir("/dev/fd")) + open_files._RESERVE - 1
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, usual[1]))

    yield lower
    resource.setrlimit(resource.RLIMIT_NOFILE, usual)


def test_the_host_unused_for_longest_makes_room(owner: Owner, no_room: Callable[[], None]) -> None:
    hops = [[LOCAL[0].replace(key=name)] for name in "abcd"]
    first, below, second = owner.find(hops[0]), owner.find(hops[0] + OTHER[1:]), owner.find(hops[1])
    first.release("a request")
    second.release("a request")
    below.users.add("a request")  # type: ignore[arg-type]
    no_room()
    third = owner.find(hops[2])
    assert second.link.error is not None
    assert first.link.error is below.link.error is third.link.error is None
    third.users.add("a request")  # type: ignore[arg-type]
    assert owner.find(hops[3]).link.error is None  # none is idle: what is free has to do
    assert first.link.error is below.link.error is third.link.error is None


#: A slave that become leads to, as it needs no sudo here.
BECOME = BELOW


def test_an_old_one_of_become_is_replaced_when_nothing_is_under_way(
    owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its account may have lost the rights that its start needs.  Its login stays in a run."""
    parent, child = owner.find(), owner.find(BECOME)
    assert owner.find(BECOME) is child
    monkeypatch.setattr(pooled_slave, "_YOUNG", -1)
    child.users.add("a request")  # type: ignore[arg-type]
    assert owner.find(BECOME) is child
    child.release("a request")  # type: ignore[arg-type]
    other = owner.find(BECOME)
    assert other is not child and child.link.error is not None
    assert owner.find() is parent and parent.link.error is None


def test_old_logins_end_at_the_start_of_a_run_when_nothing_is_under_way(
    owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent, child, idle = owner.find(), owner.find(BELOW), owner.find(OTHER)
    owner.slaves.end_old()
    assert owner.slaves.all() == [parent, child, idle]
    monkeypatch.setattr(pooled_slave, "_YOUNG", -1)
    child.users.add("a request")  # type: ignore[arg-type]
    owner.slaves.end_old()
    assert owner.slaves.all() == [parent, child]
    child.release("a request")  # type: ignore[arg-type]
    owner.slaves.end_old()
    assert owner.slaves.all() == [] and parent.link.error is not None


def account(number: int) -> route.Route:
    """The route to the slave of one of many accounts."""
    return [*LOCAL, BELOW[1].replace(key=str(number))]


def living(slaves: list[PooledSlave]) -> list[PooledSlave]:
    return [slave for slave in slaves if processes.process(process_of(slave)) is not None]


def test_a_host_has_a_limited_number_of_slaves(owner: Owner) -> None:
    """As for a loop over many become users: those unused for longest end first."""
    parent = owner.find()
    slaves = []
    for number in range(24):
        slaves.append(owner.find(account(number)))
        assert len(living(slaves)) < running_slaves._MOST
        owner.find(account(0)).release("a request")  # type: ignore[arg-type]
    assert living(slaves) == [slaves[0], *slaves[-14:]] and parent.link.error is None


def test_hosts_behind_a_bastion_are_hosts_of_their_own(
    owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their slaves are none of the bastion's, and end alone; the bastion ends with all of them."""
    monkeypatch.setattr(running_slaves, "_MOST", 2)
    routes = [[*LOCAL, LOCAL[0].replace(key=str(number))] for number in range(4)]
    bastion, *slaves = [owner.find(each) for each in (LOCAL, *routes)]
    assert living(slaves) == slaves
    vacated: list[bool] = []
    owner.slaves.vacate(LOCAL, messages.ALL_ACCOUNTS, lambda: vacated.append(True))
    owner.run_until(lambda: bool(vacated))
    owner.slaves.forget(routes[0])
    owner.run_until(lambda: living(slaves) == slaves[1:])
    owner.slaves.forget(LOCAL)
    owner.run_until(lambda: not living([bastion, *slaves]))


def test_a_program_that_a_bastion_cannot_run_is_no_python_that_is_missing(owner: Owner) -> None:
    """As the shell's status would say; it may have no room for processes or open files."""
    behind = [*LOCAL, LOCAL[0].replace(kind="ssh", key="behind", argv=["/missing/ssh"])]
    found: list[PooledSlave | NotReached] = []
    owner.slaves.find(behind, found.append)
    owner.run_until(lambda: bool(found))
    assert isinstance(found[0], NotReached)
    assert (found[0].hop, found[0].status, found[0].stderr) == (1, None, "")
    assert "local cannot run /missing/ssh: " in found[0].text


def test_no_one_in_use_ends_for_another(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many at a time: each starts, and the first start after that has what is idle end."""
    monkeypatch.setattr(running_slaves, "_MOST", 3)
    slaves: list[PooledSlave] = []

    def use(slave: PooledSlave | NotReached) -> None:
        assert isinstance(slave, PooledSlave), slave.text
        slave.users.add("a request")  # type: ignore[arg-type]
        slaves.append(slave)

    for number in range(6):
        owner.slaves.find(account(number), use)
    owner.run_until(lambda: len(slaves) == 6)
    assert living(slaves) == slaves
    for slave in slaves[1:]:
        slave.release("a request")  # type: ignore[arg-type]
    last = owner.find(account(6))
    assert living(slaves) == slaves[:1] and last.link.error is None


def test_no_password_is_kept_for_a_slave(owner: Owner) -> None:
    hop = LOCAL[0].replace(password="secret")
    kept = weakref.ref(hop)
    slave = owner.find([hop])
    del hop
    gc.collect()
    assert kept() is None and slave.link.error is None


def both(owner: Owner, hops: route.Route, between: Callable[[], None]) -> list[PooledSlave]:
    """Return the slaves of two requests, the second of which comes while the first one starts."""
    found: list[Any] = []
    owner.slaves.find(hops, found.append)
    between()
    owner.slaves.find(hops, found.append)
    owner.run_until(lambda: len(found) == 2)
    return found


def test_a_slave_whose_start_is_under_way_is_reset(owner: Owner) -> None:
    first, second = both(owner, LOCAL, lambda: owner.slaves.forget(LOCAL))
    assert first is not second and owner.find() is second


def test_a_slave_that_a_retired_one_starts_is_given_to_no_later_request(owner: Owner) -> None:
    login = owner.find()
    first, second = both(owner, BELOW, lambda: owner.slaves.retire(login))
    assert first is not second and owner.find(BELOW) is second
    assert owner.find() is not login and owner.find() in owner.slaves.all()
