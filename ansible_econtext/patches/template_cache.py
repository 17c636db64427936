"""Cache of compiled templates, as ansible-core compiles one at each use."""

import threading
import types
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

from jinja2 import nodes
from jinja2.environment import TemplateExpression
from jinja2.exceptions import TemplateSyntaxError

from ansible_econtext.core.patch import replaced

#: Compiled templates that are kept at most.
_MOST = 2000


class _Kept(NamedTuple):
    """Compiled template, with what it was compiled for."""

    code: types.CodeType
    #: ("filters" or "tests", name, what Jinja passes besides its arguments) of each one called.
    plugins: tuple[tuple[str, str, object], ...]


def compiled_once() -> AbstractContextManager[None]:
    """Compile each template and expression once for the time of a play.

    Source: `AnsibleEnvironment` in `_internal/_templating/_jinja_bits.py`, 2.19 to 2.21, which
    has no cache.  Compiling takes nine tenths of a template's time.  The code depends on the text,
    on the delimiters, on whether backslashes are escaped (`AnsibleLexer`), and on how the filters
    and tests that are named want to be called.
    """
    from ansible._internal._templating import _jinja_bits

    kind: Any = _jinja_bits.AnsibleEnvironment
    if "compile" in vars(kind) or kind._debuggable_template_source:
        return nullcontext()
    cache = _Cache(_jinja_bits)
    expression = cache.expression(kind.compile_expression)
    return replaced(kind, compile=cache.compile(kind.compile), compile_expression=expression)


class _Cache:
    """Cache of one play, for all its threads."""

    def __init__(self, internals: Any) -> None:
        self._internals = internals
        self._kept: dict[tuple[Any, ...], _Kept] = {}
        #: `made` is what the present thread compiled of an expression last.
        self._last = threading.local()

    def compile(self, stock: Callable[..., Any]) -> Callable[..., Any]:
        """Return the replacement of `Environment.compile`."""

        def compile(
            environment: Any,
            source: Any,
            name: str | None = None,
            filename: str | None = None,
            **kwargs: Any,
        ) -> Any:
            if kwargs:  # no code object is wanted
                return stock(environment, source, name, filename, **kwargs)
            if isinstance(source, nodes.Template):  # an expression: `expression` keeps it
                code = stock(environment, source, name, filename)
                self._last.made = _Kept(code, _plugins_of(source, environment))
                return code
            # Files that a template imports or includes have names.
            key = self._key(environment, "template", source, name, filename)
            code = self._find(environment, key)
            if code is None:
                try:
                    tree = environment._parse(source, name, filename)
                    plugins = _plugins_of(tree, environment)
                    code = stock(environment, tree, name, filename)
                except TemplateSyntaxError:
                    return stock(environment, source, name, filename)  # which reports it
                self._keep(key, _Kept(code, plugins))
            return code

        return compile

    def expression(self, stock: Callable[..., Any]) -> Callable[..., Any]:
        """Return the replacement of `AnsibleEnvironment.compile_expression`."""

        def compile_expression(
            environment: Any, source: str, undefined_to_none: bool = True
        ) -> TemplateExpression:
            key = self._key(environment, "expression", source)
            code = self._find(environment, key)
            if code is None:
                self._last.made = None
                made: TemplateExpression = stock(environment, source, undefined_to_none)
                if self._last.made is not None:
                    self._keep(key, self._last.made)
                return made
            variables = environment.make_globals(None)
            template = environment.template_class.from_code(environment, code, variables, None)
            return TemplateExpression(template, undefined_to_none)

        return compile_expression

    def _key(self, environment: Any, kind: str, source: str, *names: object) -> tuple[Any, ...]:
        context = self._internals._TemplateCompileContext.current(optional=True)
        fields = self._internals._TEMPLATE_OVERRIDE_FIELD_NAMES
        return (
            kind,
            str.__str__(source),
            *names,
            type(environment),
            context is not None and context.escape_backslashes,
            *(getattr(environment, field) for field in fields),
        )

    def _find(self, environment: Any, key: tuple[Any, ...]) -> types.CodeType | None:
        kept = self._kept.get(key)
        if kept is None:
            return None
        for where, name, passed in kept.plugins:
            if _passed(environment, where, name) is not passed:
                return None
        return kept.code

    def _keep(self, key: tuple[Any, ...], kept: _Kept) -> None:
        if len(self._kept) >= _MOST:
            self._kept.clear()
        self._kept[key] = kept


def _plugins_of(tree: nodes.Template, environment: Any) -> tuple[tuple[str, str, object], ...]:
    found = {("filters", node.name) for node in tree.find_all(nodes.Filter)}
    found |= {("tests", node.name) for node in tree.find_all(nodes.Test)}
    return tuple((where, name, _passed(environment, where, name)) for where, name in found)


def _passed(environment: Any, where: str, name: str) -> object:
    """Return what Jinja passes besides the arguments to a filter or test, or None."""
    try:
        return getattr(getattr(environment, where)[name], "jinja_pass_arg", None)
    except KeyError:
        return "missing"  # an error if the template comes to call it
    except Exception:
        return object()  # it cannot be loaded: a new compilation reports that
