"""The same properties by atheris, if that is installed: `python -m tests.fuzz.with_atheris`.

Its arguments are a property's name, then libFuzzer's (`-max_total_time=60`).  Its own corpus is
below `.hypothesis`, which `make clean` removes; what it finds goes to the kept one by hand.
"""

from __future__ import annotations

import pathlib
import sys

import atheris

with atheris.instrument_imports(include=["econtext", "ansible_econtext"]):
    from .properties import PROPERTIES

from . import corpus

#: An input's bytes at the most, seconds that one may take, and MiB that all may.
OPTIONS = ("-max_len=4000", "-timeout=10", "-rss_limit_mb=1024", "-artifact_prefix=.hypothesis/")


def main(name: str, *arguments: str) -> None:
    """Fuzz one property; libFuzzer ends the process."""
    check = PROPERTIES[name]
    directory = pathlib.Path(".hypothesis", "atheris", name)
    directory.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(corpus.read(name)):
        (directory / str(number)).write_bytes(data)

    def once(data: bytes) -> None:
        check(data)

    atheris.Setup(["atheris", *OPTIONS, *arguments, str(directory)], once)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
