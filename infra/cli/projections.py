"""patriot projections: status, rebuild."""

import asyncio
from typing import Annotated

import msgspec
import typer

from infra.cli.client import api_client
from infra.cli.local import attached
from infra.cli.options import AsJson, DataDir, settings_for
from infra.cli.output import console, fail, print_json, print_rows
from infra.composition.rebuild import LeaseHeld, Poisoned, Rebuilt, rebuild_projection

app = typer.Typer(no_args_is_help=True, help="Read models.")

_COLUMNS = ("name", "version", "state", "checkpoint", "lag_events", "lag_seconds", "failure")


@app.command("status")
def status(as_json: AsJson = False) -> None:
    """Every read model: its version, how far it is and how far behind."""
    with api_client() as api:
        builds = api.get("/v1/projections")["items"]
    print_rows(builds, _COLUMNS, as_json=as_json, spare=("version",), folded="failure")


@app.command("rebuild")
def rebuild(
    name: Annotated[str, typer.Argument(help="As `patriot projections status` names it.")],
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Build a read model anew from the log and swap it in, while reads go on."""
    settings = attached(settings_for(data_dir))
    try:
        with console.status(f"building {name} beside the one in use"):
            rebuilt = asyncio.run(rebuild_projection(settings, name))
    except KeyError as error:
        fail(f"there is no read model {name!r}", "See `patriot projections status`.")
        raise typer.Exit(1) from error
    except (LeaseHeld, Poisoned) as error:
        fail(f"{name} is as it was: {error}")
        raise typer.Exit(1) from error
    if as_json:
        print_json(msgspec.to_builtins(rebuilt))
    else:
        console.print(_describe(rebuilt))
    if rebuilt.comparison is not None and not rebuilt.comparison.identical:
        raise typer.Exit(1)


def _describe(rebuilt: Rebuilt) -> str:
    done = f"{rebuilt.name} is {rebuilt.build}, built up to position {rebuilt.position}"
    if rebuilt.comparison is None:
        return done
    same = "the same rows as" if rebuilt.comparison.identical else "[bold red]not[/] the rows of"
    return f"{done}; it has {same} the build before"
