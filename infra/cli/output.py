"""How the CLI prints: tables that align for people, JSON for machines."""

import json
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

console = Console()
errors = Console(stderr=True)

Row = dict[str, Any]

_NUMERIC = frozenset(
    {
        "amount", "available", "average_price", "balance", "close", "cum_quantity", "fee", "high",
        "leaves_quantity", "limit_price", "low", "margin", "open", "position", "price", "quantity",
        "realised_profit", "reserved", "stop_price", "version", "volume",
    }
)  # fmt: skip


def print_json(value: object) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def print_rows(rows: Sequence[Row], columns: Sequence[str], *, as_json: bool) -> None:
    """Rows as a table of the given columns, or whole as JSON."""
    if as_json:
        print_json(list(rows))
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(
            column.replace("_", " "),
            justify="right" if column in _NUMERIC else "left",
            no_wrap=column.endswith("_id"),
        )
    for row in rows:
        table.add_row(*(_cell(row.get(column)) for column in columns))
    console.print(table if rows else "[dim]nothing yet[/dim]")


def print_record(record: Row, *, as_json: bool) -> None:
    """One object, a line a field, or as JSON."""
    if as_json:
        print_json(record)
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in record.items():
        table.add_row(name.replace("_", " "), _cell(value))
    console.print(table)


def fail(message: str, hint: str | None = None) -> None:
    """Say what went wrong, and what to do next, on standard error."""
    errors.print(f"[bold red]error[/bold red] {message}", highlight=False)
    if hint:
        errors.print(f"[dim]{hint}[/dim]", highlight=False)


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
