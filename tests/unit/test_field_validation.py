"""Fields come out of validation and copies as they do in ansible-core itself."""

import pytest

pytest.importorskip("ansible.release")
from ansible.errors import AnsibleError  # noqa: E402
from ansible.parsing.dataloader import DataLoader  # noqa: E402
from ansible.playbook.block import Block  # noqa: E402
from ansible.playbook.play import Play  # noqa: E402
from ansible.playbook.play_context import PlayContext  # noqa: E402
from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from ansible_econtext.patches import field_validation  # noqa: E402
from tests.support.core import needs_2_19  # noqa: E402

pytestmark = [needs_2_19, pytest.mark.usefixtures("names_of_collections")]

VARIABLES = {"yes": True, "name": "somebody", "number": "7", "list": ["one"], "nothing": None}

#: What a task may have, right and wrong.
KEYWORDS = {
    "name": ["a name", "{{ name }}", "{{ missing }}"],
    "become": [True, "yes", "{{ yes }}", "perhaps"],
    "become_user": ["root", "{{ name }}", "{{ omit }}"],
    "remote_user": ["somebody", "{{ name }}"],
    "port": [22, "22", "{{ number }}", "port"],
    "timeout": [0, "{{ number }}", 1.5],
    "retries": [3, "{{ number }}", "3", "three"],
    "delay": [1, "{{ number }}", "soon"],
    "throttle": [0, 2, "{{ number }}"],
    "ignore_errors": [True, "no", "{{ not yes }}"],
    "check_mode": [True, "{{ yes }}", "none"],
    "run_once": [False, "{{ yes }}"],
    "tags": [[], ["one", "{{ name }}"], "two"],
    "when": [[], "yes", ["yes", True]],
    "environment": [[], {"NAME": "{{ name }}"}, "{{ list }}"],
    "notify": [[], ["a handler"], "{{ list }}"],
    "changed_when": [[], False, "yes"],
    "register": ["result"],
    "collections": [["ansible.builtin"]],
    "any_errors_fatal": ["{{ nothing }}", True],
    "args": [{"data": "{{ name }}"}],
    "vars": [{"other": "{{ name }}"}],
    "debugger": ["never", "{{ name }}"],
}

TASKS = st.lists(st.sampled_from(sorted(KEYWORDS)), unique=True).flatmap(
    lambda names: st.fixed_dictionaries({name: st.sampled_from(KEYWORDS[name]) for name in names})
)


def templar():
    from ansible._internal._templating._engine import TemplateEngine

    return TemplateEngine(loader=DataLoader(), variables=VARIABLES)


def tagged(value):
    """As it comes from a file."""
    from ansible._internal._datatag._tags import Origin, TrustedAsTemplate

    if isinstance(value, dict):
        value = {tagged(key): tagged(each) for key, each in value.items()}
    elif isinstance(value, list):
        value = [tagged(each) for each in value]
    if value is None or isinstance(value, bool):
        return value
    value = Origin(path="/play.yml", line_num=7).tag(value)
    return TrustedAsTemplate().tag(value) if isinstance(value, str) else value


def task_of(keywords):
    data = tagged({"name": "a block", "block": [{"ansible.builtin.ping": None, **keywords}]})
    play = Play.load({"hosts": "all", "remote_user": "of the play"}, loader=DataLoader())
    return Block.load(data, play=play, loader=DataLoader()).block[0]


def seen(value):
    """All that there is to see of a value."""
    from ansible.module_utils._internal._datatag import AnsibleTagHelper

    if hasattr(value, "fattributes"):
        return type(value), seen({name: getattr(value, name) for name in value.fattributes})
    if isinstance(value, dict):
        inner = [(seen(key), seen(each)) for key, each in value.items()]
    elif isinstance(value, (list, tuple)):
        inner = [seen(each) for each in value]
    else:
        inner = value
    return type(value), inner, sorted(map(repr, AnsibleTagHelper.tags(value)))


def values_of(owner):
    names = [f"_{name}" for name in owner.fattributes]
    others = ["_finalized", "_squashed", "_validated", "_loader", "_origin", "_ds"]
    own = vars(owner)
    there = {name: own[name] for name in names if name in own}
    return there | {name: id(own[name]) for name in others if name in own}


def outcome(owner, templar):
    try:
        owner.post_validate(templar)
    except Exception as error:
        return type(error), str(error)
    return seen(owner), owner.finalized


@given(TASKS, st.booleans())
def test_a_task_is_validated_as_before(keywords, is_squashed):
    try:
        task = task_of(keywords)
    except Exception:
        return  # refused when it is read

    def validated():
        own = task.copy()
        if is_squashed:
            own.squash()
        return outcome(own, templar())

    before = validated()
    with field_validation.validated_once():
        assert [validated(), validated()] == [before, before]
    assert validated() == before


@given(TASKS, st.sampled_from([{}, {"ansible_port": "x"}, {"ansible_port": 7}]))
def test_a_play_context_is_validated_as_before(keywords, variables):
    try:
        task = task_of(keywords)
    except Exception:
        return

    def validated():
        engine = templar()
        made = PlayContext().set_task_and_variable_override(task, dict(variables), engine)
        return outcome(made, engine)

    before = validated()
    with field_validation.validated_once():
        assert [validated(), validated()] == [before, before]


@given(TASKS)
def test_a_copy_is_as_before_and_its_own(keywords):
    try:
        task = task_of(keywords)
    except Exception:
        return
    for owner in (task, task._parent, PlayContext()):
        before = seen(values_of(owner.copy()))
        with field_validation.validated_once():
            made = owner.copy()
            assert (seen(values_of(made)), made._uuid) == (before, owner._uuid)
            for name, value in vars(made).items():
                if isinstance(value, (list, dict)) and name != "_ds":
                    assert value is not vars(owner).get(name)


def test_what_is_too_deep_is_told_as_before(monkeypatch):
    task = task_of({})

    def too_deep(self, *args, **kwargs):
        raise RecursionError

    with field_validation.validated_once():
        task.copy()
        monkeypatch.setattr(type(task), "__init__", too_deep)
        with pytest.raises(AnsibleError, match="Exceeded maximum object depth"):
            task.copy()


def test_a_value_that_is_no_template_is_looked_at_once(monkeypatch):
    looked_at = []
    kind = field_validation.FieldAttributeBase
    stock = kind.post_validate_attribute

    def counted(owner, name, *, templar):
        looked_at.append(name)
        return stock(owner, name, templar=templar)

    monkeypatch.setattr(kind, "post_validate_attribute", counted)
    task = task_of({"become_user": "{{ name }}", "remote_user": "somebody", "port": 22})
    with field_validation.validated_once():
        task.copy().post_validate(templar())
        assert {"become_user", "remote_user", "port"} <= set(looked_at)
        looked_at.clear()
        task.copy().post_validate(templar())
    assert "become_user" in looked_at
    assert not {"remote_user", "port", "become", "retries", "when"} & set(looked_at)
