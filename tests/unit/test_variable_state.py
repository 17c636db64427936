"""Copies of the variables that a task thread takes at its start."""

from tests.support.core import needs_2_19

pytestmark = needs_2_19


class Stand:
    """What has attributes alone, for a VariableManager or a HostVars."""

    def __init__(self, **attributes):
        vars(self).update(attributes)


def test_the_dict_of_all_variables_keeps_its_tags():
    """ansible-core 2.21 marks it as deprecated; a plain copy told nobody."""
    from ansible.module_utils._internal._datatag import AnsibleTagHelper
    from ansible.module_utils._internal._datatag._tags import Deprecated

    from ansible_econtext.core import variable_state

    tag = Deprecated(msg="no more")
    manager = Stand(
        _fact_cache={},
        _nonpersistent_fact_cache={},
        _vars_cache={},
        _hostvars=Stand(_variable_manager=None),
    )
    variables = {"vars": AnsibleTagHelper.tag({"one": 1}, tag)}
    arguments = {"variable_manager": manager, "task_vars": variables}
    every = variable_state.of_now(arguments, loader=None)["task_vars"]["vars"]
    assert AnsibleTagHelper.tags(every) == {tag}
    assert every["one"] == 1 and every["hostvars"] is not manager._hostvars
