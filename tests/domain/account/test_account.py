from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest

from domain.account.account import Account, Execution
from domain.account.events import FillReversed, FillSettled, ReservationReleased
from domain.account.message import OrderMessage
from domain.errors import Conflict, InvalidInput
from domain.order.terms import Side
from tests.domain.controls.checks import an_account
from tests.domain.world import FEES, NOON, an_instrument


def reserve(account: Account, order_id: str = "o", quantity: str = "2", price: str = "100") -> None:
    account.reserve(
        order_id,
        an_instrument(),
        Side.BUY,
        Decimal(quantity),
        Decimal(price),
        reduce_only=False,
        fingerprint="f",
        now=NOON,
    )


def an_execution(number: int = 1, **changes: object) -> Execution:
    execution = Execution(
        order_id="o",
        order_version=number + 1,
        number=number,
        trade_id=f"t{number}",
        symbol="BTCUSDT",
        settlement_asset="USDT",
        side=Side.BUY,
        quantity=Decimal(1),
        price=Decimal(90),
        fee=Decimal("0.036"),
        fee_asset="USDT",
        executed_at=NOON,
    )
    return msgspec.structs.replace(execution, **changes)


@pytest.mark.parametrize("rate", ["0", "-0.1", "1.00000001"])
def test_margin_rates_out_of_bounds(rate: str) -> None:
    with pytest.raises(InvalidInput, match="margin_rate"):
        Account.empty("a").open("client", "paper", Decimal(rate), FEES, NOON)


def test_opened_once() -> None:
    with pytest.raises(Conflict, match="open already"):
        an_account().open("client", "paper", Decimal(1), FEES, NOON)


def test_a_transfer_counts_once() -> None:
    account = an_account("10")
    account.withdraw("w", "USDT", Decimal(4), NOON)
    account.withdraw("w", "USDT", Decimal(4), NOON)
    account.deposit("first", "USDT", Decimal(10), NOON)
    assert account.balance("USDT") == 6


@pytest.mark.parametrize(
    ("transfer_id", "asset", "amount"),
    [("first", "USDT", "11"), ("first", "BNB", "10"), ("w", "USDT", "4")],
)
def test_a_transfer_id_names_one_transfer(transfer_id: str, asset: str, amount: str) -> None:
    account = an_account("10")
    account.withdraw("w", "USDT", Decimal(4), NOON)
    with pytest.raises(Conflict) as refusal:
        account.deposit(transfer_id, asset, Decimal(amount), NOON)
    assert refusal.value.code == "idempotency_key_reused"


@pytest.mark.parametrize("amount", ["0", "-1"])
def test_amounts_are_above_zero(amount: str) -> None:
    account = an_account()
    for move in (account.deposit, account.withdraw):
        with pytest.raises(InvalidInput, match="above zero"):
            move("t", "USDT", Decimal(amount), NOON)


def test_only_what_is_available_can_be_withdrawn() -> None:
    account = an_account("500")
    reserve(account)
    account.settle(an_execution(), NOON)
    # 500 - 0.036 fee, 90 in margin, 100.04 reserved for the rest.
    free = Decimal("309.924")
    assert account.available("USDT") == free
    with pytest.raises(Conflict) as refusal:
        account.withdraw("w", "USDT", free + Decimal("0.00000001"), NOON)
    assert refusal.value.code == "insufficient_funds"
    account.withdraw("w", "USDT", free, NOON)
    assert account.available("USDT") == 0


def test_reserving_is_idempotent_and_bounded_by_the_money() -> None:
    account = an_account("200.08")
    reserve(account)
    reserve(account)
    assert len(account.reservations) == 1
    with pytest.raises(Conflict) as refusal:
        reserve(account, "other", "0.001")
    assert refusal.value.code == "insufficient_funds"


def test_releasing_twice() -> None:
    account = an_account("200.08")
    reserve(account)
    account.release("o", "cancelled", NOON)
    version = account.version
    account.release("o", "cancelled", NOON)
    assert account.version == version
    event = account.pending[-1]
    assert isinstance(event, ReservationReleased)
    assert event.amount == Decimal("200.08")


