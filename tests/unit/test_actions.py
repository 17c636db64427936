"""Which action plugin runs a task."""

import pytest

pytest.importorskip("ansible._internal._task")  # ansible-core 2.19 and later
from ansible.executor.play_iterator import PlayIterator  # noqa: E402
from ansible.inventory.manager import InventoryManager  # noqa: E402
from ansible.parsing.dataloader import DataLoader  # noqa: E402
from ansible.playbook.play import Play  # noqa: E402
from ansible.playbook.play_context import PlayContext  # noqa: E402
from ansible.vars.manager import VariableManager  # noqa: E402

from ansible_econtext.core import actions  # noqa: E402

pytestmark = pytest.mark.usefixtures("names_of_collections")


@pytest.fixture
def first_task():
    """Make a play of these keywords, and return the task that its host begins with."""

    def made(**keywords):
        loader = DataLoader()
        inventory = InventoryManager(loader=loader, sources=["one,"])
        variables = VariableManager(loader=loader, inventory=inventory)
        play = Play().load({"hosts": "all", **keywords}, variables, loader)
        iterator = PlayIterator(inventory, play, PlayContext(play), variables, {})
        host = inventory.get_host("one")
        while True:
            _, task = iterator.get_next_task_for_host(host)
            if task.action not in ("meta", "ansible.builtin.meta"):
                return task

    return made


@pytest.mark.parametrize(
    ("task", "plugin"),
    [
        ({"ansible.builtin.copy": {"dest": "/x"}}, "copy"),
        ({"copy": {"dest": "/x"}}, "copy"),
        ({"ping": None}, "normal"),
        ({"ansible.builtin.gather_facts": None}, "gather_facts"),
    ],
    ids=str,
)
def test_tasks_of_a_play(first_task, task, plugin):
    found = first_task(gather_facts=False, tasks=[task])
    assert actions.action_plugin(found) == plugin


def test_the_task_that_gathers_facts_as_a_play_begins_resolves_nothing(first_task):
    found = first_task(gather_facts=True, tasks=[{"ping": None}])
    assert found.action == "gather_facts"
    assert actions.action_plugin(found) == "unknown"
