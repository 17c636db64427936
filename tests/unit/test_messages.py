"""Requests and replies: typed records, and what is refused."""

import types
from typing import Any, get_args, get_origin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_econtext.client import messages, record, route
from ansible_econtext.client.record import Record, RecordError
from econtext.target import codec

REQUESTS = messages.Request.__subclasses__()
REPLIES = messages.Reply.__subclasses__()
ACTIONS = messages.Action.__subclasses__()

INTEGERS = st.integers(-(2**63), 2**63 - 1)
PLAIN = {
    str: st.text(max_size=9),
    bytes: st.binary(max_size=9),
    int: INTEGERS,
    bool: st.booleans(),
    float: st.floats(allow_nan=False),
    type(None): st.none(),
}


def values_of(annotation) -> st.SearchStrategy:
    """Any value that a field with this annotation may have."""
    outer, inner = get_origin(annotation), get_args(annotation)
    if annotation == messages.Operation:
        return st.tuples(st.text(max_size=9), st.binary(max_size=9), INTEGERS)
    if outer is list:
        return st.lists(values_of(inner[0]), max_size=3)
    if outer is tuple:
        return st.lists(values_of(inner[0]), max_size=3).map(tuple)
    if outer is dict:
        return st.dictionaries(*map(values_of, inner), max_size=3)
    if outer is types.UnionType:
        return st.one_of(*map(values_of, inner))
    if issubclass(annotation, Record):
        return st.one_of(*map(records, annotation.__subclasses__() or [annotation]))
    return PLAIN[annotation] if annotation in PLAIN else st.sampled_from(annotation)


def records(kind: type[Record]) -> st.SearchStrategy:
    return st.builds(kind, **{name: values_of(each) for name, each in kind.__annotations__.items()})


def decode(data: bytes, kind: type[Record]) -> Any:
    if kind in REQUESTS:
        return messages.decode_request(data)
    return messages.decode_reply(data, (kind,))


@pytest.mark.parametrize("kind", [*REQUESTS, *REPLIES], ids=lambda kind: kind.__name__)
def test_a_record_comes_out_as_it_went_in(kind):
    @given(records(kind))
    def check(value):
        found = decode(messages.encode(value), kind)
        assert found == value
        assert {type(each) for each in vars(found).values()} == {
            type(each) for each in vars(value).values()
        }

    check()


@pytest.mark.parametrize("kind", ACTIONS, ids=lambda kind: kind.__name__)
def test_an_action_comes_out_as_it_went_in(kind):
    @given(records(kind))
    def check(action):
        work = messages.Work([], [], action)
        found = messages.decode_request(messages.encode(work))
        assert type(found.action) is kind and found == work

    check()


HOP = ("Hop", "ssh", "ssh.h", ["ssh"], "key", "", None, b"", False, b"", (), (), 0.0, True)
WORK = ("Work", [HOP], [("remove", "/x")], ("Exists", "/x"), False, "")


def changed(value, index, to):
    return (*value[:index], to, *value[index + 1 :])


REFUSED = {
    "no tuple": ({"do": "exists"}, "a dict that is no record"),
    "an empty tuple": ((), "a tuple that is no record"),
    "no name": ((1, 2), "a tuple that is no record"),
    "an unknown kind": (("Exist", "/x"), "an unknown kind, 'Exist'"),
    "an action in place of a request": (("Exists", "/x"), "an unknown kind, 'Exists'"),
    "a reply": (("Done",), "an unknown kind, 'Done'"),
    "a missing field": (WORK[:-1], "4 values for the 5 fields of Work"),
    "an unknown field": ((*WORK, 1), "6 values for the 5 fields of Work"),
    "an integer that is a text": (("Register", "1"), "Register.run: str in place of int"),
    "an integer that is a bool": (("Register", True), "Register.run: bool in place of int"),
    "a bool that is an integer": (changed(WORK, 4, 0), "Work.in_sequence: int in place of bool"),
    "a list that is a tuple": (changed(WORK, 1, ()), "Work.route: tuple in place of list"),
    "an operation that is a list": (changed(WORK, 2, [[]]), "Work.deferred: list in place of tu"),
    "an action that is a request": (changed(WORK, 3, ("Leave",)), "an unknown kind, 'Leave'"),
    "an action that lacks a field": (changed(WORK, 3, ("Exists",)), "0 values for the 1 fields of"),
    "a hop of another type": (changed(WORK, 1, [WORK]), "an unknown kind, 'Work'"),
    "a hop without a name": (
        changed(WORK, 1, [changed(HOP, 2, None)]),
        "Hop.name: NoneType in place of str",
    ),
    "a hop with a word that is no text": (
        changed(WORK, 1, [changed(HOP, 3, [b"ssh"])]),
        "Hop.argv: bytes in place of str",
    ),
    "a password of bytes": (
        changed(WORK, 1, [changed(HOP, 6, b"x")]),
        "Hop.password: bytes in place of NoneType or str",
    ),
}


