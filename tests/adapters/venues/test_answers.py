"""No text whatever is taken for an answer that it is not, and none brings a reader down."""

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapters.venues.answers import (
    AnswerReader,
    write_order_state,
    write_outcome,
    write_report,
)
from domain.fees import Liquidity
from domain.order.terms import OrderTerms, OrderType, Side
from domain.venue import (
    Absent,
    Accepted,
    Ambiguous,
    BustReport,
    CancelReport,
    ExpireReport,
    FillReport,
    OrderReport,
    OrderState,
    Rejected,
    StopMovedReport,
    TriggerReport,
    UnreadableAnswer,
    UnreadableReport,
    VenueStatus,
)

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
READER = AnswerReader(frozenset({"BTCUSDT"}))
EXAMPLES = settings(max_examples=500)
D = Decimal

FILL = FillReport(
    client_order_id="c",
    venue_order_id="v",
    account_id="a",
    symbol="BTCUSDT",
    trade_id="1",
    quantity=D("0.10"),
    price=D("99.5"),
    liquidity=Liquidity.MAKER,
    fee=D("-0.0001"),
    fee_asset="USDT",
    at=NOW,
)
REPORTS: list[OrderReport] = [
    FILL,
    CancelReport("c", "v", "a", "user", NOW, D("0.1")),
    CancelReport("c", "v", "a", "user", NOW),
    ExpireReport("c", "v", "a", NOW, D(0)),
    ExpireReport("c", "v", "a", NOW),
    TriggerReport("c", "v", "a", D(9), NOW),
    StopMovedReport("c", "v", "a", D(9), NOW),
    BustReport("c", "v", "a", "BTCUSDT", "1", "erroneous", NOW),
]
OUTCOMES: list[Accepted | Rejected] = [
    Accepted("v", NOW),
    Rejected("price_filter", "off tick", NOW),
]
TERMS = OrderTerms("BTCUSDT", Side.BUY, OrderType.LIMIT, D(2), limit_price=D(100))
LONG_AGO = NOW - timedelta(days=400)
STATES: list[OrderState | Absent] = [
    OrderState("c", "v", "a", VenueStatus.CANCELLED, D(1), "user", LONG_AGO, TERMS),
    Absent(NOW),
]


@pytest.mark.parametrize("report", REPORTS, ids=lambda each: type(each).__name__)
def test_a_report_is_read_as_it_was_written(report: OrderReport) -> None:
    assert READER.read_report(write_report(report), NOW) == report


@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda each: type(each).__name__)
def test_an_outcome_is_read_as_it_was_written(outcome: Accepted | Rejected) -> None:
    assert READER.read_outcome(write_outcome(outcome), NOW) == outcome


@pytest.mark.parametrize("state", STATES, ids=lambda each: type(each).__name__)
def test_an_order_state_is_read_as_it_was_written(state: OrderState | Absent) -> None:
    assert READER.read_order_state(write_order_state(state), NOW) == state


NO_NUMBERS: list[Any] = ["NaN", "sNaN", "-Infinity", "1e400", "1e-400", "", "1,5", None, [], True]
NO_TIMES = [
    "2026-01-01T13:00:01Z",
    "2026-01-01T10:59:59Z",
    "2026-01-01T12:00:00",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "noon",
    None,
]
BAD_VALUES: dict[str, list[Any]] = {
    "quantity": [*NO_NUMBERS, "-1", "0", "-0"],
    "price": [*NO_NUMBERS, "-1", "0"],
    "fee": NO_NUMBERS,
    "at": NO_TIMES,
    "liquidity": ["odd", None],
    "symbol": ["NOPEUSDT", "", None],
    "trade_id": ["", "\n", None, 7, "x" * 1000],
    "client_order_id": ["", None],
    "type": ["Odd", None],
}


