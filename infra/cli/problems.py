"""patriot problems: list."""

from typing import Annotated

import typer

from infra.cli.client import api_client
from infra.cli.options import AsJson, Limit
from infra.cli.output import print_rows

app = typer.Typer(no_args_is_help=True, help="What went wrong and needs somebody's eye.")

_COLUMNS = ("at", "kind", "account_id", "position", "reason")
_SPARE = ("position", "account_id", "at")


@app.command("list")
def list_problems(
    account: Annotated[str | None, typer.Option(help="Only of this account.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only of this kind.")] = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """Problems, newest first; with --json, also what a venue said word for word."""
    with api_client() as api:
        problems = api.get("/v1/problems", account_id=account, kind=kind, limit=limit)["items"]
    print_rows(problems, _COLUMNS, as_json=as_json, spare=_SPARE, folded="reason")
