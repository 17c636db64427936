"""Items of a loop that are sent ahead: in order, and alone where they are not like the first."""

import threading

import pytest

pytest.importorskip("ansible.release")

from ansible_econtext.client import client, connection_pool, messages  # noqa: E402
from ansible_econtext.client.route import local_hop  # noqa: E402
from ansible_econtext.pipeline import loop_pipeline, slot  # noqa: E402

ACTION = messages.Module(
    name="it",
    identity=b"i",
    parameters=b"",
    profile=None,
    open_files=0,
    interpreter="python",
    environment={},
    directory=None,
    remote_tmp="",
    may_run_warm=False,
)
MODULE = messages.Work([], [], ACTION)
#: The same with its payload, which the broker asked for.
NEW = MODULE.replace(action=ACTION.replace(archive=b"a"))

DONE = messages.Ended(0, b"", b"")
NOT_REACHED = messages.NotReached(
    messages.FailureCode.NOT_STARTED, "", 0, "ssh", status=255, stderr="", seconds=None
)


class Line:
    """A line to a broker that does what it is asked in order, when it is let."""

    closed = False

    def __init__(self, replies=None):
        self.sent = []
        self._replies = replies or {}
        self._let = threading.Semaphore(0)
        self._answered = 0
        self._hung_up = False

    def tell(self, request, number):
        assert request.in_sequence
        self.sent.append(number - 1)  # as 0 is no number
        self._let.release()

    def receive(self):
        self._let.acquire()
        if self._hung_up:
            self._let.release()  # for whoever comes next
            raise client.BrokerGone("hung up")
        number = self.sent[self._answered]
        self._answered += 1
        return [(number + 1, self._replies.get(number, DONE))]

    def hang_up(self):
        self._hung_up = True
        self._let.release()

    def close(self):
        self.closed = True


@pytest.fixture
def given_back(monkeypatch):
    lines = []
    monkeypatch.setattr(connection_pool, "give_back", lines.append)
    return lines


def run(count, line, requests):
    """What comes of each item, and those that were asked for in the ordinary way, in order."""
    ordinary = []

    def item(number):
        done = [
            slot.submit(request) or ordinary.append(number) or {"ordinary": number}
            for request in requests(number)
        ]
        return number, done

    loop = loop_pipeline.LoopPipeline(count, lambda: line, lambda: item)
    try:
        outcomes = [loop.run(number, lambda n=number: item(n)) for number in range(count)]
    finally:
        loop.close()
    assert [number for number, _ in outcomes] == list(range(count))
    return [done for _, done in outcomes], ordinary


@pytest.mark.parametrize("count", [3, 100])
def test_all_but_the_first_are_sent_in_order(count, given_back):
    line = Line()
    outcomes, ordinary = run(count, line, lambda number: [MODULE])
    assert ordinary == [0]
    assert line.sent == list(range(1, count))
    assert outcomes[1:] == [[DONE]] * (count - 1)
    assert given_back == [line]


def test_what_comes_after_a_new_payload_is_sent_behind_it(given_back):
    """Its host may take long to log in to."""
    line = Line()
    outcomes, ordinary = run(
        9, line, lambda number: [MODULE, NEW] if number == 2 else [MODULE] * (number > 2)
    )
    assert ordinary == [2]  # the broker said what it needs
    assert line.sent == [*range(2, 9)]
    assert outcomes[2:] == [[{"ordinary": 2}, DONE]] + [[DONE]] * 6
    assert given_back == [line]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_fault_in_the_thread_of_an_item_ends_the_loop(monkeypatch):
    """Nothing would take the item that it was to run."""
    monkeypatch.setattr(loop_pipeline.LoopPipeline, "_take_number", lambda loop: 1 / 0)
    found = []

    def loop():
        with pytest.raises(client.BrokerGone):
            run(3, Line(), lambda number: [MODULE])
        found.append(True)

    thread = threading.Thread(target=loop, daemon=True)
    thread.start()
    thread.join(20)
    assert found


