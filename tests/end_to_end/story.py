"""One snapshot of the log, the venue and the read models: do they tell one story?"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from psycopg.rows import DictRow, dict_row

from domain.account.events import FillSettled, FundsDeposited
from domain.command import command_id_for
from domain.event import decode
from domain.log import RecordedEvent
from domain.order.events import OrderFilled
from domain.order.order import venue_client_id_of
from domain.order.status import OrderStatus
from domain.risk.risk_limits import SYSTEM_SCOPE
from tests.domain.ledger import up
from tests.end_to_end.load import Answered
from tests.projections.expected import Expected, Rows

SUBJECT = "operator"

KEPT_BY = {
    ("POST", "/v1/accounts", 201): "AccountOpened",
    ("POST", "/v1/accounts/{account_id}/deposits", 201): "FundsDeposited",
    ("POST", "/v1/orders", 201): "OrderPlaced",
    ("POST", "/v1/orders", 422): "OrderRefused",
    ("DELETE", "/v1/orders/{order_id}", 202): "OrderCancelRequested",
    ("PATCH", "/v1/orders/{order_id}", 202): "OrderAmendRequested",
    ("PUT", "/v1/risk/limits/{scope}", 202): "RiskLimitsSet",
    ("POST", "/v1/risk/halt", 202): "TradingHaltRequested",
    ("POST", "/v1/risk/resume", 202): "TradingResumed",
}
"""The event that keeps the promise of an answer."""

READ_MODELS = ("orders", "executions", "balances", "positions", "projections")

_UNHANDLED = """
SELECT count(*) AS count FROM log.events e
WHERE e.stream LIKE 'order-%'
  AND (e.position > coalesce(
         (SELECT position FROM workers.checkpoint WHERE worker = 'policies'), 0)
    OR (e.type IN ('OrderPlaced', 'OrderCancelRequested', 'OrderAmendRequested')
        AND e.position > coalesce(
         (SELECT position FROM workers.checkpoint WHERE worker = 'execution'), 0)))
