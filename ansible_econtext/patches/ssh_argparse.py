"""Parsers of ssh's options, of which each connection makes one, and hardly any uses it."""

import argparse
import types
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from ansible.plugins.connection import ssh

from ansible_econtext.core.patch import replaced


class _LateParser:
    """Becomes an ArgumentParser when it is used."""

    def __init__(self) -> None:
        self._arguments: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def add_argument(self, *args: Any, **kwargs: Any) -> None:
        self._arguments.append((args, kwargs))

    def __getattr__(self, name: str) -> Any:
        parser = argparse.ArgumentParser()
        for args, kwargs in self._arguments:
            parser.add_argument(*args, **kwargs)
        return getattr(parser, name)


class _Argparse(types.ModuleType):
    """The module `argparse`, but for the one class."""

    ArgumentParser = _LateParser

    def __getattr__(self, name: str) -> Any:
        return getattr(argparse, name)


def made_when_wanted() -> AbstractContextManager[None]:
    """Have the ssh plugin's parsers made when they are used.

    Source: `Connection.__init__` in `plugins/connection/ssh.py`, 2.19 to 2.21; it looks for
    `-t` among the options, before it runs a module the stock way.
    """
    if getattr(ssh, "argparse", None) is not argparse:
        return nullcontext()
    return replaced(ssh, argparse=_Argparse("argparse"))
