"""Random sequences of everything that can come to a venue, small enough to collide often."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec
from hypothesis import strategies as st

from adapters.venues.paper.engine import MatchingEngine, Step
from adapters.venues.paper.entry import Entry, Opened
from domain.market_data import Quote, Trade
from domain.order.terms import OrderTerms, OrderType, Side, TimeInForce
from domain.venue import Amendment, FillReport, VenueOrder
from tests.adapters.venues.paper.scenario import START


class Submit(msgspec.Struct, frozen=True, tag=True):
    order: VenueOrder


class Amend(msgspec.Struct, frozen=True, tag=True):
    account_id: str
    client_order_id: str
    change: Amendment


class Cancel(msgspec.Struct, frozen=True, tag=True):
    account_id: str
    client_order_id: str


class Transfer(msgspec.Struct, frozen=True, tag=True):
    """The id says how much, so that an id used again is the same transfer."""

    account_id: str
    number: int


class Bust(msgspec.Struct, frozen=True, tag=True):
    """Take back the fill of this number, counted around."""

    number: int


class Wait(msgspec.Struct, frozen=True, tag=True):
    pass


Input = Submit | Amend | Cancel | Quote | Trade | Wait


def play(engine: MatchingEngine, given: Input, at: datetime) -> Step:
    match given:
        case Submit():
            return engine.submit(given.order, at)
        case Amend():
            return engine.amend(given.account_id, given.client_order_id, given.change, at)
        case Cancel():
            return engine.cancel(given.account_id, given.client_order_id, at)
        case Quote():
            return engine.on_quote(given, at)
        case Trade():
            return engine.on_trade(given, at)
        case Wait():
            return engine.advance(at)


Operation = Input | Transfer | Bust


def play_operation(
    engine: MatchingEngine, given: Operation, at: datetime, journal: Sequence[Entry]
) -> Step:
    """Play an input, or something the venue's operator does; ``journal`` is all that was before."""
    match given:
        case Transfer():
            amount = Decimal(given.number)
            return engine.transfer(given.account_id, str(given.number), "USDT", amount, at)
        case Bust():
            return _bust(engine, given, at, journal)
        case _:
            return play(engine, given, at)


def _bust(engine: MatchingEngine, given: Bust, at: datetime, journal: Sequence[Entry]) -> Step:
    fills = [entry for entry in journal if isinstance(entry, FillReport)]
    if not fills:
        return engine.advance(at)
    fill = fills[given.number % len(fills)]
    openings = [entry for entry in journal if isinstance(entry, Opened)]
    terms = {opened.venue_order_id: opened.order.terms for opened in openings}
    return engine.bust(fill, terms[fill.venue_order_id].side, "test", at)


def time_of(index: int) -> datetime:
    """Each input comes a second after the one before."""
    return START + timedelta(seconds=index)


PRICES = st.integers(98, 102).map(lambda tenths: Decimal(tenths) / 10)
QUANTITIES = st.integers(1, 8).map(lambda halves: Decimal(halves) / 2)
ACCOUNTS = st.sampled_from("ab")
CLIENT_ORDER_IDS = st.sampled_from("vwxyz")


@st.composite
def quotes(draw: st.DrawFn) -> Quote:
    bid, ask = sorted((draw(PRICES), draw(PRICES)))
    return Quote("AAAUSDT", bid, draw(QUANTITIES), ask, draw(QUANTITIES), START)


trades = st.builds(
    Trade, st.just("AAAUSDT"), st.just(1), PRICES, QUANTITIES, st.booleans(), st.just(START)
)


TYPES = st.sampled_from(
    [
        *[OrderType.LIMIT] * 4,
        OrderType.MARKET,
        OrderType.STOP_LOSS,
        OrderType.TAKE_PROFIT,
        OrderType.TRAILING_STOP,
    ]
)
LASTING = st.sampled_from([*[TimeInForce.GTC] * 4, TimeInForce.GTD])
ANY_TIME_IN_FORCE = LASTING | st.sampled_from(TimeInForce)
SELDOM = st.sampled_from([False, False, False, True])


