"""What holds whatever comes in."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.venues.paper.book import Book, BookState
from adapters.venues.paper.engine import MatchingEngine, Step
from adapters.venues.paper.entry import Entry, decode, encode
from tests.adapters.venues.paper.inputs import Input, input_sequences, play, time_of
from tests.adapters.venues.paper.ledger import Ledger
from tests.adapters.venues.paper.scenario import FEES, INSTRUMENTS

EXAMPLES = settings(max_examples=150, deadline=None, derandomize=True)


def fresh_engine(book: Book | None = None) -> MatchingEngine:
    return MatchingEngine(book or Book(), INSTRUMENTS, FEES)


def play_all(inputs: list[Input]) -> list[Step]:
    engine = fresh_engine()
    return [play(engine, each, time_of(index)) for index, each in enumerate(inputs)]


@EXAMPLES
@given(input_sequences)
def test_every_promise_holds_after_every_step(inputs: list[Input]) -> None:
    engine, ledger = fresh_engine(), Ledger()
    for index, each in enumerate(inputs):
        step = play(engine, each, time_of(index))
        ledger.check(each, step, [*engine.open_orders("a"), *engine.open_orders("b")])


@EXAMPLES
@given(input_sequences)
def test_the_same_inputs_give_the_same_bytes(inputs: list[Input]) -> None:
    once, again = play_all(inputs), play_all(inputs)
    assert msgspec.json.encode(once) == msgspec.json.encode(again)


@EXAMPLES
@given(input_sequences)
def test_the_journal_read_again_is_the_same_book_at_every_prefix(inputs: list[Input]) -> None:
    live, journal, states = Book(), list[str](), list[tuple[int, BookState]]()
    engine = fresh_engine(live)
    for index, each in enumerate(inputs):
        step = play(engine, each, time_of(index))
        journal.extend(encode(entry) for entry in step.entries)
        states.append((len(journal), live.state()))
    for length, state in states:
        assert Book.of(decode(text) for text in journal[:length]).state() == state


@EXAMPLES
@given(input_sequences, st.data())
def test_a_restarted_engine_goes_on_like_one_that_never_stopped(
    inputs: list[Input], data: st.DataObject
) -> None:
    stop = data.draw(st.integers(0, len(inputs)))
    never_stopped, journal = fresh_engine(), list[Entry]()
    for index, each in enumerate(inputs[:stop]):
        journal.extend(play(never_stopped, each, time_of(index)).entries)
    never_stopped.forget_market()
    restarted = fresh_engine(Book.of(journal))
    for index, each in enumerate(inputs[stop:], stop):
        at = time_of(index)
        assert play(restarted, each, at) == play(never_stopped, each, at)
