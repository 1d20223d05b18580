from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.market.bad_frame import BadFrame, BadFrameReason
from adapters.market.binance_frames import MAX_FRAME_BYTES, decode
from adapters.market.wire import MAX_MILLISECONDS
from domain.market_data import Candle, DepthUpdate, MarketEvent, Quote, Trade
from tests.adapters.market.samples import (
    AGG_TRADE,
    AT,
    BOOK_TICKER,
    DEPTH_UPDATE,
    FRAMES,
    KLINE,
    KLINE_BODY,
    combined,
    quote,
    raw,
    trade,
)

Wrap = Callable[[dict[str, object]], bytes]

DEPTH = DepthUpdate(
    "SUSHIUSDT",
    157,
    160,
    149,
    ((Decimal("7.6090"), Decimal(0)), (Decimal("7.6110"), Decimal(2))),
    (),
    AT,
)
CANDLE = Candle(
    "SUSHIUSDT",
    "1m",
    AT,
    Decimal("7.6100"),
    Decimal("7.6150"),
    Decimal("7.6050"),
    Decimal("7.6120"),
    Decimal(1000),
    101,
    True,
)


@pytest.mark.parametrize("wrap", [raw, combined])
@pytest.mark.parametrize(
    ("content", "event"),
    [(BOOK_TICKER, quote()), (AGG_TRADE, trade()), (DEPTH_UPDATE, DEPTH), (KLINE, CANDLE)],
)
def test_every_kind_of_frame(wrap: Wrap, content: dict[str, object], event: MarketEvent) -> None:
    assert decode(wrap(content)) == event


def test_prices_keep_their_digits() -> None:
    event = decode(raw(BOOK_TICKER, b="0.10000000", B="999999999999999.999999999999"))
    assert isinstance(event, Quote)
    assert str(event.bid) == "0.10000000"
    assert str(event.bid_quantity) == "999999999999999.999999999999"


def test_a_combined_frame_with_its_keys_in_any_order_and_spaces() -> None:
    assert decode(b'{ "data" : ' + raw(BOOK_TICKER) + b' , "stream" : "x" }') == quote()


def test_a_raw_frame_with_its_symbol_first() -> None:
    assert decode(raw({"s": "SUSHIUSDT"} | BOOK_TICKER)) == quote()


def test_new_fields_of_the_venue_are_no_error() -> None:
    assert decode(raw(AGG_TRADE, nq="33", extra={"deep": [1]})) == trade()


def test_an_empty_side_makes_a_quote_that_is_not_usable() -> None:
    event = decode(raw(BOOK_TICKER, b="0.0000", B="0"))
    assert isinstance(event, Quote)
    assert not event.is_usable


def test_an_open_kline_is_an_open_candle() -> None:
    event = decode(raw(KLINE, k=KLINE_BODY | {"x": False}))
    assert isinstance(event, Candle)
    assert not event.closed


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b"", BadFrameReason.NOT_JSON),
        (b"{", BadFrameReason.NOT_JSON),
        (b"\xff\xfe", BadFrameReason.NOT_JSON),
        (raw(BOOK_TICKER)[:-9], BadFrameReason.NOT_JSON),
        (b"[" * 100_000, BadFrameReason.MALFORMED),
        (b'{"x":' * 40_000, BadFrameReason.NOT_JSON),
        (b"null", BadFrameReason.MALFORMED),
        (b"[]", BadFrameReason.MALFORMED),
        (b'{"result":null,"id":1}', BadFrameReason.MALFORMED),
        (b'{"stream":"x","data":null}', BadFrameReason.MALFORMED),
        (raw(BOOK_TICKER, e="markPriceUpdate"), BadFrameReason.UNKNOWN_EVENT),
        (combined(BOOK_TICKER, e="forceOrder"), BadFrameReason.UNKNOWN_EVENT),
        (raw(BOOK_TICKER, e=7), BadFrameReason.MALFORMED),
        (raw(BOOK_TICKER, e=...), BadFrameReason.MALFORMED),
        (raw(BOOK_TICKER, b=...), BadFrameReason.MALFORMED),
        (raw(BOOK_TICKER, b=None), BadFrameReason.MALFORMED),
        (raw(BOOK_TICKER, b=True), BadFrameReason.MALFORMED),
        (raw(BOOK_TICKER, b=["7.6"]), BadFrameReason.MALFORMED),
        (raw(BOOK_TICKER, s=""), BadFrameReason.MALFORMED),
        (raw(BOOK_TICKER, s="S" * 41), BadFrameReason.MALFORMED),
        (raw(BOOK_TICKER, E=-1), BadFrameReason.MALFORMED),
        (raw(BOOK_TICKER, E="now"), BadFrameReason.MALFORMED),
        (raw(BOOK_TICKER, E=MAX_MILLISECONDS + 1), BadFrameReason.MALFORMED),
        (raw(BOOK_TICKER).replace(b"1709294400000", b"1" + b"0" * 400), BadFrameReason.MALFORMED),
        (raw(AGG_TRADE, l=99), BadFrameReason.MALFORMED),
        (raw(AGG_TRADE, m="false"), BadFrameReason.MALFORMED),
        (raw(AGG_TRADE, p="0"), BadFrameReason.INVALID_NUMBER),
        (raw(AGG_TRADE, q="0.000"), BadFrameReason.INVALID_NUMBER),
        (raw(DEPTH_UPDATE, b=[["7.6"]]), BadFrameReason.MALFORMED),
        (raw(DEPTH_UPDATE, b=[["7.6", "1", "2"]]), BadFrameReason.MALFORMED),
        (raw(DEPTH_UPDATE, a=[["0", "1"]]), BadFrameReason.INVALID_NUMBER),
        (raw(KLINE, k=KLINE_BODY | {"h": "7.6110"}), BadFrameReason.MALFORMED),
        (raw(KLINE, k=KLINE_BODY | {"l": "7.6101"}), BadFrameReason.MALFORMED),
        (raw(KLINE, k=KLINE_BODY | {"v": "-1"}), BadFrameReason.INVALID_NUMBER),
    ],
)
def test_a_bad_frame_says_what_is_wrong(frame: bytes, reason: BadFrameReason) -> None:
    with pytest.raises(BadFrame) as caught:
        decode(frame)
    assert caught.value.reason is reason


