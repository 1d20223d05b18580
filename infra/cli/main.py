"""The command ``patriot``. Exit codes: 0 done, 1 refused or failed, 2 wrong usage."""

import sys

import typer

from infra.cli import (
    accounts,
    events,
    orders,
    problems,
    projections,
    replay,
    risk,
    subjects,
    tokens,
)
from infra.cli.bench import bench
from infra.cli.doctor import doctor
from infra.cli.failure import explain
from infra.cli.output import fail
from infra.cli.rebuild import rebuild
from infra.cli.recover import recover
from infra.cli.run import run
from infra.cli.state import state
from infra.cli.status import status
from infra.cli.up import up
from infra.cli.verify import verify
from infra.settings import SettingsError

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Patriot, an event-sourced trading core.",
)
app.command("up")(up)
app.command("run")(run)
app.command("status")(status)
app.command("doctor")(doctor)
app.command("bench")(bench)
app.command("rebuild")(rebuild)
app.command("state")(state)
app.command("verify")(verify)
app.command("recover")(recover)
app.add_typer(tokens.app, name="token")
app.add_typer(accounts.app, name="account")
app.add_typer(orders.app, name="order")
app.add_typer(risk.app, name="risk")
app.add_typer(problems.app, name="problems")
app.add_typer(subjects.app, name="subject")
app.add_typer(events.app, name="events")
app.add_typer(projections.app, name="projections")
app.add_typer(replay.app, name="replay")


def main() -> None:
    """Run the command; a setting that cannot be is wrong usage."""
    try:
        app()
    except Exception as error:
        failure = explain(error)
        if not failure.was_foreseen:
            raise
        fail(failure.message, failure.hint)
        sys.exit(2 if isinstance(failure.error, SettingsError) else 1)


if __name__ == "__main__":
    main()
