"""Faults by others: a second run of the same user, other accounts, an upgrade, the clock."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.play import ANSIBLE_PLAYBOOK, CHECKOUT

from .cast import Cast
from .faults import Fault
from .stages import Scene

#: Modules that Python, ansible-core and econtext import, and what they do if they are planted.
_PLANTED = ("json", "os", "zlib", "struct", "signal", "subprocess", "ansible", "econtext")
_MARK = "open({!r}, 'a').write(__name__)\n"


# A second run


def _other(*tasks: dict[str, Any], is_killed: bool = False) -> Fault:
    """Return the fault that another run with the same broker does these tasks."""

    def strike(scene: Scene, cast: Cast) -> None:
        run = scene.directory / "run"
        config = run / "ansible.cfg"  # without the callback, whose file is the first run's
        text = config.read_text("utf-8").replace("callbacks_enabled = record\n", "")
        config.write_text(text, encoding="utf-8")
        some = [*tasks, scene.counted("other")]
        play = [{"hosts": "target", "gather_facts": False, "tasks": some}]
        (run / "other.yml").write_text(json.dumps(play), encoding="utf-8")
        if is_killed:
            scene.target.hold("other")
        with open(run / "other", "wb") as out:
            process = subprocess.Popen(
                [str(ANSIBLE_PLAYBOOK), str(run / "other.yml")],
                cwd=run,
                env=cast.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        if is_killed:
            scene.until(lambda: scene.target.arrived("other"), "the other run is at work")
            process.kill()
        status = process.wait(60)
        assert is_killed or status == 0, (run / "other").read_text("utf-8")

    return Fault(strike)


def _stop(scene: Scene, cast: Cast) -> None:
    """Stop all brokers, as the user does."""
    subprocess.run(
        [sys.executable, "-m", "ansible_econtext.cli", "stop"],
        env=cast.environment | {"PYTHONPATH": str(CHECKOUT)},
        check=True,
        capture_output=True,
        timeout=60,
    )


RUNS = {
    "resets": _other({"command": "true"}, {"meta": "reset_connection"}),
    "vacates": _other({"shell": ": userdel"}),
    "vacates as root": _other({"shell": ": userdel", "become": True}),
    "is killed": _other(is_killed=True),
    "stops": Fault(_stop),
}


# Other accounts


@contextlib.contextmanager
def _planted_modules(scene: Scene) -> Iterator[None]:
    """Put modules where each Python of the account begins, in its home."""
    mark = scene.target.directory / "planted"
    for name in _PLANTED:
        path = scene.target.account.home / f"{name}.py"
        scene.target.script(path, _MARK.format(str(mark)))
    yield
    assert not mark.exists(), f"imported from the home: {mark.read_text()}"


def _planted_home(kind: str) -> Fault:
    """Return the fault that the directory of brokers is there before, and another's."""

    @contextlib.contextmanager
    def around(scene: Scene) -> Iterator[None]:
        elsewhere = scene.directory / "elsewhere"
        elsewhere.mkdir()
        os.chown(elsewhere, scene.target.account.uid, -1)

        def plant(home: str) -> None:
            path = f"{home}/econtext"
            if kind == "link":
                os.symlink(elsewhere, path)
            elif kind == "file":
                open(path, "w").close()
            else:
                os.mkdir(path)
                os.chmod(path, 0o777 if kind == "open" else 0o700)
                if kind == "of another":
                    os.chown(path, scene.target.account.uid, -1)

        scene.before_start.append(plant)
        yield
        assert not list(elsewhere.iterdir())

    return Fault(around=around)


ACCOUNTS = {
    "modules in home": Fault(around=_planted_modules),
    **{f"{kind} for brokers": _planted_home(kind) for kind in ("link", "file", "open")},
    "directory of another for brokers": _planted_home("of another"),
}


# An upgrade in the middle of the run


def _new_python(scene: Scene, cast: Cast) -> None:
    """Replace the target's Python, as a package manager does."""
    new = scene.target.python.with_name("new")
    shutil.copy("/usr/bin/python3", new)
    new.rename(scene.target.python)


@contextlib.contextmanager
def _own_code(scene: Scene) -> Iterator[None]:
    """Give the run a copy of econtext, which may be changed."""
    code = scene.directory / "code"
    for name in ("econtext", "ansible_econtext", "plugins"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(CHECKOUT / name, code / name, ignore=ignored)
    scene.configuration["strategy_plugins"] = str(code / "plugins" / "strategy")
    yield


def _new_code(scene: Scene, cast: Cast) -> None:
    """Put a new release in the place of the one that runs: the same, with other stamps."""
    code = scene.directory / "code"
    for path in sorted(code.rglob("*.py")):
        new = path.with_suffix(".new")
        new.write_text(path.read_text("utf-8") + "\n# upgraded\n", encoding="utf-8")
        new.rename(path)


UPGRADES = {
    "Python": Fault(_new_python),
    "econtext": Fault(_new_code, around=_own_code),
}


# The clock


def _clock(side: str, seconds: int) -> Fault:
    """Return the fault that the clock of one side is set when the run is at its stage.

    The side's processes see another time by clock.c; the machine's clock is not touched.
    """

    @contextlib.contextmanager
    def around(scene: Scene) -> Iterator[None]:
        root = scene.target.account.root
        library, link = root / "clock.so", root / "clock"
        compiler = shutil.which("cc")
        if compiler is None:
            pytest.skip("needs a C compiler, to have processes see another time")
        source = pathlib.Path(__file__).with_name("clock.c")
        command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(source)]
        subprocess.run(command, check=True, timeout=60)
        if side == "controller":
            scene.environment |= {"LD_PRELOAD": str(library), "FAULTS_CLOCK": str(link)}
        try:
            yield
        finally:
            link.unlink(missing_ok=True)

    def strike(scene: Scene, cast: Cast) -> None:
        link = scene.target.account.root / "clock"
        link.symlink_to(str(seconds))
        if side == "controller":
            look = [sys.executable, "-c", "import time; print(time.time())"]
            seen = subprocess.run(look, env=cast.environment, capture_output=True, timeout=60)
            assert abs(float(seen.stdout) - time.time() - seconds) < 600

    preload = "LD_PRELOAD=$HOME-root/clock.so FAULTS_CLOCK=$HOME-root/clock"
    on_target = f'ForceCommand {preload} exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"\n'
    return Fault(strike, around=around, config=on_target if side == "target" else "")


CLOCKS = {
    f"{side} an hour {word}": _clock(side, seconds)
    for side in ("controller", "target")
    for word, seconds in (("back", -3600), ("forward", 3600))
}
