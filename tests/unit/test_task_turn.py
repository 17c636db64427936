"""The turn of a task that is prepared, and maybe sent, before it comes."""

import threading

import pytest

pytest.importorskip("ansible._internal._task")  # ansible-core 2.19 and later

from ansible_econtext.task_turn import NotWanted, Turn  # noqa: E402

STEP = {"kind": "ssh", "key": "host", "password": ""}
MODULE = {"do": "module", "way": [STEP], "before": [], "identity": b"i", "interpreter": "python"}
WELL = {"status": 0, "stdout": b"{}"}


class Line:
    """Keeps what is sent, and gives one reply after the other; `go` is for the last one."""

    def __init__(self, *replies):
        self.sent = []
        self._replies = list(replies)
        self.go = threading.Event()
        self.is_hung_up = False

    def tell(self, request):
        self.sent.append(request)

    def receive(self):
        if len(self._replies) == 1:
            self.go.wait()
        return [(0, self._replies.pop(0))]

    def hang_up(self):
        self.is_hung_up = True


def answering(*replies):
    line = Line(*replies)
    line.go.set()
    return line


class Asking(threading.Thread):
    """Asks in a thread, as a task does."""

    def __init__(self, turn, line, request=MODULE):
        super().__init__(daemon=True)
        self.turn, self.line, self.request = turn, line, request
        self.outcome = "none yet"
        self.start()

    def run(self):
        try:
            self.outcome = self.turn.ask(self.request, self.connected)
        except NotWanted:
            self.outcome = "not wanted"

    def connected(self):
        return self.line

    def done(self):
        self.join(30)
        assert not self.is_alive()
        return self.outcome

    def sent(self, count=1):
        while len(self.line.sent) < count:
            assert self.is_alive()
        return self.line.sent


@pytest.fixture
def bell():
    return threading.Event()


@pytest.fixture
def first(bell):
    return Turn(bell.set)


@pytest.fixture
def second(bell, first):
    return Turn(bell.set, first)


def test_the_second_names_the_first_and_its_reply_waits_for_nobody(bell, first, second):
    present = Asking(first, Line(WELL))
    present.sent()
    assert bell.wait(30)
    following = Asking(second, answering(WELL))
    assert following.done() == WELL
    assert following.line.sent[0]["behind"] == present.line.sent[0]["number"] != 0
    assert present.line.sent[0]["behind"] == 0
    present.line.go.set()
    assert present.done() == WELL
    with pytest.raises(NotWanted):
        second.drop()
        second.alone()


@pytest.mark.parametrize(
    "request_",
    [
        {**MODULE, "interpreter": "another"},
        {**MODULE, "way": [{**STEP, "key": "another"}]},
        {**MODULE, "before": [("remove", "/x")]},
        {"do": "exists", "path": "/x"},
    ],
)
def test_what_is_not_like_the_first_waits_for_its_turn(first, second, request_):
    present = Asking(first, Line(WELL))
    present.sent()
    following = Asking(second, answering(WELL), request_)
    present.line.go.set()
    assert present.done() == WELL
    assert following.line.sent == [] and following.is_alive()
    second.come()
    expected = WELL if "identity" in request_ and not request_["before"] else None
    assert following.done() == expected
    assert all(sent["behind"] == 0 for sent in following.line.sent)


def test_what_was_not_begun_is_sent_again_in_its_turn(first, second):
    present = Asking(first, answering({"status": 1, "stdout": b"{}"}))
    present.done()
    first.is_over = False  # as if it were still under way
    following = Asking(second, answering({"again": True}, WELL))
    following.sent()
    assert following.is_alive()
    second.come()
    assert following.done() == WELL
    assert [bool(sent["behind"]) for sent in following.line.sent] == [True, False]


@pytest.mark.parametrize("reply", [WELL, {"failed": "lost"}])
def test_what_is_lost_is_not_sent_twice(first, second, reply):
    """Whatever came of the first: the target may have gone further than we know."""
    lost = {"failed": "lost", "text": "the connection was lost"}
    present = Asking(first, Line(reply))
    present.sent()
    following = Asking(second, answering(lost))
    following.sent()
    present.line.go.set()
    assert following.done() == lost
    assert len(following.line.sent) == 1


def test_what_had_no_slave_is_sent_again_in_its_turn(first, second):
    present = Asking(first, Line({"failed": "launch"}))
    present.sent()
    following = Asking(second, answering({"failed": "launch"}, WELL))
    following.sent()
    assert following.is_alive()
    second.come()
    assert following.done() == WELL
    present.line.go.set()


