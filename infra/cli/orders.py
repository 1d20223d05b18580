"""patriot order: place, amend, cancel, show, list."""

from typing import Annotated

import typer

from domain.order.terms import OrderType, Side, TimeInForce
from infra.cli.client import api_client
from infra.cli.options import AsJson, Key, Limit
from infra.cli.output import console, print_json, print_record, print_rows

app = typer.Typer(no_args_is_help=True, help="Orders.")

OrderId = Annotated[str, typer.Argument(help="The order's id.")]
Price = Annotated[str | None, typer.Option(help="A plain decimal, like 7.61.")]

_COLUMNS = (
    "order_id", "symbol", "side", "type", "quantity", "limit_price", "status", "cum_quantity",
    "average_price",
)  # fmt: skip


_SPARE = ("average_price", "type", "limit_price", "cum_quantity", "side")


@app.command("place")
def place(
    account_id: Annotated[str, typer.Argument(help="The account to trade.")],
    side: Side,
    quantity: Annotated[str, typer.Argument(help="In the base asset.")],
    symbol: Annotated[str, typer.Argument(help="Like BTCUSDT.")],
    order_type: Annotated[OrderType, typer.Option("--type")] = OrderType.MARKET,
    limit_price: Price = None,
    stop_price: Price = None,
    trailing_offset: Price = None,
    trailing_step: Annotated[
        list[str] | None,
        typer.Option(help="REACH:LIFT, as multiples of the entry price; may be repeated."),
    ] = None,
    entry_price: Price = None,
    time_in_force: TimeInForce = TimeInForce.GTC,
    expire_at: Annotated[str | None, typer.Option(help="RFC 3339, for gtd.")] = None,
    reduce_only: Annotated[bool, typer.Option("--reduce-only")] = False,
    post_only: Annotated[bool, typer.Option("--post-only")] = False,
    client_order_id: Annotated[str | None, typer.Option(help="Your own name for it.")] = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Place an order; it is decided and in the log when this returns."""
    body = {
        "account_id": account_id,
        "symbol": symbol,
        "side": side.value,
        "type": order_type.value,
        "quantity": quantity,
        "limit_price": limit_price,
        "stop_price": stop_price,
        "trailing_offset": trailing_offset,
        "trailing_steps": [_step(text) for text in trailing_step] if trailing_step else None,
        "entry_price": entry_price,
        "time_in_force": time_in_force.value,
        "expire_at": expire_at,
        "reduce_only": reduce_only,
        "post_only": post_only,
        "client_order_id": client_order_id,
    }
    with api_client() as api:
        print_record(api.post("/v1/orders", body, key), as_json=as_json)


def _step(text: str) -> dict[str, str]:
    reach, separator, lift = text.partition(":")
    if not separator:
        raise typer.BadParameter("a trailing step is REACH:LIFT, like 1.5:1.5")
    return {"reach": reach, "lift": lift}


@app.command("amend")
def amend(
    order_id: OrderId,
    quantity: Price = None,
    limit_price: Price = None,
    stop_price: Price = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Ask the venue for other terms."""
    body = {"quantity": quantity, "limit_price": limit_price, "stop_price": stop_price}
    with api_client() as api:
        print_record(api.patch(f"/v1/orders/{order_id}", body, key), as_json=as_json)


@app.command("cancel")
def cancel(order_id: OrderId, key: Key = None, as_json: AsJson = False) -> None:
    """Ask the venue to take an order off the book."""
    with api_client() as api:
        print_record(api.delete(f"/v1/orders/{order_id}", key), as_json=as_json)


@app.command("show")
def show(order_id: OrderId, as_json: AsJson = False) -> None:
    """An order, and what happened to it event by event."""
    with api_client() as api:
        order = api.get(f"/v1/orders/{order_id}")
        timeline = api.get(f"/v1/orders/{order_id}/timeline")["items"]
    if as_json:
        print_json({"order": order, "timeline": timeline})
        return
    print_record(order, as_json=False)
    console.print("\n[bold]Timeline[/bold]")
    print_rows(timeline, ("version", "occurred_at", "type", "actor", "position"), as_json=False)


@app.command("list")
def list_orders(
    account: Annotated[str | None, typer.Option(help="Only of this account.")] = None,
    symbol: Annotated[str | None, typer.Option(help="Only in this instrument.")] = None,
    status: Annotated[str | None, typer.Option(help="Only with this status.")] = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """Orders, newest first."""
    with api_client() as api:
        orders = api.get(
            "/v1/orders", account_id=account, symbol=symbol, status=status, limit=limit
        )["items"]
    print_rows(orders, _COLUMNS, as_json=as_json, spare=_SPARE)