"""


class _CommandOf(msgspec.Struct, frozen=True):
    command_id: UUID


class Snapshot(msgspec.Struct, frozen=True):
    """The log, what the venue executed and was sent, the read models' rows by table, and how many
    events the workers have not handled."""

    recorded: list[RecordedEvent]
    executed: list[DictRow]
    sent: list[DictRow]
    read: dict[str, list[DictRow]]
    unhandled: int


def snapshot(dsn: str) -> Snapshot:
    """All of it as of one moment."""
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        (unhandled,) = connection.execute(_UNHANDLED).fetchall()
        return Snapshot(
            recorded=[RecordedEvent(**row) for row in _rows(connection, "log.events")],
            executed=_rows(connection, "paper_venue.executions"),
            sent=_rows(connection, "paper_venue.journal", "WHERE kind = 'Opened'"),
            read={name: _rows(connection, f"read.{name}") for name in READ_MODELS},
            unhandled=unhandled["count"],
        )


class Story:
    """``problems`` is empty when all is handled and everybody agrees."""

    def __init__(self, seen: Snapshot) -> None:
        self.recorded = seen.recorded
        self._venue = seen.executed
        self._opened = seen.sent
        self._read = seen.read
        self._unhandled = seen.unhandled

    @cached_property
    def expected(self) -> Expected:
        return Expected(self.recorded)

    def problems(self, answered: Sequence[Answered]) -> list[str]:
        """Only that something is not handled yet, if so: the rest takes longer to find out."""
        return list(self._not_handled()) or [
            *self._promises_not_kept(answered),
            *self._venue_problems(),
            *self._unknown_orders(),
            *self._sent_while_halted(),
            *self._read_model_problems(),
            *self._money_problems(),
        ]

    def _not_handled(self) -> Iterator[str]:
        head = self.recorded[-1].position if self.recorded else 0
        for row in self._read["projections"]:
            if row["checkpoint"] < head or row["failure"]:
                yield f"{row['name']} is at {row['checkpoint']} of {head}: {row['failure']}"
        if self._unhandled:
            yield f"{self._unhandled} events are not handled"

    def _promises_not_kept(self, answered: Sequence[Answered]) -> Iterator[str]:
        kept = Counter((_command_of(event), event.type) for event in self.recorded)
        positions = {(_command_of(event), event.type): event.position for event in self.recorded}
        for answer in answered:
            if not answer.is_promise:
                continue
            command = answer.command
            kind = KEPT_BY[command.method, command.route, answer.status]
            name = f"{command.method} {command.route}"
            promise = (command_id_for(SUBJECT, name, command.key), kind)
            orders = 2 if answer.document.get("linked_order_id") else 1
            if kept[promise] != orders or positions[promise] > (answer.position or 0):
                yield f"{answer}: {kept[promise]} {kind} at {positions.get(promise)}"

    def _venue_problems(self) -> Iterator[str]:
        """Every execution of the venue is booked once and settled once, and no other."""
        executed = Counter(
            (row["client_order_id"], row["trade_id"], row["quantity"], row["price"], row["fee"])
            for row in self._venue
        )
        filled = [event for event in self._events() if isinstance(event, OrderFilled)]
        booked = Counter(
            (venue_client_id_of(e.originator_id), e.trade_id, e.quantity, e.price, e.fee)
            for e in filled
        )
        settled = Counter(
            (venue_client_id_of(e.order_id), e.trade_id, e.quantity, e.price, e.fee)
            for e in self._events()
            if isinstance(e, FillSettled)
        )
        yield from _different("executed and booked", executed, booked)
        yield from _different("booked and settled", booked, settled)
        for order, count in Counter(row["client_order_id"] for row in self._opened).items():
            if count != 1:
                yield f"{order} was sent {count} times"

    def _unknown_orders(self) -> Iterator[str]:
        for order in self.expected.orders.values():
            if order.status is OrderStatus.UNKNOWN:
                yield f"{order.id} is unknown still"

    def _sent_while_halted(self) -> Iterator[str]:
        """No intent stands between a confirmed halt of everything and its end."""
        halted = False
        for recorded in self.recorded:
            if recorded.stream == f"risk-{SYSTEM_SCOPE}":
                halted = recorded.type == "TradingHalted" or (
                    halted and recorded.type != "TradingResumed"
                )
            elif halted and recorded.type == "OrderSubmitting":
                yield f"{recorded.stream} was to be sent after the halt, at {recorded.position}"

    def _read_model_problems(self) -> Iterator[str]:
        expected = self.expected
        yield from _wrong_rows("orders", self._by("orders", "order_id"), expected.order_rows())
        executions = self._by("executions", "order_id", "execution_number")
        yield from _wrong_rows("executions", executions, expected.execution_rows())
        balances = self._by("balances", "account_id", "asset")
        yield from _wrong_rows("balances", balances, expected.balance_rows())
        positions = self._by("positions", "account_id", "symbol")
        yield from _wrong_rows("positions", positions, expected.position_rows())

    def _money_problems(self) -> Iterator[str]:
        """Balances and reservations reckoned from what was deposited, traded and is still live."""
        for account_id, account in self.expected.accounts.items():
            cash, traded = self._cash(account_id), self._traded(account_id)
            held = sum((position.cost for position in account.positions.values()), Decimal(0))
            if account.balance("USDT") != cash + held:
                yield f"{account_id} has {account.balance('USDT')}, not {cash + held}"
            for symbol, position in account.positions.items():
                if position.quantity != traded[symbol]:
                    yield f"{account_id} holds {position.quantity} {symbol}: {traded[symbol]}"
            reserved = self._worst_cases(account_id)
            if Fraction(account.reserved("USDT")) != reserved:
                yield f"{account_id} reserves {account.reserved('USDT')}, not {float(reserved)}"

    def _cash(self, account_id: str) -> Decimal:
        """What came in, less what was paid, less fees."""
        cash = Decimal(0)
        for event in self._events():
            if isinstance(event, FundsDeposited) and event.originator_id == account_id:
                cash += event.amount
            elif isinstance(event, OrderFilled) and event.account_id == account_id:
                cash -= event.side.sign * event.quantity * event.price + event.fee
        return cash

    def _traded(self, account_id: str) -> Mapping[str, Decimal]:
        traded: defaultdict[str, Decimal] = defaultdict(Decimal)
        for event in self._events():
            if isinstance(event, OrderFilled) and event.account_id == account_id:
                traded[event.symbol] += event.side.sign * event.quantity
        return traded

    def _worst_cases(self, account_id: str) -> Fraction:
        account = self.expected.accounts[account_id]
        fee = Fraction(max(account.fees.maker, account.fees.taker))
        total = Fraction(0)
        for order in self.expected.orders.values():
            if order.account_id == account_id and order.is_live:
                notional = Fraction(order.leaves_quantity) * Fraction(order.worst_price)
                total += up(notional * Fraction(account.margin_rate)) + up(notional * fee)
        return total

    def _events(self) -> Iterator[Any]:
        return (decode(recorded) for recorded in self.recorded)

    def _by(self, table: str, *key: str) -> Rows:
        return {tuple(str(row[name]) for name in key): row for row in self._read[table]}


def _rows(connection: psycopg.Connection[DictRow], table: str, where: str = "") -> list[DictRow]:
    order = "ORDER BY position" if table == "log.events" else ""
    return connection.execute(f"SELECT * FROM {table} {where} {order}").fetchall()


def _command_of(recorded: RecordedEvent) -> UUID:
    return msgspec.json.decode(recorded.metadata, type=_CommandOf).command_id


def _different(what: str, one: Counter[Any], other: Counter[Any]) -> Iterator[str]:
    if one != other:
        yield f"{what}: {list((one - other) + (other - one))[:5]}"


def _wrong_rows(table: str, shown: Rows, expected: Rows) -> Iterator[str]:
    if shown.keys() != expected.keys():
        yield f"{table} shows {len(shown)} rows, not {len(expected)}"
    for key in shown.keys() & expected.keys():
        wrong = [
            f"{name} {_plain(shown[key][name])} not {_plain(value)}"
            for name, value in expected[key].items()
            if _plain(shown[key][name]) != _plain(value)
        ]
        if wrong:
            yield f"{table} {key}: {', '.join(wrong)}"


def _plain(value: object) -> object:
    return str(value) if isinstance(value, UUID) else value


def shortened(problems: Iterable[str]) -> str:
    return "\n".join(problem[:500] for problem in list(problems)[:12])
