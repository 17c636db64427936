"""Functions that import in all the usual ways."""

from __future__ import absolute_import, unicode_literals

import sys
import threading

from . import CHILD, NAME
from .child import NAME as SAME


def names():
    from .late import NAMES

    return [NAME, CHILD, SAME, NAMES]


def where():
    """Where a module came from, and what tools see of it."""
    import inspect

    from . import late

    return ["%s" % text for text in (late.__file__, late.__name__, inspect.getsource(late))]


def as_a_script():
    """Run a module as `python -m` does, which finds it by other means than `import`."""
    import runpy

    name = str("%s.late" % __package__)
    return runpy.run_module(name, run_name=str("__main__"))["NAMES"]


def missing():
    from . import missing  # noqa: F401


def missing_module():
    __import__("%s.nothing" % __package__)


def outside():
    """A package that exists on the controller and was not offered."""
    import pytest  # noqa: F401


def in_threads(package, numbers):
    """Import a module in each thread, all at once; what each one got."""
    got = {}

    def load(number):
        module = "%s.m%d" % (package, number)
        __import__(module)
        got[number] = sys.modules[module].NUMBER

    threads = [threading.Thread(target=load, args=(number,)) for number in numbers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return got


def data(path):
    import pkgutil

    return pkgutil.get_data(__package__, path)


def resources():
    import importlib.resources

    root = importlib.resources.files(__package__)
    inner = root / "data" / "inner.txt"
    with importlib.resources.as_file(inner) as path:
        with open(str(path), encoding="utf-8") as opened:
            copied = opened.read()
    kinds = [
        root.joinpath("data").is_dir(),
        root.joinpath("data.txt").is_dir(),
        (root / "x").is_file(),
    ]
    return inner.read_text("utf-8"), sorted(each.name for each in root.iterdir()), kinds, copied
