"""Orders to check, for the tests of the controls."""

from datetime import datetime
from decimal import Decimal

import msgspec

from domain.account.account import Account
from domain.account.position import Position
from domain.account.reservation import Reservation
from domain.controls.check import OrderCheck
from domain.controls.registry import Control
from domain.fees import FeeSchedule
from domain.order.terms import OrderTerms, Side
from domain.risk.limits import Limits
from domain.risk.risk_limits import RiskLimits
from domain.risk.verdict import Verdict
from tests.domain.world import FEES, NOON, a_quote, an_instrument, terms_of

ORDER_ID = "this-order"


def an_account(money: str = "10000", fees: FeeSchedule = FEES, margin_rate: str = "1") -> Account:
    account = Account.empty("alice")
    account.open("client", "paper", Decimal(margin_rate), fees, NOON)
    if Decimal(money) > 0:
        account.deposit("first", "USDT", Decimal(money), NOON)
    return account


def hold(account: Account, quantity: str, price: str = "100", symbol: str = "BTCUSDT") -> None:
    """Give the account a position."""
    held = Decimal(quantity)
    account.positions[symbol] = Position(symbol, "USDT", held, held * Decimal(price))


def reserve(
    account: Account,
    order_id: str,
    quantity: str,
    *,
    side: Side = Side.BUY,
    price: str = "100",
    symbol: str = "BTCUSDT",
    reduce_only: bool = False,
) -> None:
    """Give the account a working order."""
    amount = account.worst_case(Decimal(quantity), Decimal(price), reduce_only=reduce_only)
    account.reservations[order_id] = Reservation(
        order_id, symbol, "USDT", side, Decimal(quantity), Decimal(price), reduce_only, amount
    )


def scope(name: str = "system", limits: Limits | None = None, at: datetime = NOON) -> RiskLimits:
    """A scope whose limits were set once."""
    risk = RiskLimits.empty(name)
    risk.set_limits("1", limits or Limits(), "test", at)
    return risk


def a_check(
    terms: OrderTerms | None = None, limits: Limits | None = None, **changes: object
) -> OrderCheck:
    """A limit order to buy 1 at 100 with money enough, under one scope's limits."""
    wanted = terms or terms_of()
    check = OrderCheck(
        order_id=ORDER_ID,
        terms=wanted,
        quantity=wanted.quantity,
        worst_price=wanted.limit_price or Decimal(100),
        instrument=an_instrument(),
        account=an_account(),
        quote=a_quote(),
        scopes=(scope(limits=limits),),
        scopes_are_current=True,
        now=NOON,
        max_quote_age_ms=5_000,
    )
    return msgspec.structs.replace(check, **changes)


def failures(control: Control, check: OrderCheck) -> list[str | None]:
    """The codes of what a control does not let pass."""
    return [verdict.code for verdict in control(check) if not verdict.passed]


def only(control: Control, check: OrderCheck) -> Verdict:
    """The one verdict of a control."""
    (verdict,) = control(check)
    return verdict
