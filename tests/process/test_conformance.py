"""Each route gives the same: calls, errors, output, imports, calls that are alone, and sessions."""

import json
import logging
import os
import pickle
import posixpath

import pytest

from econtext import CallError
from econtext.target import codec

from .conftest import MANY, MANY_NUMBERS
from .target import ending, plain
from .target.family import functions

VALUES = [
    None,
    True,
    False,
    0,
    -1,
    2**63 - 1,
    2**63,
    -(10**3000),
    0.5,
    float("inf"),
    "text \u00e9\u4e2d\U0001f600",
    "a file name that is not UTF-8: \udcff",
    b"bytes \x00\xff",
    [],
    [1, [2, [3]]],
    (),
    (1, "two", b"three"),
    {},
    {"key": {1: None, b"3": [4], None: (), 0.5: {}}},
    set(),
    {1, "two", None},
    frozenset([1, b"2"]),
]


# Values


class HashableList(list):
    """What a caller's own classes may do: a list that can be a key."""

    __hash__ = object.__hash__


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_values(context, value):
    assert context.call(plain.echo, value, named=value) == [[value], [value]]


def test_the_standard_library_is_there_already(context):
    assert context.call(os.getpid) != context.greeting["pid"]
    assert context.call(json.loads, '{"one": [1]}') == {"one": [1]}
    assert context.call(posixpath.join, "one", b"two".decode()) == "one/two"


def test_functions_in_classes(context):
    assert context.call(plain.Methods.of_class, 1) == ["Methods", 1]
    assert context.call(plain.Methods.of_nobody, "value") == "value"


@pytest.mark.parametrize("name", ["bytearray", "memoryview"])
def test_bytes_of_every_kind(context, name):
    assert context.call(plain.of_type, name) == b"bytes"


@pytest.mark.parametrize("name", ["object", "generator", "deep", "key"])
def test_what_cannot_be_returned(context, name):
    """The caller is told so, and the slave goes on."""
    with pytest.raises(CallError, match="EncodeError"):
        context.call(plain.of_type, name)
    assert context.call(plain.echo) == [[], []]


@pytest.mark.parametrize(
    "value",
    [object(), 1j, plain.deep(200), {HashableList(): 1}, {(1,)}, 10**5000],
    ids=lambda value: "",
)
def test_what_cannot_be_sent(context, value):
    with pytest.raises(codec.EncodeError):
        context.call(plain.echo, value)
    assert context.call(plain.echo) == [[], []]


def test_what_cannot_be_called(context):
    for function in (lambda: 0, plain.Methods().of_class.__call__, "".join):
        with pytest.raises(TypeError, match="no importable name"):
            context.call(function)
    with pytest.raises(CallError) as caught:
        context.call(plain.echo.__class__, 1)  # there is no such name in the module
    assert caught.value.kind


# Errors


def test_an_exception(context):
    with pytest.raises(CallError) as caught:
        context.call(plain.fail, "what was wrong")
    error = caught.value
    assert (error.kind, error.text) == ("ValueError", "what was wrong")
    line = plain.fail.__code__.co_firstlineno + 1
    assert f'plain.py", line {line}, in fail' in error.traceback
    assert "memory:process/target/plain.py" in error.traceback
    assert "raise ValueError(text)" in error.traceback
    assert "ValueError: what was wrong" in str(error)


def test_an_exception_is_of_its_builtin_class(context):
    with pytest.raises(ValueError, match="ValueError: what was wrong") as caught:
        context.call(plain.fail, "what was wrong")
    again = pickle.loads(pickle.dumps(caught.value))
    assert (type(again), again.args) == (type(caught.value), caught.value.args)
    notes = "".join(getattr(caught.value, "__notes__", [str(caught.value)]))
    assert caught.value.traceback in notes and "in fail" in notes
    with pytest.raises(KeyError) as caught:
        context.call(plain.of_type, "nothing")
    assert str(caught.value).startswith(f"KeyError: {caught.value.text}")


def test_a_module_that_is_not_there(context):
    with pytest.raises(ImportError) as caught:
        context.call(functions.missing_module)
    directory = os.path.dirname(functions.__file__)
    said = f"process.target.family.nothing was looked for here, in {directory}, and on the target"
    assert caught.value.hint == (said if context.greeting["python"] > [3] else "")


def test_data_of_a_package(context):
    assert context.call(functions.data, "data.txt") == b"text of a package\n"
    assert context.call(functions.data, "data/inner.txt") == "inner \xe4\n".encode()
    with pytest.raises(OSError, match="nothing"):
        context.call(functions.data, "nothing")


