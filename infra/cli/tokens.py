"""patriot token: create."""

from typing import Annotated

import typer

from infra.cli.options import AsJson, DataDir, settings_for
from infra.cli.output import console, fail, print_json
from infra.composition.tokens import Role, new_token

app = typer.Typer(no_args_is_help=True, help="Bearer tokens.")


@app.callback()
def tokens() -> None:
    """Bearer tokens."""


@app.command("create")
def create(
    role: Annotated[Role, typer.Option(help="What the token may do.")],
    account: Annotated[
        list[str] | None, typer.Option(help="An account it reaches; a client's token needs one.")
    ] = None,
    subject: Annotated[str, typer.Option(help="Who acts, as recorded with each event.")] = "cli",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Sign a token with the data directory's secret; it is shown once and kept nowhere."""
    try:
        token = new_token(settings_for(data_dir), role, subject, tuple(account or ()))
    except ValueError as error:
        fail(str(error), "Name them with --account ID.")
        raise typer.Exit(1) from error
    if as_json:
        print_json({"token": token})
    else:
        console.print(token, soft_wrap=True, highlight=False, markup=False)
