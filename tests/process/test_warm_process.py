"""One module, run many times in one call process by each Python that a target may have."""

import ast
import os
import subprocess
import tempfile

from econtext.target import codec, store, wire

from .shipped import IMPORTS, ROOT

#: What a call process does, without the slave around it.
RUN = (
    IMPORTS
    + """
modules, nameless_files, read_once = sys.argv[2:5]
from econtext.target import call, codec, compat, importer, store
from ansible_econtext.target import freshness, memfd, warm_process
if nameless_files == "none":
    memfd.files = lambda name: iter(())
freshness._PATHS.append(read_once)
freshness._BEGAN.append(None)
kept = store.Store()
with open(modules, "rb") as file:
    for content in codec.decode(file.read()):
        manifest = kept.add(content)
call.importer = importer.Importer(kept)
compat.install_finder(call.importer)
assert warm_process.run(manifest, "ansible.modules.it") == (None, [])
"""
)

#: ansible-core's `basic` and what else a payload brings along, as far as it matters here.
BASIC = "_ANSIBLE_ARGS = None\nwarnings, parsed, kinds = [], {}, {1}\nchanged = None\n"
LATE = "runs = []\n"

#: Tells all that a run could know of the ones before it, then leaves as much as it can.
MODULE = r"""
import os, socket, stat, sys, tempfile
from ansible.module_utils import basic


def main():
    global left
    parameters = basic._ANSIBLE_ARGS.decode()
    if parameters == "leave":
        os._exit(7)
    if parameters == "fork" and os.fork() == 0:
        sys.exit(5)
    if parameters == "fork":
        print(os.WEXITSTATUS(os.wait()[1]))
    if parameters == "open":
        globals()["sys"].left_open = open("/dev/null")
    if parameters == "log":
        globals()["sys"].left_open = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    if parameters == "temporary":
        print(tempfile.gettempdir())
    if parameters.startswith("touch "):
        open(parameters[6:], "w").close()
    from ansible.module_utils import late
    umask = os.umask(0o7)
    new = hasattr(basic, "new"), "left" in globals()
    known = basic.warnings, basic.parsed, sorted(basic.kinds), basic.changed, new, late.runs
    print(repr((known, umask, os.getcwd(), os.environ.get("LEFT"), os.environ.get("GIVEN"))))
    print(repr((sys.excepthook is sys.__excepthook__, os.read(0, 9) == b"")))
    assert stat.S_ISFIFO(os.fstat(0).st_mode)
    basic.warnings.append(1)
    basic.parsed["key"] = basic.changed = basic.new = left = 1
    basic.kinds.clear()
    late.runs.append(1)
    os.environ["LEFT"] = "it is"
    del os.environ["GIVEN"]
    os.chdir("/")
    sys.excepthook = lambda *_: None
    sys.stderr.write("an error\n")
    sys.stdout.flush()
    os.write(1, ("by descriptor: " + parameters + "\n").encode())
    if parameters == "raise":
        raise ValueError("of a module")
    sys.exit(3 if parameters == "fail" else 0)


if __name__ == "__main__":
    main()
"""


def contents() -> list[bytes]:
    """Of a payload; the last one is its manifest."""
    modules = {
        "ansible": "",
        "ansible.modules": "",
        "ansible.module_utils": "",
        "ansible.module_utils.basic": BASIC,
        "ansible.module_utils.late": LATE,
        "ansible.modules.it": MODULE,
    }
    entries = []
    for name, text in modules.items():
        is_package = not text
        path = name.replace(".", "/") + ("/__init__.py" if is_package else ".py")
        entries.append((name, is_package, f"memory:payload.zip/{path}", text.encode()))
    manifest = [(*entry[:3], store.digest_of(entry[3])) for entry in entries]
    return [*(entry[3] for entry in entries), codec.encode(manifest)]


def start(python, tmp_path, parameters, nameless_files="some", environments=None):
    """Runs the module with each of the parameters; the process, which has ended."""
    environments = environments or [{}] * len(parameters)
    made = contents()
    (tmp_path / "modules").write_bytes(codec.encode(made))
    requests = [
        {
            "deferred": [],
            "manifest": store.digest_of(made[-1]),
            "name": "ansible.modules.it",
            "parameters": each.encode(),
            "profile": None,
            "open_files": 0,
            "environment": {"GIVEN": "to each", **environment},
            "directory": None,
            "remote_tmp": str(tmp_path),
            "is_anew": False,
            "library": "memory:",
        }
        for each, environment in zip(parameters, environments, strict=True)
    ]
    (tmp_path / "here").mkdir()
    places = [str(tmp_path / "modules"), nameless_files, str(tmp_path / "read once")]
    return subprocess.run(
        [python, "-c", RUN, str(ROOT), *places],
        input=b"".join(wire.frame(wire.CALL, 0, codec.encode(each)) for each in requests),
        capture_output=True,
        timeout=60,
        umask=0o22,
        cwd=tmp_path / "here",
    )


