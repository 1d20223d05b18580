"""What the read models must show, computed without them: every stream folded from its beginning."""

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec

from domain.account.account import Account
from domain.account.events import (
    AccountReconciled,
    ExternalActivityAcknowledged,
    ExternalOrderFound,
    ExternalPositionFound,
    PositionAdjusted,
    ReconciliationFailed,
    Settlement,
)
from domain.aggregate import Aggregate
from domain.event import Event, decode
from domain.log import RecordedEvent, category_of
from domain.order.events import FillBusted, OrderFilled
from domain.order.order import Order
from domain.order.status import Ending
from domain.risk.risk_limits import RiskLimits
from domain.session.session import Session

KINDS: dict[str, type[Aggregate]] = {
    "order": Order,
    "account": Account,
    "risk": RiskLimits,
    "session": Session,
}

PROBLEMS = {
    "VenueDataProblem": "venue_data",
    "ExternalOrderFound": "external_order",
    "ExternalPositionFound": "external_position",
    "PositionAdjusted": "external_position",
    "BalanceAdjusted": "balance_adjusted",
    "ReconciliationFailed": "reconciliation_failed",
    "OcoBothFilled": "oco_both_filled",
}

_EXTERNAL = ExternalOrderFound | ExternalPositionFound | PositionAdjusted

Rows = dict[tuple[str, ...], dict[str, Any]]