def test_the_last_item_may_be_the_first_that_asks(given_back):
    line = Line()
    run(3, line, lambda number: [NEW] if number == 2 else [])
    assert line.sent == [2]
    assert given_back == [line]


def test_a_host_that_cannot_be_reached_is_tried_again_alone(given_back):
    line = Line({0: NOT_REACHED, **{number: messages.NotBegun() for number in range(1, 9)}})
    outcomes, ordinary = run(9, line, lambda number: [NEW, NEW] if number == 0 else [MODULE])
    assert outcomes[0] == [NOT_REACHED, {"ordinary": 0}]  # the second is another attempt
    assert ordinary == list(range(9))
    assert len(set(line.sent)) == len(line.sent)
    assert line.closed and not given_back


def test_what_makes_no_request_waits_for_the_first_that_does(given_back):
    """Skipped items are no pattern for others."""
    line = Line()
    _, ordinary = run(9, line, lambda number: [MODULE] if number in (3, 5, 8) else [])
    assert ordinary == [3]
    assert line.sent == [5, 8]


OTHERS = {
    "another module": [MODULE.replace(action=ACTION.replace(identity=b"j"))],
    "another host": [MODULE.replace(route=[local_hop(["python"])])],
    "something before it": [MODULE.replace(deferred=[("remove", "/x")])],
    "no module": [MODULE.replace(action=messages.Exists("/x"))],
    "two modules": [MODULE, MODULE],
}


@pytest.mark.parametrize("requests", OTHERS.values(), ids=OTHERS)
def test_what_is_not_like_the_first_is_done_alone(requests, given_back):
    """After all that were sent before it have their replies."""
    line, answered = Line(), []
    receive = line.receive

    def receive_noting():
        found = receive()
        answered.extend(number - 1 for number, _ in found)
        return found

    line.receive = receive_noting
    before = {}

    def of(number):
        if number != 5:
            return [MODULE]
        return requests

    class Noting(list):
        def append(self, number):
            before[number] = list(answered)
            super().append(number)

    ordinary = Noting()

    def item(number):
        return [
            slot.submit(request) or ordinary.append(number) or "ordinary" for request in of(number)
        ]

    loop = loop_pipeline.LoopPipeline(9, lambda: line, lambda: item)
    outcomes = [loop.run(number, lambda n=number: item(n)) for number in range(9)]
    loop.close()
    assert ordinary == [0, 5]
    assert set(before[5]) >= {1, 2, 3, 4}
    assert outcomes[5][-1] == "ordinary"
    assert outcomes[8] == [DONE]


@pytest.mark.parametrize("reply", [messages.PayloadWanted(), NOT_REACHED, messages.NotBegun()])
def test_what_was_not_done_is_asked_for_again_alone(reply, given_back):
    line = Line({4: reply, 5: messages.NotBegun(), 6: messages.NotBegun()})
    outcomes, ordinary = run(40, line, lambda number: [MODULE])
    assert 4 in ordinary and ordinary == sorted(ordinary)
    assert [done[0] for done in outcomes[1:4]] == [DONE] * 3
    assert outcomes[39] == [{"ordinary": 39}]  # nothing is sent ahead any more
    assert line.closed and not given_back  # the broker sends nothing of this line on


def held_back(line):
    """What lets a line give its replies."""
    held, receive = threading.Event(), line.receive
    line.receive = lambda: held.wait() and receive()
    return held


def test_no_more_is_under_way_than_the_window(given_back):
    line = Line()
    held = held_back(line)
    loop = loop_pipeline.LoopPipeline(100, lambda: line, lambda: lambda number: slot.submit(MODULE))
    loop.run(0, lambda: slot.submit(MODULE))
    taker = threading.Thread(target=loop.run, args=(1, None), daemon=True)
    taker.start()
    while len(line.sent) < loop_pipeline._FEW:
        pass
    assert line.sent[-1] == loop_pipeline._FEW
    held.set()
    taker.join()
    for number in range(2, 100):
        loop.run(number, lambda: None)
    loop.close()
    assert line.sent == list(range(1, 100))
    assert len(loop._threads) <= loop_pipeline._FEW + 1  # which prepares another one


