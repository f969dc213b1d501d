"""The rig itself: a ledger that never finds anything proves nothing, so each kind of loss is shown to it once."""

import itertools
import pathlib
import sys

import pytest

from harness import cursor
from harness.events import EventParser

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from Tests.Chaos.ledger import Ledger, Reader  # noqa: E402
from Tests.Chaos.plan import ALL_FAULTS, schedule  # noqa: E402


@pytest.fixture
def ledger() -> Ledger:
    """Ten publications in a durable channel that keeps five; all are answered for."""
    ledger = Ledger()
    ledger.open("c", 5, True)
    for offset in range(1, 11):
        ledger.answer("c", f"k{offset}", "E", offset)
    return ledger


@pytest.fixture
def reader(ledger) -> Reader:
    reader = Reader(ledger, "reader", ["c"])
    reader.begin("c", "E", 0)
    return reader


def hear(reader: Reader, *offsets: int) -> None:
    for offset in offsets:
        reader.publication("c", offset, f"k{offset}")


def test_a_whole_ledger(ledger, reader):
    hear(reader, *range(1, 4))
    reader.resumed("c", True, "E", 3, is_top=True)
    hear(reader, *range(4, 11))
    ledger.settle()
    assert ledger.problems == [] and reader.behind() == {}


@pytest.mark.parametrize(("offsets", "said"), [
    ((1, 2, 4), "3 is missing"), ((1, 2, 2), "came again"), ((1, 3, 2), "2 is missing"), ((1, 2, 7), "3-6 is missing")])
def test_a_gap_a_repeat_and_a_wrong_order_are_found(ledger, reader, offsets, said):
    hear(reader, *offsets)
    assert said in ledger.problems[0]


def test_a_reader_that_never_reaches_the_end_is_found(reader):
    hear(reader, 1, 2)
    assert "E:10" in reader.behind()["c"]


def test_reasons_for_a_failed_recovery(ledger, reader):
    """True: what follows is trimmed. Not true: it is still kept. Never true in a durable channel: another epoch."""
    hear(reader, 1, 2, 3, 4)
    reader.resumed("c", False, "E", 10, is_top=True)
    assert ledger.problems == [] and reader.losses == 1
    other = Reader(ledger, "other", ["c"])
    other.begin("c", "E", 5)
    other.resumed("c", False, "E", 10, is_top=True)
    assert "though the top was 10" in ledger.problems[0]
    other.resumed("c", False, "F", 0, is_top=True)
    assert "new epoch" in ledger.problems[1]


def test_a_new_epoch_is_a_true_reason_in_memory():
    ledger = Ledger()
    ledger.open("c", 5, False)
    reader = Reader(ledger, "reader", ["c"])
    reader.begin("c", "E", 3)
    reader.resumed("c", False, "F", 0, is_top=True)
    assert ledger.problems == []


def test_a_key_that_is_stored_twice_is_found(ledger, reader):
    hear(reader, *range(1, 11))
    reader.publication("c", 11, "k3")
    ledger.settle()
    assert any("stored twice" in problem for problem in ledger.problems)


def test_an_answer_that_names_a_place_twice_is_found(ledger):
    ledger.answer("c", "other", "E", 4)
    assert "given to k4 and again to other" in ledger.problems[0]


def test_an_offset_without_a_publication_is_found(ledger):
    ledger.answer("c", "k12", "E", 12)
    ledger.settle()
    assert "11" in ledger.problems[0]


def test_readers_that_hear_different_things_are_found(ledger, reader):
    other = Reader(ledger, "other", ["c"])
    other.begin("c", "E", 0)
    hear(reader, 1)
    other.publication("c", 1, "something else")
    assert "others heard k1" in ledger.problems[0]


def test_the_same_seed_gives_the_same_faults():
    plans = [schedule(seed, 60, 5, set(ALL_FAULTS), 19, 3) for seed in (7, 7, 8)]
    assert plans[0] == plans[1] != plans[2]
    assert [fault.kind for fault in plans[0]].count("kill") == 5
    assert all(a.at <= b.at for a, b in itertools.pairwise(plans[0]))


def test_cursors():
    news = {"news": ("Xq3kP0aZ", 42)}
    assert cursor.encoded(news) == "v2.AgEIKlpereQ_Rpkq"
    assert cursor.encoded_as_before(news) == "v1.bmV3cw~Xq3kP0aZ~42"
    assert cursor.encoded({"b": ("xy_-9", 300), "a": ("", 1)}) == "v2.AgL_YN4AAZUVBccv_vSsAg"
    assert cursor.encoded({}) == "v2." and cursor.decoded("v2.", []) == {}
    for positions in (news, {"news": ("Xq3kP0aZ", 42), "ü:ä?>": ("e", 0)}, {str(n): ("Xq3kP0aZ", 9**n) for n in range(19)}):
        assert cursor.decoded(cursor.encoded(positions), positions) == positions


STREAM = (
    "retry: 1000\nid: 1\ndata: first\n\n: a comment\nevent: named\ndata: one\ndata:two\ndata: \n\n"
    "id: 2\r\ndata: crlf\r\n\r\nevent: nothing\n\ndata: ä😀\n\n")


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1_000])
def test_the_parser_of_event_streams(size):
    """However the stream is cut into pieces, its events are the same."""
    parser = EventParser()
    events = []
    for start in range(0, len(STREAM), size):
        events += parser.feed(STREAM[start : start + size])
    assert [(event.name, event.data, event.id) for event in events] == [
        ("message", "first", "1"), ("named", "one\ntwo\n", "1"), ("message", "crlf", "2"), ("message", "ä😀", "2")]
    assert parser.retry == 1_000 and parser.comments == 1