def replies(done):
    """(status, directories made, standard output, standard error) of each run."""
    found, printed = [], {wire.STDOUT: b"", wire.STDERR: b""}
    for kind, _, body in wire.Reader(frozenset([wire.RESULT, wire.DATA])).feed(done.stdout):
        if kind == wire.DATA:
            stream, data = wire.split_data(body)
            printed[stream] += data
        else:
            found.append((*codec.decode(body), *printed.values()))
            printed = dict.fromkeys(printed, b"")
    return found


def test_no_run_knows_of_the_ones_before(python, tmp_path):
    done = start(python, tmp_path, ["one", "two", "three"])
    assert done.returncode == 0, done.stderr
    here = str(tmp_path / "here")
    known = [[], {}, [1], None, (False, False), []]
    first = (tuple(known), 0o22, here, None, "to each")
    for (status, made, stdout, stderr), word in zip(
        replies(done), ["one", "two", "three"], strict=True
    ):
        assert (status, made, stderr) == (0, [], b"an error\n")
        lines = stdout.decode().splitlines()
        assert ast.literal_eval(lines[0]) == first
        assert lines[1:] == ["(True, True)", f"by descriptor: {word}"]


def test_each_run_has_the_directory_for_temporary_files_of_its_environment(python, tmp_path):
    """Python looks for it once in a process, and before 3.8 for a nameless file."""
    places = [str(tmp_path / name) for name in ("one", "two")]
    for place in places:
        os.mkdir(place)
    environments = [{}, *({"TMPDIR": place} for place in places), {}]
    done = start(python, tmp_path, ["temporary"] * 4, environments=environments)
    found = [reply[2].decode().splitlines()[0] for reply in replies(done)]
    usual = tempfile.gettempdir()
    assert found == [usual, *places, usual], done.stderr


def test_failures_are_of_their_run_alone(python, tmp_path):
    done = start(python, tmp_path, ["fail", "raise", "one", "fail"])
    assert done.returncode == 0, done.stderr
    assert [reply[0] for reply in replies(done)] == [3, 1, 0, 3]
    assert [reply[3].count(b"an error") for reply in replies(done)] == [1, 1, 1, 1]


def test_who_leaves_takes_what_comes_later_with_it(python, tmp_path):
    done = start(python, tmp_path, ["one", "leave", "never"])
    assert done.returncode == 7
    assert len(replies(done)) == 1


def test_a_fork_of_a_module_sends_no_reply(python, tmp_path):
    done = start(python, tmp_path, ["fork", "one"])
    assert done.returncode == 0, done.stderr
    first, second = replies(done)
    assert first[2].startswith(b"5\n") and second[2].endswith(b"by descriptor: one\n")


def test_who_leaves_something_open_is_the_last_one(python, tmp_path):
    done = start(python, tmp_path, ["one", "open", "never"])
    assert done.returncode == 0, done.stderr
    assert len(replies(done)) == 2


def test_a_socket_to_the_systems_log_is_left_by_each_module(python, tmp_path):
    done = start(python, tmp_path, ["log", "log", "one"])
    assert done.returncode == 0, done.stderr
    assert len(replies(done)) == 3


def test_none_runs_when_the_system_has_changed(python, tmp_path):
    """The C library knows the time zone, or where users are looked up, as it was before."""
    done = start(python, tmp_path, ["one", f"touch {tmp_path}/read once", "never"])
    assert done.returncode == 1  # by freshness.Outdated, which a call process replies
    assert len(replies(done)) == 2


def test_much_output_is_whole(python, tmp_path):
    much = "0123456789" * 30000
    done = start(python, tmp_path, [much, "one"])
    assert done.returncode == 0, done.stderr
    first, second = replies(done)
    assert first[2].endswith(b"by descriptor: " + much.encode() + b"\n")
    assert second[2].endswith(b"by descriptor: one\n")


def test_without_nameless_files_nothing_is_done(python, tmp_path):
    done = start(python, tmp_path, ["one"], nameless_files="none")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