def test_only_the_next_one_is_sent_before_its_turn(bell, first, second):
    third = Turn(bell.set, second, may_be_sent=False)
    present = Asking(first, Line(WELL))
    present.sent()
    following = Asking(second, Line(WELL))
    following.sent()
    bell.clear()
    last = Asking(third, Line(WELL))
    assert bell.wait(30) and third.is_ready
    present.line.go.set()
    assert present.done() == WELL
    assert last.line.sent == [] and last.is_alive()
    second.come()
    third.becomes_next()
    last.sent()
    assert last.line.sent[0]["behind"] == following.line.sent[0]["number"]
    for each in (following, last):
        each.line.go.set()
        assert each.done() == WELL


def test_one_that_never_becomes_the_next_goes_in_its_turn(bell, first, second):
    third = Turn(bell.set, second, may_be_sent=False)
    last = Asking(third, answering(WELL))
    third.come()
    assert last.done() == WELL
    assert last.line.sent[0]["behind"] == 0


def test_one_that_is_dropped_before_it_becomes_the_next_opens_no_line(bell, second):
    third, opened = Turn(bell.set, second, may_be_sent=False), []
    last = Asking(third, None)
    last.connected = lambda: opened.append(last)
    assert bell.wait(30)
    third.drop()
    assert last.done() == "not wanted"
    assert not opened


def test_a_line_that_was_given_back_is_not_hung_up(second):
    line = answering(WELL)
    second.come()
    assert second.ask(MODULE, lambda: line) == WELL
    second.drop()
    assert not line.is_hung_up


@pytest.mark.parametrize("is_reached", [True, False])
def test_whether_the_first_one_may_have_to_log_in(first, second, is_reached):
    for turn, line in ((first, answering(WELL)), (second, answering(WELL))):
        assert turn.ask(MODULE, lambda line=line: line, is_reached) == WELL
    assert first.logs_in is not is_reached
    assert not second.logs_in  # it is not waited for


def test_what_is_dropped_is_not_sent_any_more(first, second):
    present = Asking(first, Line(WELL))
    present.sent()
    second.drop()
    following = Asking(second, answering(WELL))
    assert following.done() == "not wanted"
    assert following.line.sent == []
    present.line.go.set()


def test_what_is_dropped_when_it_was_sent_has_its_line_hung_up(first, second):
    present = Asking(first, Line(WELL))
    present.sent()
    following = Asking(second, Line(WELL))
    following.sent()
    second.drop()
    assert following.line.is_hung_up
    for each in (present, following):
        each.line.go.set()


def test_a_payload_that_the_broker_lacks_is_sent_with_the_same_number(first):
    line = answering({"need": b"i"}, WELL)
    assert first.ask(MODULE, lambda: line) == {"need": b"i"}
    assert first.ask({**MODULE, "archive": b"a"}, lambda: line) == WELL
    assert len({sent["number"] for sent in line.sent}) == 1
    assert first.ask(MODULE, lambda: line) is None  # a second request


def test_what_is_refused_in_its_turn_is_made_in_the_ordinary_way(first):
    assert first.ask(MODULE, lambda: answering({"again": True})) is None


@pytest.fixture
def copying(bell):
    """The first of two, which makes several calls."""
    return Turn(bell.set, is_one_call=False)


def test_nothing_is_sent_behind_what_makes_several_calls(bell, copying):
    turn = Turn(bell.set, copying)
    copying.plugin_begins()
    assert copying.ask({"do": "expand", "path": "~"}, None) is None
    assert not (copying.is_under_way or bell.is_set())
    assert copying.ask(MODULE, None) is None
    assert copying.is_under_way and bell.is_set()
    following = Asking(turn, answering(WELL))
    assert copying.ask(MODULE, None) is None  # and this one is not in any order
    assert following.line.sent == [] and following.is_alive()
    turn.come()
    assert following.done() == WELL
    assert following.line.sent[0]["behind"] == 0


def test_a_plugin_that_looks_around_begins_in_its_turn(bell, first):
    present = Asking(first, Line(WELL))
    present.sent()
    turn, begun = Turn(bell.set, first, is_one_call=False), threading.Event()

    def begin():
        turn.plugin_begins()
        begun.set()

    thread = threading.Thread(target=begin, daemon=True)
    thread.start()
    present.line.go.set()
    present.done()
    assert not begun.is_set()
    turn.come()
    thread.join(30)
    assert begun.is_set()
    dropped = Turn(bell.set, first, is_one_call=False)
    dropped.drop()
    with pytest.raises(NotWanted):
        dropped.plugin_begins()


def test_a_plugin_that_makes_one_call_begins_before_its_turn(first, second):
    first.plugin_begins()
    second.plugin_begins()
