"""patriot events: tail, show."""

from typing import Annotated, Any

import typer

from infra.cli.client import ApiClient, api_client
from infra.cli.options import AsJson, Limit
from infra.cli.output import print_rows

app = typer.Typer(no_args_is_help=True, help="The log itself.")

_COLUMNS = ("position", "recorded_at", "stream", "version", "type")


@app.command("tail")
def tail(
    after: Annotated[int, typer.Option(help="Only what comes after this position.")] = 0,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """Events of all streams in order."""
    with api_client() as api:
        print_rows(_events(api, None, after, limit), _COLUMNS, as_json=as_json)


@app.command("show")
def show(
    stream: Annotated[str, typer.Argument(help="Like order-UUID.")],
    limit: Limit = 500,
    as_json: AsJson = False,
) -> None:
    """The events of one stream."""
    with api_client() as api:
        columns = ("version", "recorded_at", "type", "data")
        print_rows(_events(api, stream, 0, limit), columns, as_json=as_json)


def _events(api: ApiClient, stream: str | None, after: int, limit: int) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = api.get("/v1/events", stream=stream, after=after, limit=limit)[
        "items"
    ]
    return items
