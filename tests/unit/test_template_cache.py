"""Templates that are compiled once come to what they would come to."""

import pytest

pytest.importorskip(
    "ansible._internal._templating._jinja_bits", reason="ansible-core 2.19 and later"
)
import ansible.template  # noqa: E402
from ansible._internal._templating import _engine, _jinja_bits  # noqa: E402
from ansible.errors import AnsibleTemplateError  # noqa: E402
from ansible.parsing.dataloader import DataLoader  # noqa: E402

from ansible_econtext.patches import template_cache  # noqa: E402

VARIABLES = {"item": "x", "number": 3, "inner": ansible.template.trust_as_template("<{{ item }}>")}


@pytest.fixture
def compiled(monkeypatch):
    """The texts of what Jinja compiles."""
    found = []
    stock = _jinja_bits.AnsibleEnvironment._generate

    def generate(self, source, *args, **kwargs):
        found.append(source)
        return stock(self, source, *args, **kwargs)

    monkeypatch.setattr(_jinja_bits.AnsibleEnvironment, "_generate", generate)
    return found


def engine(**variables):
    return _engine.TemplateEngine(variables={**VARIABLES, **variables})


def fill_in(text, options=None, **variables):
    template = ansible.template.trust_as_template(text)
    return engine(**variables).template(template, **({"options": options} if options else {}))


def conditional(text, **variables):
    return engine(**variables).evaluate_conditional(ansible.template.trust_as_template(text))


@pytest.mark.parametrize(
    "text",
    [
        "{{ item }}",
        "{{ number }}",
        "a {{ item | upper }} {{ inner }} {% if number is odd %}odd{% endif %}\n",
        "{{ [1, 2] | map('string') | list }}",
        "{% set a = [number] %}{{ a + [4] }}",
        r"{{ 'a\nb' | length }}",
        "{# nothing #}",
        "#jinja2: variable_start_string:'[%', variable_end_string:'%]'\n[% item %] {{ item }}",
    ],
)
def test_a_template(text, compiled):
    stock = [fill_in(text), fill_in(text, item=["y"])]
    with template_cache.compiled_once():
        assert fill_in(text) == stock[0]
        compiled.clear()
        assert [fill_in(text), fill_in(text, item=["y"])] == stock
        assert not compiled


@pytest.mark.parametrize("text", ["item == 'x'", "number is odd and item is not defined"])
def test_an_expression(text, compiled):
    stock = [conditional(text), conditional(text, item="y")]
    with template_cache.compiled_once():
        compiled.clear()
        assert [conditional(text), conditional(text, item="y")] == stock
        assert len(compiled) == 1


def test_a_file_that_is_imported_is_compiled_until_it_changes(tmp_path, compiled):
    (tmp_path / "macros.j2").write_text("{% macro twice(x) %}{{ x }}{{ x }}{% endmacro %}")
    template = ansible.template.trust_as_template(
        "{% import 'macros.j2' as macros %}{{ macros.twice(item) }}"
    )
    loader = DataLoader()
    loader.set_basedir(str(tmp_path))

    def filled_in():
        return _engine.TemplateEngine(loader=loader, variables=VARIABLES).template(template)

    with template_cache.compiled_once():
        assert filled_in() == "xx"
        compiled.clear()
        assert filled_in() == "xx"
        assert not compiled
        (tmp_path / "macros.j2").write_text("{% macro twice(x) %}2{{ x }}{% endmacro %}")
        assert filled_in() == "2x"
        (tmp_path / "macros.j2").write_text("{% macro twice(x) %}2{{ x }{% endmacro %}")
        with pytest.raises(AnsibleTemplateError) as own:
            filled_in()
    with pytest.raises(AnsibleTemplateError) as stock:
        filled_in()
    assert str(own.value) == str(stock.value)


def test_an_expression_is_no_template():
    text = ansible.template.trust_as_template("'{{ number }}' ~ 1")
    stock = [engine().template(text), engine().evaluate_expression(text)]
    assert stock[0] != stock[1]
    with template_cache.compiled_once():
        for _ in range(2):
            assert [engine().template(text), engine().evaluate_expression(text)] == stock


def test_what_is_between_other_marks_is_another_template():
    other = _jinja_bits.TemplateOverrides(variable_start_string="[%", variable_end_string="%]")
    text = "{{ item }} [% item %]"
    with template_cache.compiled_once():
        for _ in range(2):
            assert fill_in(text) == "x [% item %]"
            assert fill_in(text, _engine.TemplateOptions(overrides=other)) == "{{ item }} x"


def test_backslashes_are_escaped_or_not():
    text = r"{{ 'a\nb' | length }}"
    with template_cache.compiled_once():
        for escape in (True, False, True):
            options = _engine.TemplateOptions(escape_backslashes=escape)
            assert fill_in(text, options) == (4 if escape else 3)


def test_an_error_stays_one():
    with template_cache.compiled_once():
        for text in ("{{ missing_variable }}", "{{ broken", "{{ item | no_such_filter }}"):
            for _ in range(2):
                with pytest.raises(AnsibleTemplateError):
                    fill_in(text)


def test_a_filter_that_is_called_in_another_way_by_now(monkeypatch):
    """A role may bring one of the same name."""
    made = engine()
    template = ansible.template.trust_as_template("{{ item | own }}")
    filters = made.environment.filters
    with template_cache.compiled_once():
        filters._wrapped_funcs["own"] = lambda value: f"plain {value}"
        assert made.template(template) == "plain x"

        def with_environment(environment, value):
            return f"{type(environment).__name__} {value}"

        from jinja2 import pass_environment

        filters._wrapped_funcs["own"] = pass_environment(with_environment)
        assert made.template(template) == "AnsibleEnvironment x"


def test_what_is_kept_is_bounded(monkeypatch, compiled):
    monkeypatch.setattr(template_cache, "_MOST", 2)
    with template_cache.compiled_once():
        for _ in range(2):
            for number in range(5):
                assert fill_in("{{ number + " + str(number) + " }}") == 3 + number
        assert len(compiled) > 5


def test_nothing_is_left(compiled):
    stock = _jinja_bits.AnsibleEnvironment.compile
    with template_cache.compiled_once():
        assert _jinja_bits.AnsibleEnvironment.compile is not stock
        fill_in("{{ item }}")
    assert _jinja_bits.AnsibleEnvironment.compile is stock
    compiled.clear()
    fill_in("{{ item }}")
    assert len(compiled) == 1