@pytest.mark.parametrize(("value", "text"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_request_is_refused(value, text):
    with pytest.raises(RecordError, match=text.replace("(", r"\(")):
        messages.decode_request(codec.encode(value))


def test_the_one_that_the_others_were_made_of_is_taken():
    work = messages.decode_request(codec.encode(WORK))
    assert work.action == messages.Exists("/x")
    assert work.route[0].argv == ["ssh"]


def test_an_environment_has_texts_alone():
    action = {**vars(MODULE), "environment": {"A": 1}}
    work = messages.Work([], [], messages.Module(**action))
    with pytest.raises(RecordError, match="Module.environment: int in place of str"):
        messages.decode_request(messages.encode(work))


def test_an_unknown_code_is_refused():
    with pytest.raises(RecordError, match="Failed.code: 'broken' is not a valid FailureCode"):
        messages.decode_reply(codec.encode(("Failed", "broken", "")), (messages.Failed,))


@given(st.binary(max_size=40))
def test_junk_is_refused(data):
    with pytest.raises(RecordError):
        messages.decode_request(data)


MODULE = messages.Module("it", b"i", b"", None, 0, "python", {}, None, "", False)
MAY = [
    (messages.Work([], [], MODULE), messages.PayloadWanted, True),
    (messages.Work([], [], MODULE.replace(archive=b"a")), messages.PayloadWanted, False),
    (messages.Work([], [], MODULE), messages.NotBegun, False),
    (messages.Work([], [], MODULE, in_sequence=True), messages.NotBegun, True),
    (messages.Work([], [], messages.Exists("/")), messages.NotReached, True),
    (messages.Work([], [], messages.Exists("/")), messages.Died, False),
    (messages.Leave(), messages.NotReached, False),
    (messages.Leave(), messages.Failed, True),
]


@pytest.mark.parametrize(("request_", "kind", "may"), MAY)
def test_a_request_has_replies_that_fit_it(request_, kind, may):
    assert (kind in messages.replies_to(request_)) is may


def test_each_request_is_in_the_table_of_replies():
    assert set(messages.REPLIES) == {*ACTIONS, *REQUESTS} - {messages.Work}
    named = {kind for kinds in messages.REPLIES.values() for kind in kinds}
    others = {messages.Failed, messages.NotReached, messages.NotBegun, messages.PayloadWanted}
    assert named | others == set(REPLIES)


def test_a_record_does_not_change():
    found = messages.Exists("/")
    with pytest.raises(AttributeError):
        found.path = "/x"
    assert found.replace(path="/x") == messages.Exists("/x") != found


def test_records_of_two_kinds_differ():
    assert messages.Leave() != messages.End()
    assert messages.Leave() == messages.Leave()


def test_a_record_is_true_even_without_fields():
    """`if reply` could else mean two things."""
    assert messages.Done()


@pytest.mark.parametrize(
    "make",
    [
        lambda: messages.Exists(),
        lambda: messages.Exists("/", "/"),
        lambda: messages.Exists(name="/"),
        lambda: messages.Exists("/", name="/"),
    ],
)
def test_a_record_is_made_with_all_fields_and_no_others(make):
    with pytest.raises(TypeError):
        make()


def test_no_text_of_a_record_holds_its_values():
    """They may be secret, and texts come into logs."""
    hop = route.Hop("ssh", "ssh.h", [], "", "", password="secret")
    work = messages.Work([hop], [("write", "/x", b"secret", 0o600)], messages.Exists("secret"))
    assert "secret" not in f"{work} {work!r} {hop} {[hop]} {work.action}"


def test_what_cannot_be_sent_is_an_error_of_the_sender():
    with pytest.raises(codec.EncodeError):
        record.encode(messages.Exists(object()))