@pytest.mark.parametrize(
    "others, most", [(0, loop_pipeline._MANY), (loop_pipeline._MANY, 1 + loop_pipeline._FEW)]
)
def test_more_is_under_way_during_a_login(others, most, given_back, monkeypatch):
    """As many as there are threads for; the first one has that of the task."""
    line = Line()
    held = held_back(line)
    loop = loop_pipeline.LoopPipeline(100, lambda: line, lambda: lambda number: slot.submit(MODULE))
    monkeypatch.setattr(threading, "active_count", lambda: others + len(loop._threads))
    taker = threading.Thread(target=loop.run, args=(0, lambda: slot.submit(NEW)), daemon=True)
    taker.start()
    while len(line.sent) < most:
        pass
    assert len(line.sent) == most
    held.set()
    taker.join()
    for number in range(1, 100):
        loop.run(number, lambda: None)
    loop.close()
    assert line.sent == list(range(100))


def test_the_end_of_a_play_ends_its_loops(given_back):
    line = Line()
    line.tell = lambda request, number: line.sent.append(number - 1)  # and nobody answers
    loop = loop_pipeline.LoopPipeline(100, lambda: line, lambda: lambda number: slot.submit(MODULE))
    loop.run(0, lambda: slot.submit(MODULE))
    found = []

    def take():
        try:
            loop.run(1, lambda: None)
        except client.BrokerGone as error:
            found.append(error)

    taker = threading.Thread(target=take, daemon=True)
    taker.start()
    while not line.sent:
        pass
    loop_pipeline.stop()
    taker.join()
    loop.close()
    assert found and line.closed and not given_back


def test_what_waits_to_be_done_alone_is_not_done_after_an_interrupt(given_back):
    line, found = Line(), []
    line.tell = lambda request, number: line.sent.append(number - 1)  # and nobody answers
    other = MODULE.replace(action=ACTION.replace(identity=b"j"))
    waits = threading.Event()

    def item(number):
        if number == 1:
            waits.set()
        try:
            found.append(slot.submit(NEW if number == 0 else other))
        except client.BrokerGone as error:
            found.append(str(error))

    loop = loop_pipeline.LoopPipeline(3, lambda: line, lambda: item)
    first = threading.Thread(target=loop.run, args=(0, lambda: item(0)), daemon=True)
    first.start()
    waits.wait()
    loop_pipeline.stop()
    first.join()
    loop.close()
    assert sorted(found) == ["hung up", "the play is over"]


def test_a_broker_that_is_gone_before_the_first_request_is_only_that_ones_fault(given_back):
    broken, line = Line(), Line()

    def gone(request, number):
        raise client.BrokerGone("gone")

    broken.tell = gone
    lines = [broken, line]

    def item(number):
        try:
            return slot.submit(NEW)
        except client.BrokerGone as error:
            return str(error)

    loop = loop_pipeline.LoopPipeline(4, lambda: lines.pop(0), lambda: item)
    outcomes = [loop.run(number, lambda n=number: item(n)) for number in range(4)]
    loop.close()
    assert outcomes == ["gone", *[DONE] * 3]


def test_where_there_are_no_threads_nobody_waits_for_one(given_back, monkeypatch):
    def fails(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", fails)
    loop = loop_pipeline.LoopPipeline(4, Line, lambda: lambda number: None)
    with pytest.raises(RuntimeError):
        loop.run(0, lambda: slot.submit(NEW))
    with pytest.raises(client.BrokerGone):
        loop.run(1, lambda: None)
    loop.close()


def test_an_error_of_an_item_is_raised_where_it_is_taken(given_back):
    line = Line()

    def item(number):
        slot.submit(MODULE)
        if number == 3:
            raise ZeroDivisionError
        return number

    loop = loop_pipeline.LoopPipeline(5, lambda: line, lambda: item)
    for number in range(3):
        assert loop.run(number, lambda n=number: item(n)) == number
    with pytest.raises(ZeroDivisionError):
        loop.run(3, lambda: None)
    loop.close()
