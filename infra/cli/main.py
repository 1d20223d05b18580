"""The command ``patriot``. Exit codes: 0 done, 1 refused or failed, 2 wrong usage."""

import sys

import typer

from infra.cli import accounts, events, orders, projections, risk, tokens
from infra.cli.output import fail
from infra.cli.run import run
from infra.cli.status import status
from infra.cli.up import up
from infra.embedded.errors import ServerFailed
from infra.settings import SettingsError

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Patriot, an event-sourced trading core.",
)
app.command("up")(up)
app.command("run")(run)
app.command("status")(status)
app.add_typer(tokens.app, name="token")
app.add_typer(accounts.app, name="account")
app.add_typer(orders.app, name="order")
app.add_typer(risk.app, name="risk")
app.add_typer(events.app, name="events")
app.add_typer(projections.app, name="projections")


def main() -> None:
    """Run the command; a setting that cannot be is wrong usage."""
    try:
        app()
    except SettingsError as error:
        fail(f"{error.setting}: {error.message}", "See docs/reference/settings.md.")
        sys.exit(2)
    except ServerFailed as error:
        fail(str(error))
        sys.exit(1)


if __name__ == "__main__":
    main()
