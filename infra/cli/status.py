"""patriot status: roles, lag, log head, trading state."""

from infra.cli.client import api_client
from infra.cli.options import AsJson
from infra.cli.output import console, print_json, print_record, print_rows

_COLUMNS = ("name", "version", "state", "checkpoint", "lag_events", "lag_seconds")


def status(as_json: AsJson = False) -> None:
    """What a running core is doing."""
    with api_client() as api:
        health = api.get("/health/ready")
        risk = api.get("/v1/risk/limits/system")
        projections = api.get("/v1/projections")["items"]
    if as_json:
        print_json({"health": health, "system": risk, "projections": projections})
        return
    print_record({"trading": risk["state"], **health}, as_json=False)
    console.print("\n[bold]Read models[/bold]")
    print_rows(projections, _COLUMNS, as_json=False)