def damaged(raw: str) -> Iterator[str]:
    fields: dict[str, Any] = json.loads(raw)
    for name in fields:
        yield json.dumps({key: value for key, value in fields.items() if key != name})
        for value in BAD_VALUES.get(name, [None]):
            yield json.dumps({**fields, name: value})
    yield from ("", "null", "[]", f"[{raw}]", raw[:-1], raw + "x", "<html>502</html>", "\ud800")


def test_what_is_no_report_is_kept_with_its_text() -> None:
    for raw in damaged(write_report(FILL)):
        report = READER.read_report(raw, NOW)
        assert isinstance(report, UnreadableReport), raw
        assert (report.raw, report.at) == (raw, NOW)
        assert report.reason


@pytest.mark.parametrize(
    "report",
    [CancelReport("c", "v", "a", "user", NOW, D(1)), ExpireReport("c", "v", "a", NOW, D(1))],
)
def test_an_end_with_a_quantity_that_cannot_be_is_no_report(report: OrderReport) -> None:
    fields = json.loads(write_report(report))
    for value in [*NO_NUMBERS, "-1"]:
        if value is None:
            continue  # not said
        raw = json.dumps({**fields, "cum_quantity": value})
        read = READER.read_report(raw, NOW)
        assert isinstance(read, UnreadableReport), raw
        assert read.raw == raw


def test_what_is_no_outcome_is_ambiguous() -> None:
    for raw in damaged(write_outcome(OUTCOMES[0])):
        outcome = READER.read_outcome(raw, NOW)
        assert isinstance(outcome, Ambiguous), raw
        assert outcome.raw == raw


BAD_STATES: dict[str, list[Any]] = {
    "cum_quantity": [*NO_NUMBERS, "-1", "2.1"],
    "status": ["odd", None],
    "at": ["2026-01-01T13:00:01Z", "noon", None],
}


@pytest.mark.parametrize(("name", "values"), BAD_STATES.items())
def test_what_is_no_order_state_is_no_answer(name: str, values: list[Any]) -> None:
    found = json.loads(write_order_state(STATES[0]))
    for value in values:
        raw = json.dumps({**found, "order": {**found["order"], name: value}})
        with pytest.raises(UnreadableAnswer) as raised:
            READER.read_order_state(raw, NOW)
        assert raised.value.raw == raw


def test_terms_that_no_order_has_are_no_answer() -> None:
    found = json.loads(write_order_state(STATES[0]))
    for change in ({"quantity": "NaN"}, {"symbol": "NOPEUSDT"}, {"limit_price": "-1"}):
        order = {**found["order"], "terms": {**found["order"]["terms"], **change}}
        with pytest.raises(UnreadableAnswer):
            READER.read_order_state(json.dumps({**found, "order": order}), NOW)


_SOUND = [write_report(report) for report in REPORTS]
_SOUND += [write_outcome(outcome) for outcome in OUTCOMES]
_SOUND += [write_order_state(state) for state in STATES]

_json = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.sampled_from(NO_TIMES),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@st.composite
def almost_answers(draw: st.DrawFn) -> str:
    """A sound answer with some of its values exchanged, or cut somewhere."""
    fields: dict[str, Any] = json.loads(draw(st.sampled_from(_SOUND)))
    for name in draw(st.sets(st.sampled_from(sorted(fields)))):
        fields[name] = draw(_json | st.sampled_from([*NO_NUMBERS, *NO_TIMES]))
    text = json.dumps(fields)
    return text if draw(st.booleans()) else text[: draw(st.integers(0, len(text)))]


@EXAMPLES
@given(st.text(st.characters()) | almost_answers())
@example("[" * 100_000)
@example('{"type":' * 10_000)
def test_nothing_at_all_brings_a_reader_down(raw: str) -> None:
    report = READER.read_report(raw, NOW)
    outcome = READER.read_outcome(raw, NOW)
    if isinstance(report, FillReport):
        assert report.quantity > 0
        assert report.price > 0
        assert report.symbol == "BTCUSDT"
    assert isinstance(outcome, Accepted | Rejected | Ambiguous)
    with suppress(UnreadableAnswer):
        READER.read_order_state(raw, NOW)