@st.composite
def order_terms(draw: st.DrawFn) -> OrderTerms:
    type_ = draw(TYPES)
    is_stop = type_ in (OrderType.STOP_LOSS, OrderType.TAKE_PROFIT)
    waits = type_ not in (OrderType.MARKET, OrderType.LIMIT)
    time_in_force = draw(LASTING if waits else ANY_TIME_IN_FORCE)
    is_limit = type_ is OrderType.LIMIT or (is_stop and draw(st.booleans()))
    may_post = type_ is OrderType.LIMIT and time_in_force not in (TimeInForce.IOC, TimeInForce.FOK)
    expires = time_in_force is TimeInForce.GTD
    return OrderTerms(
        symbol="AAAUSDT",
        side=draw(st.sampled_from(Side)),
        type=type_,
        quantity=draw(QUANTITIES),
        limit_price=draw(PRICES) if is_limit else None,
        stop_price=draw(PRICES) if is_stop else None,
        trailing_offset=Decimal("0.2") if type_ is OrderType.TRAILING_STOP else None,
        time_in_force=time_in_force,
        expire_at=time_of(draw(st.integers(1, 60))) if expires else None,
        reduce_only=draw(SELDOM),
        post_only=may_post and draw(SELDOM),
    )


@st.composite
def submits(draw: st.DrawFn) -> list[Input]:
    order = VenueOrder(draw(CLIENT_ORDER_IDS), draw(ACCOUNTS), draw(order_terms()))
    return [Submit(order)]


@st.composite
def oco_pairs(draw: st.DrawFn) -> list[Input]:
    """Both legs, or one; of any types, so that some are refused."""
    account_id, side = draw(ACCOUNTS), draw(st.sampled_from(Side))
    legs: list[Input] = []
    for own, other in (("v", "w"), ("w", "v")):
        terms = msgspec.structs.replace(draw(order_terms()), side=side)
        legs.append(Submit(VenueOrder(own, account_id, terms, other)))
    return legs[: draw(st.integers(1, 2))]


amendments = st.builds(
    Amendment,
    quantity=st.none() | QUANTITIES,
    limit_price=st.none() | PRICES,
    stop_price=st.none() | PRICES,
)
amends: st.SearchStrategy[Input] = st.builds(Amend, ACCOUNTS, CLIENT_ORDER_IDS, amendments)
cancels: st.SearchStrategy[Input] = st.builds(Cancel, ACCOUNTS, CLIENT_ORDER_IDS)
markets: st.SearchStrategy[Input] = quotes() | trades | st.just(Wait())


def _one(single: st.SearchStrategy[Input]) -> st.SearchStrategy[list[Input]]:
    return single.map(lambda given: [given])


_groups = st.one_of(
    submits(), submits(), oco_pairs(), _one(amends), _one(cancels), *[_one(markets)] * 3
)

_operations: st.SearchStrategy[list[Operation]] = st.one_of(
    st.builds(Transfer, ACCOUNTS, st.integers(-3, 3).filter(bool)),
    st.builds(Bust, st.integers(0, 9)),
).map(lambda operation: [operation])

# Hypothesis keeps lists short by itself; what matters here happens among many orders.
_LENGTHS = st.integers(0, 40)

input_sequences: st.SearchStrategy[list[Input]] = _LENGTHS.flatmap(
    lambda length: st.lists(_groups, min_size=length, max_size=length)
).map(lambda groups: [given for group in groups for given in group])

operation_sequences: st.SearchStrategy[list[Operation]] = _LENGTHS.flatmap(
    lambda length: st.lists(
        st.one_of(_groups, _groups, _groups, _operations), min_size=length, max_size=length
    )
).map(lambda groups: [given for group in groups for given in group])