def test_resources_of_a_package(context):
    """By importlib.resources, where the target's Python has what is for files of packages."""
    if tuple(context.greeting["python"]) < (3, 9):
        pytest.skip("needs Python 3.9")
    text, names, kinds, copied = context.call(functions.resources)
    assert text == copied == "inner \xe4\n"
    assert {"data.txt", "data", "functions.py"} <= set(names)
    assert kinds == [True, False, False]


def test_an_exception_with_any_text(context):
    with pytest.raises(CallError) as caught:
        context.call(plain.fail, "\u00e9 \u4e2d")
    assert caught.value.text == "\u00e9 \u4e2d"


def test_other_exceptions(context):
    for function, arguments, kind in (
        (plain.fail_own, (), "process.target.plain.Custom"),
        (plain.leave, (3,), "SystemExit"),
        (plain.interrupt, (), "KeyboardInterrupt"),
        (plain.fail, (), "TypeError"),
        (functions.missing, (), None),
    ):
        with pytest.raises(CallError) as caught:
            context.call(function, *arguments)
        assert caught.value.kind in (kind, "ImportError", "ModuleNotFoundError")


def test_a_fork_of_a_function_gives_no_result(context):
    """Its result came first; then that of the call itself broke the link, for all its calls."""
    assert context.call(plain.return_twice) == "the call"
    assert context.call(plain.echo) == [[], []]


def test_a_daemon_of_a_function_logs_to_no_file_of_its_own(context, open_directory):
    """It closed the call's socket, and another file had the number of that."""
    assert context.call(plain.log_as_a_daemon, str(open_directory)) == 20 * ["0"]


@pytest.mark.parametrize("text", ["x", "\u00e9", "\U0001f600"])
def test_the_text_of_an_exception_is_bounded(context, text):
    with pytest.raises(CallError) as caught:
        context.call(plain.fail_at_length, text, 1 << 20)
    sent = caught.value.text, caught.value.traceback
    assert all(caught.value.text[at] == text for at in (0, -1))
    assert sum(len(part.encode("utf-8", "surrogatepass")) for part in sent) < 1 << 20
    assert "in fail_at_length" in sent[1]


# Output


def lines(caplog, context, ending):
    name = f"econtext.{context.name}.{ending}"
    return [record.getMessage() for record in caplog.records if record.name == name]


@pytest.mark.parametrize("function", [plain.say, plain.say_below])
def test_output_reaches_the_log(context, caplog, function):
    texts = ["one\ntwo\n\nthree", "oops\n"]
    if function is plain.say_below:
        texts = [text.encode() for text in texts]
    context.call(function, *texts)
    assert lines(caplog, context, "stdout") == ["one", "two", "three"]
    assert lines(caplog, context, "stderr") == ["oops"]
    tags = {getattr(each, "call", "") for each in caplog.records if context.name in each.name}
    [(number, name)] = {tuple(tag.split()) for tag in tags}
    assert int(number) and name == f"process.target.plain.{function.__name__}"


def test_output_at_the_end_of_the_process(context, caplog):
    context.call(plain.say_at_exit)
    assert sorted(lines(caplog, context, "stdout")) == ["at exit", "in a thread"]


def test_output_that_is_not_text(context, caplog):
    context.call(plain.say_below, b"\xff\x00\n", b"\xc3")
    assert lines(caplog, context, "stdout") == ["\ufffd?"]
    assert lines(caplog, context, "stderr") == ["\ufffd"]


def test_log_records_are_forwarded(context, caplog):
    context.call(plain.log_something)
    assert [(record.name, record.levelno, record.getMessage()) for record in caplog.records] == [
        (f"econtext.{context.name}", logging.INFO, "plain: at info, 100 %"),
        (f"econtext.{context.name}", logging.WARNING, "plain: at warning: \u00e9"),
    ]


def test_the_length_of_a_log_record_is_bounded(context, caplog):
    context.call(plain.log_at_length)
    [record] = caplog.records
    assert len(record.getMessage()) < 1 << 16


def test_log_records_come_in_order(context, caplog):
    context.call(plain.log_much, 500)
    messages = [record.getMessage() for record in caplog.records]
    assert messages == [f"plain: record {number}" for number in range(500)]


def test_there_is_no_input(context):
    assert context.call(plain.read_input) == b""


# Imports


