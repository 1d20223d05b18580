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

PAGE = 500
LOOK_BACK = 8
"""How many times further back each look goes."""

Event = dict[str, Any]

_COLUMNS = ("position", "recorded_at", "stream", "version", "type")
_SPARE = ("recorded_at", "version")


@app.command("tail")
def tail(
    after: Annotated[
        int | None, typer.Option(help="The first events after this position instead.")
    ] = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """The newest events of all streams, in order."""
    with api_client() as api:
        events = newest(api, limit) if after is None else _first(api, None, after, limit)
    print_rows(events, _COLUMNS, as_json=as_json, spare=_SPARE)


@app.command("show")
def show(
    stream: Annotated[str, typer.Argument(help="Like order-UUID.")],
    limit: Limit = 500,
    as_json: AsJson = False,
) -> None:
    """The events of one stream, with their data."""
    with api_client() as api:
        events = _first(api, stream, 0, limit)
    if as_json:
        print_json(events)
        return
    for event in events:
        console.print(f"[bold]{event['version']}  {event['type']}[/bold]  {event['recorded_at']}")
        console.print(Padding(Text(_compact(event["data"]), overflow="fold"), (0, 0, 0, 3)))


def _compact(data: dict[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False)


def newest(api: ApiClient, limit: int) -> list[Event]:
    """The last events of the log.

    Looks further and further back from where the read models are: positions need not be dense.
    """
    reached = max((row["checkpoint"] for row in api.get("/v1/projections")["items"]), default=0)
    span = limit
    while True:
        after = max(reached - span, 0)
        events = _all_after(api, after)
        if len(events) >= limit or after == 0:
            return events[-limit:]
        span *= LOOK_BACK


def _first(api: ApiClient, stream: str | None, after: int, limit: int) -> list[Event]:
    events: list[Event] = _page(api, stream, after, limit)["items"]
    return events


def _all_after(api: ApiClient, after: int) -> list[Event]:
    events: list[Event] = []
    position: int | None = after
    while position is not None:
        page = _page(api, None, position, PAGE)
        events += page["items"]
        position = page["next_after"]
    return events


def _page(api: ApiClient, stream: str | None, after: int, limit: int) -> Any:
    return api.get("/v1/events", stream=stream, after=after, limit=limit)
