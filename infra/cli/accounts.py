"""patriot account: open, deposit, acknowledge, show, list."""

from typing import Annotated

import typer

from infra.cli.client import api_client
from infra.cli.options import AsJson, Key, Limit, Reason
from infra.cli.output import Row, advise, console, print_json, print_record, print_rows

app = typer.Typer(no_args_is_help=True, help="Clients' accounts.")

AccountId = Annotated[str, typer.Argument(help="The account's id.")]

_COLUMNS = ("account_id", "client_id", "venue", "margin_rate", "trading_state")
_SPARE = ("venue", "margin_rate", "client_id")
_WHAT_TO_DO = {
    "reducing": "It only makes positions smaller until somebody has seen what the core did not do:"
    " `patriot problems list --account {account_id}`, then"
    " `patriot account acknowledge {account_id} --reason …`.",
    "halted": "It could not be compared with its venue. That is tried again and again; the account"
    " trades once it worked.",
}


@app.command("open")
def open_account(
    client: Annotated[str, typer.Option(help="Pseudonym of the client.")],
    venue: Annotated[str, typer.Option(help="The venue the account is at.")] = "paper",
    margin_rate: Annotated[str, typer.Option(help="Initial margin; 1 is unleveraged.")] = "1",
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Open an account."""
    body = {"client_id": client, "venue": venue, "margin_rate": margin_rate}
    with api_client() as api:
        account = api.post("/v1/accounts", body, key)
    print_record(account, as_json=as_json)


@app.command("deposit")
def deposit(
    account_id: AccountId,
    amount: Annotated[str, typer.Argument(help="A plain decimal, like 1000.50.")],
    asset: Annotated[str, typer.Option(help="What is deposited.")] = "USDT",
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Credit money to an account."""
    with api_client() as api:
        path = f"/v1/accounts/{account_id}/deposits"
        done = api.post(path, {"asset": asset, "amount": amount}, key)
    print_record(done, as_json=as_json)


@app.command("acknowledge")
def acknowledge(
    account_id: AccountId, reason: Reason, key: Key = None, as_json: AsJson = False
) -> None:
    """Let an account trade again: what the core did not do has been seen."""
    with api_client() as api:
        path = f"/v1/accounts/{account_id}/acknowledgements"
        done = api.post(path, {"reason": reason}, key)
    print_record(done, as_json=as_json)


@app.command("show")
def show(account_id: AccountId, as_json: AsJson = False) -> None:
    """An account with its trading state, its balances and positions."""
    with api_client() as api:
        account = api.get(f"/v1/accounts/{account_id}")
        balances = api.get(f"/v1/accounts/{account_id}/balances")["items"]
        positions = api.get(f"/v1/accounts/{account_id}/positions")["items"]
    if as_json:
        print_json({"account": account, "balances": balances, "positions": positions})
        return
    print_record(account, as_json=False)
    console.print("\n[bold]Balances[/bold]")
    print_rows(balances, ("asset", "balance", "reserved", "margin", "available"), as_json=False)
    console.print("\n[bold]Positions[/bold]")
    columns = ("symbol", "quantity", "average_price", "realised_profit", "fees_paid")
    print_rows(positions, columns, as_json=False)
    _advise(account)


@app.command("list")
def list_accounts(limit: Limit = 50, as_json: AsJson = False) -> None:
    """All accounts."""
    with api_client() as api:
        accounts = api.get("/v1/accounts", limit=limit)["items"]
    print_rows(accounts, _COLUMNS, as_json=as_json, spare=_SPARE)


def _advise(account: Row) -> None:
    what_to_do = _WHAT_TO_DO.get(account["trading_state"])
    if what_to_do is not None:
        advise(what_to_do.format(account_id=account["account_id"]))
