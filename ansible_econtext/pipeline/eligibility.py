"""Check whether the items of a loop may be sent before their turn."""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean
from ansible.utils.display import Display

from ansible_econtext import settings
from ansible_econtext.core import actions, module_facts, plugin_use
from ansible_econtext.pipeline import template_dependencies

display = Display()

#: Actions that are one call of a module.
_ACTIONS = frozenset(["command", "shell", "normal"])

#: Attributes of a task that do not change what an item does, or that are checked apart.
_OTHERS = frozenset(
    """changed_when failed_when loop loop_control loop_with name notify register tags until vars
    when""".split()
)


def may_run_ahead(task: Any, variables: Mapping[str, Any], items: list[Any]) -> bool:
    """Return whether a loop's items may be sent before their turn; display why not."""
    if len(items) < 3 or not settings.is_on("LOOPS"):
        return False
    try:
        _check_task(task)
        if plugin_use.others_replace(template_dependencies.PURE):
            raise template_dependencies.Dependent(
                "others' filters or tests by names of ansible-core's"
            )
        _check_templates(task, variables)
    except template_dependencies.Dependent as reason:
        display.vvv(f"econtext: items one by one: {reason}")
        return False
    return True


def _check_task(task: Any) -> None:
    """Raise Dependent unless a task calls one module, without facts.

    Then later items can learn of it only by the registered variable.
    """
    plugin = actions.action_plugin(task)
    if plugin not in _ACTIONS or not actions.is_core_action(plugin):
        raise template_dependencies.Dependent("the action")
    if not module_facts.gives_none(task):
        raise template_dependencies.Dependent(f"facts of the module {task.action}")
    control = task.loop_control
    for name in ("pause", "extended", "break_when"):
        if getattr(control, name, None):
            raise template_dependencies.Dependent(f"loop_control.{name}")
    for name in ("until", "async_val", "delegate_to", "timeout"):
        if getattr(task, name):
            raise template_dependencies.Dependent(name)
    if task.retries is not None:
        raise template_dependencies.Dependent("retries")


def _check_templates(task: Any, variables: Mapping[str, Any]) -> None:
    """Raise Dependent if an item's templates may depend on how other items went.

    Templates of the connection's options count, and the user's variables of econtext.
    """
    chosen = variables.get("econtext_loops", True)  # a value that is no boolean counts as false
    if not isinstance(chosen, (bool, str)) or not boolean(chosen, strict=False):
        raise template_dependencies.Dependent("econtext_loops")
    registered = _registered_by(task)
    attributes = [getattr(task, name) for name in task.fattributes if name not in _OTHERS]
    template_dependencies.check(attributes, task.when or (), variables, registered)
    if any(name.startswith("ansible_") for name in registered):
        raise template_dependencies.Dependent("a variable of Ansible's own")
    options = [
        value
        for name, value in variables.items()
        if (name.startswith("ansible_") or name == "econtext_terminal") and isinstance(value, str)
    ]
    template_dependencies.check(options, (), variables, registered)
    own = [task.changed_when or (), task.failed_when or ()]
    template_dependencies.check([task.loop_control.label or ""], own, variables, frozenset())
    template_dependencies.check_items(task.loop, variables, registered)


def _registered_by(task: Any) -> frozenset[str]:
    """Return the names of the variables that hold a task's result."""
    registers = task.register or ()  # in 2.21, names with an expression each
    return frozenset([registers] if isinstance(registers, str) else registers)