class Expected:
    """Aggregates as the domain folds them, and sums over the raw events."""

    def __init__(self, recorded: Iterable[RecordedEvent]) -> None:
        self.recorded = list(recorded)
        self.events: dict[str, list[Event]] = defaultdict(list)
        self.last_position: dict[str, int] = {}
        aggregates: dict[str, Aggregate] = {}
        for item in self.recorded:
            category = category_of(item.stream)
            event = decode(item)
            aggregate = aggregates.setdefault(
                item.stream, KINDS[category].empty(event.originator_id)
            )
            event.mutate(aggregate)
            self.events[event.originator_id].append(event)
            self.last_position[event.originator_id] = item.position
        values = list(aggregates.values())
        orders = [a for a in values if isinstance(a, Order)]
        # An abandoned order has never been one: nobody was told of it, and it has no terms.
        self.orders = {a.id: a for a in orders if a.ending is not Ending.ABANDONED}
        self.accounts = {a.id: a for a in values if isinstance(a, Account)}
        self.risks = {a.id: a for a in values if isinstance(a, RiskLimits)}

    def order_rows(self) -> Rows:
        return {(order.id,): self._order(order) for order in self.orders.values()}

    def execution_rows(self) -> Rows:
        rows: Rows = {}
        for order_id in self.orders:
            for event in self.events[order_id]:
                if isinstance(event, OrderFilled):
                    rows[order_id, str(event.execution_number)] = {
                        "trade_id": event.trade_id,
                        "quantity": event.quantity,
                        "price": event.price,
                        "liquidity": event.liquidity,
                        "fee": event.fee,
                        "fee_asset": event.fee_asset,
                        "side": event.side,
                        "symbol": event.symbol,
                        "executed_at": event.executed_at,
                        "busted": False,
                    }
                elif isinstance(event, FillBusted):
                    rows[order_id, str(event.fill.number)]["busted"] = True
        return rows

    def account_rows(self) -> Rows:
        return {
            (account.id,): {
                "client_id": account.client_id,
                "venue": account.venue,
                "margin_rate": account.margin_rate,
                "maker_fee": account.fees.maker,
                "taker_fee": account.fees.taker,
                "fee_asset": account.fees.asset,
                **self._reconciliation(account.id),
                "opened_at": self.events[account.id][0].timestamp,
                "version": account.version,
                "position": self.last_position[account.id],
            }
            for account in self.accounts.values()
        }

    def _reconciliation(self, account_id: str) -> dict[str, Any]:
        """From the raw events, not from the aggregate."""
        failure, found = None, 0
        for event in self.events[account_id]:
            if isinstance(event, ReconciliationFailed):
                failure = event.reason
            elif isinstance(event, AccountReconciled):
                failure = None
            elif isinstance(event, _EXTERNAL):
                found += 1
            elif isinstance(event, ExternalActivityAcknowledged):
                found = 0
        state = "halted" if failure else "reducing" if found else "active"
        return {
            "trading_state": state,
            "unacknowledged": found,
            "reconciliation_failure": failure,
        }

    def problem_rows(self) -> Rows:
        rows: Rows = {}
        for item in self.recorded:
            if item.type in PROBLEMS:
                data = msgspec.json.decode(item.data)
                is_account = category_of(item.stream) == "account"
                raw = data.get("raw")
                rows[(str(item.position),)] = {
                    "at": decode(item).timestamp,
                    "kind": PROBLEMS[item.type],
                    "stream": item.stream,
                    "account_id": data["aggregate_id"] if is_account else None,
                    "code": data.get("code"),
                    "raw": None if raw is None else raw.replace("\x00", "␀"),
                }
        return rows

    def leader_rows(self) -> Rows:
        rows: Rows = {}
        for item in self.recorded:
            if item.type == "LeaderEpochStarted":
                data = msgspec.json.decode(item.data)
                at = decode(item).timestamp
                rows[data["aggregate_id"], str(data["epoch"])] = {"started_at": at}
        return rows

    def balance_rows(self) -> Rows:
        return {
            (account.id, asset): {
                "balance": account.balance(asset),
                "reserved": account.reserved(asset),
                "margin": account.margin(asset),
                "available": account.available(asset),
            }
            for account in self.accounts.values()
            for asset in self._assets(account)
        }

    def position_rows(self) -> Rows:
        rows: Rows = {}
        for account in self.accounts.values():
            for symbol, position in account.positions.items():
                settled = [
                    event
                    for event in self.events[account.id]
                    if isinstance(event, Settlement) and event.symbol == symbol
                ]
                rows[account.id, symbol] = {
                    "quantity": position.quantity,
                    "cost": position.cost,
                    "average_price": position.average_price,
                    "realised_profit": sum((e.realised_profit for e in settled), Decimal(0)),
                    "fees_paid": sum((e.fee for e in settled), Decimal(0)),
                }
        return rows

    def risk_rows(self) -> Rows:
        return {
            (risk.id,): {
                "state": risk.state,
                "reason": risk.state_reason,
                "halt_confirmed": self._halt_confirmed(risk.id),
                "limits": msgspec.json.decode(msgspec.json.encode(risk.limits)),
                "version": risk.version,
                "position": self.last_position[risk.id],
            }
            for risk in self.risks.values()
        }

    def _halt_confirmed(self, scope: str) -> bool | None:
        """What the last event about the trading state says."""
        said = {"TradingHaltRequested": False, "TradingHalted": True}
        kinds = [type(event).__name__ for event in self.events[scope]]
        states = [kind for kind in kinds if kind.startswith("Trading")]
        return said.get(states[-1]) if states else None

    def _order(self, order: Order) -> dict[str, Any]:
        terms = order.terms
        return {
            "account_id": order.account_id,
            "client_id": order.client_id,
            "client_order_id": order.client_order_id,
            "venue_order_id": order.venue_order_id,
            "strategy_id": order.strategy_id,
            "linked_order_id": order.linked_order_id,
            "symbol": terms.symbol,
            "side": terms.side,
            "type": terms.type,
            "quantity": terms.quantity,
            "limit_price": terms.limit_price,
            "stop_price": order.stop_price or terms.stop_price,
            "trailing_offset": terms.trailing_offset,
            "time_in_force": terms.time_in_force,
            "expire_at": terms.expire_at,
            "reduce_only": terms.reduce_only,
            "post_only": terms.post_only,
            "status": order.status,
            "cum_quantity": order.cum_quantity,
            "leaves_quantity": order.leaves_quantity,
            "average_price": order.average_price,
            "fees_paid": sum((fill.fee for fill in order.fills.values()), Decimal(0)),
            "placed_at": self.events[order.id][0].timestamp,
            "updated_at": self.events[order.id][-1].timestamp,
            "version": order.version,
            "position": self.last_position[order.id],
        }

    def _assets(self, account: Account) -> set[str]:
        return {
            *account.balances,
            *(reservation.settlement_asset for reservation in account.reservations.values()),
            *(position.settlement_asset for position in account.positions.values()),
        }
