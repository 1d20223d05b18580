"""What is told of an aggregate: its own attributes, and what follows from them."""

from functools import singledispatch

from domain.account.account import Account
from domain.aggregate import Aggregate
from domain.client.client import Client, SubjectStatus
from domain.order.order import Order


def attributes(aggregate: Aggregate) -> dict[str, object]:
    """By name. An order that was given up before it was placed never had some of them."""
    own = (name for name in type(aggregate).__annotations__ if name != "category")
    told = {name: getattr(aggregate, name) for name in own if hasattr(aggregate, name)}
    return {**derived(aggregate), **told}


@singledispatch
def derived(_aggregate: Aggregate) -> dict[str, object]:
    """Questions that an aggregate answers, beyond what it keeps."""
    return {}


@derived.register
def _of_account(account: Account) -> dict[str, object]:
    settled_in = {held.settlement_asset for held in account.reservations.values()}
    assets = settled_in.union(account.balances)
    return {
        "trading_state": account.trading_state,
        "funds": {asset: _funds(account, asset) for asset in sorted(assets)},
    }


def _funds(account: Account, asset: str) -> dict[str, object]:
    return {
        "balance": account.balance(asset),
        "reserved": account.reserved(asset),
        "margin": account.margin(asset),
        "available": account.available(asset),
    }


@derived.register
def _of_order(order: Order) -> dict[str, object]:
    return {
        "status": order.status,
        "leaves_quantity": order.leaves_quantity,
        "average_price": order.average_price,
    }


@derived.register
def _of_client(client: Client) -> dict[str, object]:
    """No key is at hand here, so that the answer as of a cut is the same for ever."""
    word = "erased" if client.status is SubjectStatus.ERASED else "sealed"
    return {"status": client.status, "reads_as": dict.fromkeys(client.details, word)}
