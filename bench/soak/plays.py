"""The work of a soak: tasks of several kinds, each of which leaves its number on the target.

A number has twelve digits: four of the run, three of the host, five of the task or item.  Each
execution appends a line with it to one file of the target.
"""

import re

LINE = 13  # bytes, of twelve digits and the end of the line

#: Kinds of tasks, in their order.  A loop has three items.
KINDS = (
    *("ping", "command", "copy", "template", "become"),
    *("module", "shell", "loop", "set_fact", "command"),
)
ITEMS = 3
#: Tasks of a block.  ansible-core copies all tasks of a block for each `template` task in it
#: (`Task.copy`), so 10,000 tasks in one block would take as long as that takes 1,000 times.
BLOCK = 50
#: Kinds that leave no number.
UNCOUNTED = ("ping", "set_fact")


def tasks(count: int, long_at: int | None = None) -> tuple[list[dict], list[str]]:
    """Return `count` tasks, and the numbers within a run and a host that they leave.

    `long_at` is the place of a task that would sleep for longer than any other wait.
    """
    made: list[dict] = []
    numbers: list[str] = []
    for place in range(count):
        kind = "long" if place == long_at else KINDS[place % len(KINDS)]
        first = len(numbers)
        taken = 0 if kind in UNCOUNTED else ITEMS if kind == "loop" else 1
        own = [f"{number:05}" for number in range(first, first + taken)]
        numbers += own
        name = own[0] if own else "-"
        made.append({"name": f"{name} {kind}", **_BODIES[kind](own or [f"{place:05}"], place)})
    return made, numbers


def play(count: int, long_at: int | None = None) -> tuple[list[dict], list[str]]:
    """Return a playbook of one play, and the numbers that each host leaves."""
    made, numbers = tasks(count, long_at)
    variables = {"prefix": "{{ run }}{{ host_number }}"}
    blocks = [{"block": made[start : start + BLOCK]} for start in range(0, count, BLOCK)]
    return [{"hosts": "all", "gather_facts": False, "vars": variables, "tasks": blocks}], numbers


def _copy(own: list[str], place: int) -> dict:
    # The number is left as the file is checked, and changes it, so that it is checked each time.
    return {
        "copy": {
            "content": f"{own[0]} of {{{{ prefix }}}}\n",
            "dest": f"{{{{ destination }}}}/copy.{{{{ host_number }}}}.{place % 20}",
            "validate": _count(own[0]) + " %s",
        }
    }


def _template(own: list[str], place: int) -> dict:
    return {
        "template": {
            "src": "soak.j2",
            "dest": f"{{{{ destination }}}}/template.{{{{ host_number }}}}.{place % 20}",
            "validate": _count(own[0]) + " %s",
        },
        "vars": {"number": own[0]},
    }


def _count(number: str) -> str:
    return f"{{{{ destination }}}}/count {{{{ prefix }}}}{number}"


_BODIES = {
    "ping": lambda own, place: {"ping": {"data": own[0]}},
    "command": lambda own, place: {"command": _count(own[0])},
    "copy": _copy,
    "template": _template,
    "become": lambda own, place: {"command": _count(own[0]), "become": "{{ becomes }}"},
    "module": lambda own, place: {
        "leave_number": {"path": "{{ executed }}", "number": f"{{{{ prefix }}}}{own[0]}"}
    },
    "shell": lambda own, place: {"shell": f"echo {{{{ prefix }}}}{own[0]} >> {{{{ executed }}}}"},
    "loop": lambda own, place: {"command": _count("{{ item }}"), "loop": own},
    "set_fact": lambda own, place: {"set_fact": {"latest": f"{{{{ prefix }}}}{own[0]}"}},
    "long": lambda own, place: {"shell": f"{_count(own[0])}; exec sleep 300.{{{{ prefix }}}}"},
}

TEMPLATE = (
    "{% for line in range(20) %}\n{{ number }} of {{ prefix }}, line {{ line }}\n{% endfor %}\n"
)

COUNT = '#!/bin/sh\necho "$1" >> {executed}\n'

MODULE = """\
from ansible.module_utils.basic import AnsibleModule


def main():
    module = AnsibleModule({"path": {"type": "path"}, "number": {"type": "str"}})
    with open(module.params["path"], "a") as file:
        file.write(module.params["number"] + "\\n")
    module.exit_json(changed=True)


main()
"""


def reported(output: str, run: str, hosts: dict[str, str]) -> list[str]:
    """Return the numbers of tasks and items that a run's output says were done.

    `hosts` has the three digits of each host's name.
    """
    found = []
    number = ""
    for line in output.splitlines():
        if begun := re.match(r"TASK \[(\d{5}|-) ", line):
            number = begun[1]
        done = re.match(r"(?:ok|changed): \[([\w.]+)\](?: => \(item=(\d{5})\))?", line)
        if done and number.isdigit():
            found.append(run + hosts[done[1]] + (done[2] or number))
    return found


def recap(output: str) -> dict[str, dict[str, int]]:
    """Return the counts of each host in the recap at the end of a run's output."""
    _, _, tail = output.rpartition("PLAY RECAP")
    lines = re.findall(r"^([\w.]+)\s+: (.+)$", tail, re.M)
    return {
        host: {name: int(count) for name, count in re.findall(r"(\w+)=(\d+)", counts)}
        for host, counts in lines
    }
