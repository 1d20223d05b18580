"""patriot risk: show, set, halt, resume."""

import json
from pathlib import Path
from typing import Annotated

import typer

from infra.cli.client import api_client
from infra.cli.options import AsJson, Key, Reason
from infra.cli.output import Row, advise, console, fail, print_json, print_record

app = typer.Typer(no_args_is_help=True, help="Limits and trading state.")

Scope = Annotated[str, typer.Argument(help="system, client:ID, account:ID or strategy:ID.")]


@app.command("show")
def show(scope: Scope = "system", as_json: AsJson = False) -> None:
    """The limits and the trading state of a scope."""
    with api_client() as api:
        print_record(api.get(f"/v1/risk/limits/{scope}"), as_json=as_json)


@app.command("set")
def set_limits(
    scope: Scope,
    file: Annotated[Path, typer.Option(help="A JSON object of limits; all are replaced.")],
    reason: Reason,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Replace all limits of a scope."""
    try:
        limits = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        fail(f"{file}: {error}", "The file holds one JSON object, decimals as strings.")
        raise typer.Exit(2) from error
    with api_client() as api:
        body = {"limits": limits, "reason": reason}
        print_record(api.put(f"/v1/risk/limits/{scope}", body, key), as_json=as_json)


@app.command("halt")
def halt(reason: Reason, scope: Scope = "system", key: Key = None, as_json: AsJson = False) -> None:
    """Let nothing new out. Cancels still go through."""
    with api_client() as api:
        done = api.post("/v1/risk/halt", {"scope": scope, "reason": reason}, key)
    if as_json:
        print_json(done)
    else:
        _tell_of_halt(done)


@app.command("resume")
def resume(
    reason: Reason, scope: Scope = "system", key: Key = None, as_json: AsJson = False
) -> None:
    """Let orders out again."""
    with api_client() as api:
        done = api.post("/v1/risk/resume", {"scope": scope, "reason": reason}, key)
        print_record(done, as_json=as_json)


def _tell_of_halt(done: Row) -> None:
    if done["confirmed"]:
        console.print(f"{done['scope']} halted, confirmed at position {done['position']}")
        return
    console.print(f"{done['scope']} halt in force; not yet confirmed: no execution worker leads")
    advise(
        "Nothing new is decided. An order decided before may still be on its way. See who leads:"
        f" `patriot status`; whether it is confirmed by now: `patriot risk show {done['scope']}`."
    )
