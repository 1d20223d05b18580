"""patriot events: tail, show."""

import json
from typing import Annotated, Any

import typer
from rich.padding import Padding
from rich.text import Text

from infra.cli.client import ApiClient, api_client
from infra.cli.options import AsJson, Limit
from infra.cli.output import console, print_json, print_rows

app = typer.Typer(no_args_is_help=True, help="The log itself.")

_COLUMNS = ("position", "recorded_at", "stream", "version", "type")
_SPARE = ("recorded_at", "version")


@app.command("tail")
def tail(
    after: Annotated[int, typer.Option(help="Only what comes after this position.")] = 0,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """Events of all streams in order."""
    with api_client() as api:
        print_rows(_events(api, None, after, limit), _COLUMNS, as_json=as_json, spare=_SPARE)


@app.command("show")
def show(
    stream: Annotated[str, typer.Argument(help="Like order-UUID.")],
    limit: Limit = 500,
    as_json: AsJson = False,
) -> None:
    """The events of one stream, with their data."""
    with api_client() as api:
        events = _events(api, stream, 0, limit)
    if as_json:
        print_json(events)
        return
    for event in events:
        console.print(f"[bold]{event['version']}  {event['type']}[/bold]  {event['recorded_at']}")
        console.print(Padding(Text(_compact(event["data"]), overflow="fold"), (0, 0, 0, 3)))


def _compact(data: dict[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False)


def _events(api: ApiClient, stream: str | None, after: int, limit: int) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = api.get("/v1/events", stream=stream, after=after, limit=limit)[
        "items"
    ]
    return items
