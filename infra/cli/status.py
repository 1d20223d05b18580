"""patriot status: roles, lag, log head, trading state, and what needs somebody's eye."""

from datetime import timedelta
from typing import Any

from domain.event import format_time
from infra.cli.client import ApiClient, api_client
from infra.cli.options import AsJson
from infra.cli.output import Row, console, print_json, print_record, print_rows
from infra.clock import SystemClock

PAGE = 500
"""What there is more of is not counted further."""

RECENT = timedelta(hours=1)

_COLUMNS = ("name", "version", "state", "checkpoint", "lag_events", "lag_seconds")


def status(as_json: AsJson = False) -> None:
    """What a running core is doing. Of anything, at most 500 are counted."""
    with api_client() as api:
        health = api.get("/health/ready")
        risk = api.get("/v1/risk/limits/system")
        watched = _watched(api)
        leaders = _leading(api)
        projections = api.get("/v1/projections")["items"]
    if as_json:
        print_json(
            {
                "health": health,
                "system": risk,
                "leaders": leaders,
                **watched,
                "projections": projections,
            }
        )
        return
    print_record({"trading": _trading(risk), **health, **_told(watched)}, as_json=False)
    console.print("\n[bold]Execution[/bold]")
    print_rows(leaders, ("venue", "epoch", "started_at"), as_json=False)
    console.print("\n[bold]Read models[/bold]")
    print_rows(projections, _COLUMNS, as_json=False)


def _watched(api: ApiClient) -> dict[str, int]:
    since = format_time(SystemClock().now() - RECENT)
    return {
        "unknown_orders": _count(api, "/v1/orders", status="unknown"),
        "accounts_reducing": _count(api, "/v1/accounts", trading_state="reducing"),
        "accounts_halted": _count(api, "/v1/accounts", trading_state="halted"),
        "problems_in_the_last_hour": _count(api, "/v1/problems", since=since),
    }


def _count(api: ApiClient, path: str, **query: str) -> int:
    return len(api.get(path, limit=PAGE, **query)["items"])


def _leading(api: ApiClient) -> list[Row]:
    """The newest epoch of each venue."""
    newest: dict[str, Row] = {}
    for leader in api.get("/v1/leaders", limit=PAGE)["items"]:
        newest.setdefault(leader["venue"], leader)
    return list(newest.values())


def _trading(risk: Row) -> str:
    if risk["halt_confirmed"] is False:
        return f"{risk['state']}, not yet confirmed"
    return str(risk["state"])


def _told(watched: dict[str, int]) -> dict[str, Any]:
    return {name: count if count < PAGE else f"{PAGE} or more" for name, count in watched.items()}
