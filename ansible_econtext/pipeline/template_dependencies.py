"""Search for templates by which a loop's item may depend on the ones before it.

An item depends on them if a template leads to a variable that the task registers, or reads
anything but its variables.  A function, filter or test that is not known counts as doing so.
"""

import functools
import re
from collections.abc import Iterable, Mapping
from typing import Any

import jinja2
from jinja2 import nodes

#: Variables that hold all others, and the task's own results (ansible-core 2.21).
_EVERYTHING = frozenset(["vars", "hostvars", "varnames", "_task"])

#: Functions, filters, tests and methods that read their arguments alone.
_FUNCTIONS = frozenset(["range", "dict", "namespace"])
PURE = frozenset(
    """abs all any b64decode b64encode basename batch bool boolean capitalize center changed
    combinations combine contains count d default defined dict2items dictsort difference dirname
    divisibleby e eq equalto escape even extract failed false falsy first flatten float forceescape
    format from_json from_yaml ge greaterthan groupby gt hash human_readable human_to_bytes in
    indent int integer intersect iterable issubset issuperset items items2dict join keys last
    le length lessthan list log lower lt map mapping match max min ne none number odd
    path_join permutations pow product quote regex regex_escape regex_findall regex_replace
    regex_search reject rejectattr replace reverse root round rekey_on_member sameas search select
    selectattr sequence skipped slice sort split splitext startswith string subelements subset
    succeeded success sum superset symmetric_difference ternary title to_json to_nice_json
    to_nice_yaml to_yaml trim true truncate truthy type_debug undefined union unique upper urlencode
    urlsplit urldecode version version_compare wordcount zip zip_longest""".split()
)
_METHODS = frozenset(
    """capitalize count endswith find format get index isdigit items join keys lower lstrip
    partition removeprefix removesuffix replace rfind rpartition rsplit rstrip split splitlines
    startswith strip title upper values zfill""".split()
)
#: Filters that call a filter or test by name, with the number of that argument.
_BY_NAME = {"map": 0, "select": 0, "reject": 0, "selectattr": 1, "rejectattr": 1}
_PREFIX = re.compile(r"ansible\.(builtin|legacy)\.")
#: Statements that read a file, which may read any variable.
_OF_FILES = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)

_environment = jinja2.Environment(extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"])


class Dependent(Exception):
    """Raised if an item may depend on others; its text names the reason."""


def check(
    values: Iterable[Any],
    conditions: Iterable[Any],
    variables: Mapping[str, Any],
    registered: frozenset[str],
) -> None:
    """Raise Dependent if `values` or `conditions` may depend on how other items went.

    These are values with templates, and expressions.  `registered` are the variables that hold the
    results of other items.
    """
    _Search(variables, registered).look([*values, *(_as_template(each) for each in conditions)])


def check_items(loop: Any, variables: Mapping[str, Any], registered: frozenset[str]) -> None:
    """Raise Dependent if the list of a loop's items may depend on how others went.

    The list is made when the loop begins, but ansible-core may fill in templates of the variables
    in it when their item comes.
    """
    search = _Search(variables, registered)
    if isinstance(loop, str):
        search.look_at_names(loop)
    else:
        search.look(loop)


def _as_template(condition: Any) -> Any:
    if isinstance(condition, (list, tuple)):
        return [_as_template(each) for each in condition]
    if isinstance(condition, str) and "{{" not in condition and "{%" not in condition:
        return "{{ " + condition + " }}"
    return condition


class _Search:
    """Search through values, and through each variable that they lead to, once."""

    def __init__(self, variables: Mapping[str, Any], names: frozenset[str]) -> None:
        self._variables = variables
        self._names = names
        self._seen: set[str] = set()

    def look(self, value: Any) -> None:
        """Look through a value and all that its templates lead to; raises Dependent."""
        if isinstance(value, str):
            if value.startswith("#jinja2:"):
                raise Dependent("a template with marks of its own")
            if "{{" in value or "{%" in value:
                self._look_at_template(str(value))
        elif isinstance(value, Mapping):
            for key, inner in value.items():
                self.look(key)
                self.look(inner)
        elif isinstance(value, (list, tuple, set, frozenset)):
            for inner in value:
                self.look(inner)
        elif not isinstance(value, (int, float, bytes, type(None))):
            raise Dependent(f"a value of type {type(value).__name__}")

    def _look_at_template(self, template: str) -> None:
        kinds = (nodes.Filter, nodes.Test, nodes.Call, *_OF_FILES)
        for node in _parse(template).find_all(kinds):
            _check_node(node)
        self.look_at_names(template)

    def look_at_names(self, template: str) -> None:
        """Look through the variables that a template names; raises Dependent."""
        for name in _parse(template).find_all(nodes.Name):
            self._look_at_name(name.name)

    def _look_at_name(self, name: str) -> None:
        if name in self._seen:
            return
        self._seen.add(name)
        if name in self._names or name in _EVERYTHING:
            raise Dependent(f"the variable {name}")
        if name in self._variables and name != "omit":
            self.look(self._variables[name])


@functools.lru_cache(maxsize=256)
def _parse(template: str) -> nodes.Template:
    try:
        return _environment.parse(template)
    except jinja2.TemplateError as error:
        raise Dependent(f"a template that cannot be read: {error}") from error


def _check_node(node: nodes.Node) -> None:
    if isinstance(node, _OF_FILES):
        raise Dependent("a file")
    if isinstance(node, nodes.Call):
        function = node.node
        known = isinstance(function, nodes.Name) and function.name in _FUNCTIONS
        method = isinstance(function, nodes.Getattr) and function.attr in _METHODS
        if not known and not method:
            raise Dependent("a function")
        return
    assert isinstance(node, (nodes.Filter, nodes.Test))
    name = _PREFIX.sub("", node.name)
    for argument in node.args[_BY_NAME[name] :][:1] if name in _BY_NAME else ():
        inner = _PREFIX.sub("", str(getattr(argument, "value", "")))
        if inner not in PURE:
            raise Dependent(f"the filter or test {inner}")
    if name not in PURE:
        raise Dependent(f"the filter or test {name}")
