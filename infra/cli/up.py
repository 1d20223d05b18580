"""patriot up: everything, embedded, one command."""

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from domain.clock import Clock
from domain.log import LogUnavailable
from infra.cli.local import announced, running_core
from infra.cli.options import DataDir, settings_for
from infra.cli.output import console, fail
from infra.cli.work import run_until_stopped
from infra.composition.everything import Everything
from infra.composition.machinery import machinery
from infra.composition.pulse import Pulse, pulse
from infra.composition.tokens import Role, new_token
from infra.database_patience import AWAY
from infra.settings import Settings
from infra.telemetry import configure_logging
from infra.token_secret import token_secret
from infra.version import code_version

PULSE_SECONDS = 1.0
LOG_FILE = "patriot.log"


def up(
    data_dir: DataDir = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port of the API.")] = None,
    market: Annotated[
        str | None, typer.Option(help="A recording's path, or `synthetic`.", metavar="FILE")
    ] = None,
) -> None:
    """Start everything on this machine and show what happens. Ctrl-C stops it."""
    settings = settings_for(data_dir, port=port, market=market)
    if running_core(settings.data_dir):
        fail(
            f"a core is running on {settings.data_dir} already",
            "Stop it, or choose another --data-dir.",
        )
        raise typer.Exit(1)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    configure_logging(
        settings.log_level, as_json=settings.log_json, file=settings.data_dir / LOG_FILE
    )
    token_secret(settings)  # wrong usage shows before any server is started
    run_until_stopped(_up(settings))
    console.print("\nStopped. Everything is in the log; start again to continue.")


async def _up(settings: Settings) -> None:
    async with AsyncExitStack() as stack:
        with console.status("starting PostgreSQL, Valkey and the core"):
            machine = await stack.enter_async_context(machinery(settings))
            everything = Everything(machine)
            group = await stack.enter_async_context(asyncio.TaskGroup())
            group.create_task(everything.run())
            await everything.ready.wait()
        with announced(settings.data_dir, everything.api.url, machine.servers):
            _show_screen(settings, everything.api.url)
            await _show_pulse(everything, machine.clock)


def _show_screen(settings: Settings, url: str) -> None:
    console.print(_screen(settings, url))
    # On a line of its own and never wrapped, so that it can be copied.
    console.print("token (operator)", style="bold")
    token = new_token(settings, Role.OPERATOR, "operator")
    console.print(token, style="yellow", soft_wrap=True, highlight=False, markup=False)
    console.print("[dim]shown once; `patriot token create` makes others[/dim]\n")


def _screen(settings: Settings, url: str) -> Panel:
    rows = Table(box=None, show_header=False, pad_edge=False)
    rows.add_column(style="bold", no_wrap=True)
    rows.add_column(overflow="fold")
    rows.add_row("log", _log(settings))
    rows.add_row("read models", _server("PostgreSQL", settings.postgres_dsn))
    rows.add_row("cache", _server("Valkey", settings.redis_url))
    rows.add_row("market", _market(settings))
    rows.add_row("venue", "paper: orders fill against this market, nothing leaves the machine")
    rows.add_row("data", str(settings.data_dir.absolute()))
    rows.add_row("messages", str(settings.data_dir.absolute() / LOG_FILE))
    rows.add_row("API", f"[link={url}]{url}[/link]   pages at {url}/docs")
    rows.add_row("", "")
    rows.add_row("try", "patriot account open --client alice")
    rows.add_row("", "patriot account deposit ACCOUNT 10000")
    rows.add_row("", "patriot order place ACCOUNT buy 0.01 BTCUSDT")
    return Panel(rows, title=f"Patriot {code_version()}", title_align="left", padding=(1, 2))


async def _show_pulse(everything: Everything, clock: Clock) -> None:
    """One line that is drawn anew on a terminal, and not at all elsewhere."""
    if not console.is_terminal:
        await asyncio.Event().wait()
    before = await pulse(everything)
    with Live(_line(before, before), console=console, auto_refresh=False) as live:
        while True:
            await clock.sleep(PULSE_SECONDS)
            try:
                now = await pulse(everything)
            except (LogUnavailable, *AWAY) as error:
                live.update(Text(f"waiting for the log: {error}", style="red"), refresh=True)
            else:
                live.update(_line(now, before), refresh=True)
                before = now


def _line(now: Pulse, before: Pulse) -> Text:
    parts = [
        datetime.now(UTC).strftime("%H:%M:%S"),
        now.trading,
        f"log {now.head:,} (+{now.head - before.head}/s)",
        f"{now.working_orders} working",
        f"lag {now.lag}",
        *(f"{symbol} {price}" for symbol, price in now.quotes[:1]),
    ]
    return Text("  ·  ".join(parts), no_wrap=True, overflow="ellipsis")


def _log(settings: Settings) -> str:
    if settings.eventstoredb_uri is not None:
        return "EventStoreDB, as set"
    return _server("PostgreSQL", settings.postgres_dsn)


def _server(name: str, address: str | None) -> str:
    return f"{name}, embedded" if address is None else f"{name}, as set"


def _market(settings: Settings) -> str:
    if settings.market == "synthetic":
        return f"synthetic, seed {settings.market_seed}"
    return f"{Path(settings.market).name}, in a loop at {settings.market_speed:g}x"
