"""Which loops may be prepared ahead: what is not known for certain may not."""

import pytest

pytest.importorskip("ansible.release")

from ansible_econtext.pipeline import template_dependencies  # noqa: E402

VARIABLES = {
    "plain": "text",
    "number": 3,
    "nested": {"list": ["{{ number }}", {"deep": "{{ leads_there }}"}]},
    "leads_there": "{{ told.stdout | default('') }}",
    "looks_elsewhere": "{{ lookup('file', '/etc/motd') }}",
    "a_loop": "{{ a_loop }}",
    "omit": object(),
    "strange": object(),
}
TOLD = frozenset(["told"])


@pytest.mark.parametrize(
    "template",
    [
        "no template",
        "{{ item }} {{ plain }} {{ number + 1 }}",
        "{{ item.name | default(omit) }}",
        "{{ item.path | basename | upper }}",
        "{{ item.split(',') | map('int') | list }}",
        "{{ plain if item is match('x') else a_loop }}",
        "{{ [1, 2] | selectattr('name', 'equalto', item) | map(attribute='name') }}",
        "{% for each in range(3) %}{{ each | ansible.builtin.string }}{% endfor %}",
        "{{ unknown.told }}",
        ["{{ item }}", {"key": 1, "{{ plain }}": None}],
    ],
)
def test_what_is_made_of_its_variables_alone(template):
    template_dependencies.check([template], ["item is defined", True], VARIABLES, TOLD)


@pytest.mark.parametrize(
    "template",
    [
        "{{ told }}",
        "{{ leads_there }}",
        "{{ nested.list }}",
        "{{ vars['told'] }}",
        "{{ hostvars[inventory_hostname].told }}",
        "{{ looks_elsewhere }}",
        "{{ lookup('env', 'HOME') }}",
        "{{ query('fileglob', '*') }}",
        "{{ item is file }}",
        "{{ item | realpath }}",
        "{{ item | some.collection.filter }}",
        "{{ items | map('realpath') }}",
        "{{ items | map(plain) }}",
        "{{ items | selectattr('path', 'exists') }}",
        "{{ plain.append(item) }}",
        "{% set x = nested.update({}) %}",
        "{{ now() }}",
        "{{ broken",
        "{{ strange }}",
        "{% include 'file' %}",
        "{% import 'file' as names with context %}{{ names }}",
        "{% from 'file' import name with context %}{{ name }}",
        "{% extends 'file' %}",
        "#jinja2:variable_start_string:'[%', variable_end_string:'%]'\n[% told %]",
        [{"key": ["{{ told.rc }}"]}],
    ],
)
def test_what_may_look_different_later(template):
    with pytest.raises(template_dependencies.Dependent):
        template_dependencies.check([template], [], VARIABLES, TOLD)


@pytest.mark.parametrize("condition", ["told is failed", ["plain", "told.rc == 0"], "item is file"])
def test_conditions_are_looked_at_like_templates(condition):
    with pytest.raises(template_dependencies.Dependent):
        template_dependencies.check([], [condition], VARIABLES, TOLD)


def test_what_a_loop_goes_over_is_made_once_but_its_variables_may_not_be():
    template_dependencies.check_items("{{ query('fileglob', plain) }}", VARIABLES, TOLD)
    template_dependencies.check_items(["{{ plain }}"], VARIABLES, TOLD)
    for loop in ("{{ nested }}", "{{ looks_elsewhere }}", ["{{ lookup('env', 'HOME') }}"]):
        with pytest.raises(template_dependencies.Dependent):
            template_dependencies.check_items(loop, VARIABLES, TOLD)