def test_modules_come_from_the_controller(context):
    assert context.call(functions.names) == [
        "family",
        "child",
        "child",
        ["family", "child", "late"],
    ]
    filename, name, source = context.call(functions.where)
    assert filename == "memory:process/target/family/late.py"
    assert name == "process.target.family.late"
    assert source.startswith('"""A module that nothing imports')


def test_a_module_is_run_as_a_script(context):
    assert context.call(functions.as_a_script) == ["family", "child", "late"]


def test_a_module_that_does_not_exist(context):
    with pytest.raises(CallError) as caught:
        context.call(functions.missing)
    assert caught.value.kind in ("ImportError", "ModuleNotFoundError")


def test_imports_in_threads(context):
    """Each thread gets the module that it asked for, though answers change places: the slave
    has the even ones after the first call, and asks the controller for the odd ones."""
    even = [number for number in MANY_NUMBERS if number % 2 == 0]
    for numbers in (even, [*reversed(MANY_NUMBERS)]):
        got = context.start(functions.in_threads, MANY, numbers).result(30)
        assert got == {number: number for number in numbers}


# Calls are alone


def test_each_call_has_a_process_of_its_own(context):
    states = [context.call(plain.state) for _ in range(3)]
    pids = {state["pid"] for state in states}
    assert len(pids) == 3 and context.greeting["pid"] not in pids
    assert {state["parent"] for state in states} == {context.greeting["pid"]}


def test_nothing_leaks_from_one_call_to_the_next(context, tmp_path):
    before = context.call(plain.spoil, str(tmp_path))
    after = context.call(plain.state)
    for same in ("counter", "directory", "mask", "variable", "path", "modules"):
        assert after[same] == before[same], same
    assert context.call(plain.random_number) != context.call(plain.random_number)


def test_calls_run_at_the_same_time(context, tmp_path):
    """Each waits for all others: they end only if none waits for another one's end."""
    number = 12
    futures = [
        context.start(ending.meet, str(tmp_path), str(each), number) for each in range(number)
    ]
    assert len({future.result(60) for future in futures}) == number


def test_many_calls_are_answered_each_with_its_own(context):
    futures = [context.start(plain.echo, number) for number in range(60)]
    assert [future.result(60) for future in futures] == [[[number], []] for number in range(60)]


# Call sessions


def test_values_in_a_session(session):
    for value in VALUES:
        assert session.call(plain.echo, value, named=value) == [[value], [value]]


def test_calls_of_a_session_have_one_process_and_its_state(session, context):
    first, second = (session.call(plain.state) for _ in range(2))
    assert second["pid"] == first["pid"] != context.greeting["pid"]
    assert first["parent"] == context.greeting["pid"]
    assert second["counter"] == first["counter"] + 1 == 2
    assert context.call(plain.state)["counter"] == 1


def test_an_exception_in_a_session(session):
    for function, arguments, kind in (
        (plain.fail, ("what was wrong",), "ValueError"),
        (plain.leave, (3,), "SystemExit"),
        (plain.of_type, ("object",), "econtext.target.codec.EncodeError"),
    ):
        with pytest.raises(CallError) as caught:
            session.call(function, *arguments)
        assert caught.value.kind == kind
    assert session.call(plain.echo) == [[], []]


def test_output_of_a_session(session, context, caplog):
    for text in ("one\ntwo", "three\n"):
        session.call(plain.say, text, text.upper())
        assert lines(caplog, context, "stdout")[-1] == text.split()[-1]
    assert lines(caplog, context, "stdout") == ["one", "two", "three"]
    assert lines(caplog, context, "stderr") == ["ONE", "TWO", "THREE"]
    assert session.call(plain.read_input) == b""


def test_log_records_of_a_session(session, caplog):
    for _ in range(2):
        session.call(plain.log_something)
    messages = [record.getMessage() for record in caplog.records]
    assert messages == 2 * ["plain: at info, 100 %", "plain: at warning: \u00e9"]


def test_modules_of_a_session_come_from_the_controller(session):
    """Also of packages that no call before named, and those that the router offers."""
    assert session.call(os.getpid) == session.call(os.getpid)
    assert session.call(functions.names)[0] == "family"
    assert session.call(functions.in_threads, MANY, [0]) == {0: 0}
    with pytest.raises(CallError):
        session.call(functions.missing)


def test_a_fork_of_a_function_gives_no_reply(session):
    assert session.call(plain.return_twice) == "the call"
    assert session.call(plain.echo) == [[], []]


def test_calls_of_a_session_run_in_the_order_of_their_starts(session):
    futures = [session.start(plain.state) for _ in range(100)]
    assert [future.result(60)["counter"] for future in futures] == list(range(1, 101))