def test_settling_moves_money_from_reservation_to_position() -> None:
    account = an_account("500")
    reserve(account)
    account.settle(an_execution(), NOON)
    assert account.reserved("USDT") == Decimal("100.04")
    assert account.margin("USDT") == 90
    account.settle(an_execution(2, price=Decimal(100), fee=Decimal("0.04")), NOON)
    assert account.reservations == {}
    position = account.positions["BTCUSDT"]
    assert (position.quantity, position.cost) == (Decimal(2), Decimal(190))
    assert account.balance("USDT") == Decimal("500") - Decimal("0.076")


def test_settling_is_in_order_and_once() -> None:
    account = an_account("500")
    account.settle(an_execution(), NOON)
    version = account.version
    account.settle(an_execution(), NOON)
    assert account.version == version
    with pytest.raises(Conflict) as refusal:
        account.settle(an_execution(3), NOON)
    assert refusal.value.code == "settlement_out_of_order"
    account.settle(an_execution(2), NOON)


def test_a_fill_without_reservation_or_money_is_booked() -> None:
    account = an_account("1")
    account.settle(an_execution(), NOON)
    assert account.available("USDT") == 1 - Decimal("0.036") - 90
    event = account.pending[-1]
    assert isinstance(event, FillSettled)
    assert event.reserved_quantity == event.reserved_amount == 0


def test_a_reversal_is_the_opposite() -> None:
    account = an_account("500")
    reserve(account)
    before = (account.balance("USDT"), account.reserved("USDT"), account.margin("USDT"))
    account.settle(an_execution(), NOON)
    account.reverse(an_execution(2, trade_id="t1"), NOON)
    assert (account.balance("USDT"), account.reserved("USDT"), account.margin("USDT")) == before
    event = account.pending[-1]
    assert isinstance(event, FillReversed)
    assert (event.side, event.fee) == (Side.SELL, Decimal("-0.036"))
    assert event.realised_profit == 0


def test_fees_in_another_asset_are_taken_there() -> None:
    account = an_account("500")
    account.settle(an_execution(fee=Decimal("0.001"), fee_asset="BNB"), NOON)
    assert account.balance("BNB") == Decimal("-0.001")
    assert account.balance("USDT") == 500
    assert account.result_on(NOON.date()) == 0


def test_the_result_of_a_day() -> None:
    account = an_account("500")
    account.settle(an_execution(), NOON)
    close = an_execution(2, side=Side.SELL, price=Decimal(80))
    account.settle(close, NOON + timedelta(hours=1))
    assert account.result_on(NOON.date()) == Decimal("-10.072")
    tomorrow = NOON + timedelta(days=1)
    assert account.result_on(tomorrow.date()) == 0
    account.settle(an_execution(3, fee=Decimal(1)), tomorrow)
    assert account.result_on(tomorrow.date()) == -1


def test_yesterdays_clock_does_not_forget_todays_loss() -> None:
    account = an_account()
    midnight = NOON.replace(hour=0) + timedelta(days=1)
    account.note_result(midnight, Decimal(-5))
    account.note_result(midnight - timedelta(microseconds=1), Decimal(-1))
    account.note_result(midnight + timedelta(seconds=1), Decimal(-2))
    assert account.result_on(midnight.date()) == -8


def test_messages_are_remembered_for_a_minute() -> None:
    account = an_account()
    for seconds in (0, 1, 60, 61):
        at = NOON + timedelta(seconds=seconds)
        account.note_message(OrderMessage(at, str(seconds), "f"))
    assert [message.order_id for message in account.messages] == ["1", "60", "61"]


def test_resizing_by_an_older_version_of_the_order_does_nothing() -> None:
    account = an_account("5000")
    reserve(account)
    account.amend_reservation("o", 7, Decimal(3), Decimal(100), NOON)
    version = account.version
    account.amend_reservation("o", 6, Decimal(9), Decimal(100), NOON)
    account.amend_reservation("o", 8, Decimal(3), Decimal(100), NOON)
    assert account.version == version
    assert account.reservations["o"].quantity == 3


def test_the_answer_to_an_amendment_does_not_undo_what_the_next_one_reserved() -> None:
    account = an_account("5000")
    reserve(account)
    account.amend_reservation("o", 5, Decimal(4), Decimal(100), NOON, request_id="second")

    account.resize_reservation("o", 5, Decimal(3), Decimal(100), NOON)

    assert account.reservations["o"].quantity == 4