NO_NUMBER = [
    "",
    "NaN",
    "sNaN",
    "Infinity",
    "-Infinity",
    "-1",
    "1e400",
    "1,5",
    "1.2.3",
    "0x1",
    "1e15",
]
NO_NUMBER += ["1" * 16, "1" * 100_000, "-1e-400"]


@pytest.mark.parametrize("text", NO_NUMBER)
@pytest.mark.parametrize(
    "frame",
    [
        lambda text: raw(BOOK_TICKER, b=text),
        lambda text: raw(BOOK_TICKER, B=text),
        lambda text: raw(BOOK_TICKER, a=text),
        lambda text: combined(BOOK_TICKER, A=text),
        lambda text: raw(AGG_TRADE, p=text),
        lambda text: raw(AGG_TRADE, q=text),
        lambda text: raw(DEPTH_UPDATE, a=[["1", text]]),
        lambda text: raw(DEPTH_UPDATE, b=[["1", "1"], [text, "1"]]),
        lambda text: raw(KLINE, k=KLINE_BODY | {"v": text}),
        lambda text: raw(KLINE, k=KLINE_BODY | {"h": text, "o": text}),
    ],
)
def test_no_market_has_such_a_number(frame: Callable[[str], bytes], text: str) -> None:
    with pytest.raises(BadFrame) as caught:
        decode(frame(text))
    assert caught.value.reason in (BadFrameReason.INVALID_NUMBER, BadFrameReason.MALFORMED)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-1", "1,5", "1e400"])
def test_a_bad_number_is_called_one(text: str) -> None:
    with pytest.raises(BadFrame) as caught:
        decode(raw(BOOK_TICKER, b=text))
    assert caught.value.reason is BadFrameReason.INVALID_NUMBER


@pytest.mark.parametrize("text", ["0", "0.0000000000001", "1e-400"])
def test_a_price_is_above_zero_by_a_step_that_can_be_counted(text: str) -> None:
    for frame in (raw(AGG_TRADE, p=text), raw(DEPTH_UPDATE, a=[[text, "1"]])):
        with pytest.raises(BadFrame) as caught:
            decode(frame)
        assert caught.value.reason is BadFrameReason.INVALID_NUMBER


def test_a_price_written_as_a_json_number_is_taken_digit_by_digit() -> None:
    digits = b"12345678901.12345678901234567890"
    event = decode(raw(BOOK_TICKER).replace(b'"7.6120"', digits))
    assert isinstance(event, Quote)
    assert str(event.ask) == digits.decode()


def test_a_huge_frame_is_refused_unread() -> None:
    padding = " " * MAX_FRAME_BYTES
    with pytest.raises(BadFrame) as caught:
        decode(raw(BOOK_TICKER, padding=padding))
    assert caught.value.reason is BadFrameReason.TOO_LARGE


def numbers_of(event: MarketEvent) -> list[Decimal]:
    fields = [getattr(event, name) for name in event.__struct_fields__]
    levels = [
        number for field in fields if isinstance(field, tuple) for pair in field for number in pair
    ]
    return [field for field in [*fields, *levels] if isinstance(field, Decimal)]


def decodes_or_is_bad(frame: bytes) -> None:
    try:
        event = decode(frame)
    except BadFrame:
        return
    assert isinstance(event, Quote | Trade | DepthUpdate | Candle)
    assert all(number.is_finite() and number >= 0 for number in numbers_of(event))


@given(st.binary(max_size=300))
@example(b'{"data":')
@example(b'{"stream":"\xff","data":{}}')
def test_any_bytes_are_an_event_or_a_bad_frame(frame: bytes) -> None:
    decodes_or_is_bad(frame)


@given(
    st.sampled_from(FRAMES),
    st.sampled_from([raw, combined]),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=4),
)
def test_a_frame_with_flipped_bytes(
    content: dict[str, object], wrap: Wrap, flips: list[tuple[int, int]]
) -> None:
    frame = bytearray(wrap(content))
    for place, value in flips:
        frame[place % len(frame)] = value
    decodes_or_is_bad(bytes(frame))


ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.decimals().map(str),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@given(st.data(), st.sampled_from(FRAMES), ANY_JSON)
def test_a_frame_with_any_value_in_any_field(
    data: st.DataObject, content: dict[str, object], value: object
) -> None:
    name = data.draw(st.sampled_from(sorted(content)))
    decodes_or_is_bad(msgspec.json.encode(content | {name: value}))


@given(st.data(), ANY_JSON)
def test_a_kline_with_any_value_in_any_field(data: st.DataObject, value: object) -> None:
    name = data.draw(st.sampled_from(sorted(KLINE_BODY)))
    decodes_or_is_bad(raw(KLINE, k=KLINE_BODY | {name: value}))


@given(st.integers(0, MAX_MILLISECONDS))
def test_times_are_exact_to_the_millisecond(milliseconds: int) -> None:
    event = decode(raw(BOOK_TICKER, E=milliseconds))
    assert isinstance(event, Quote)
    assert event.at == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
