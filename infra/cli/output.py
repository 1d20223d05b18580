"""How the CLI prints: tables that align for people, JSON for machines."""

import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from rich.cells import cell_len
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

console = Console()
errors = Console(stderr=True)

Row = dict[str, Any]

MIN_FOLDED = 24
ENDLESS = 100_000
"""The width of a line that goes to a file or a program."""

_GAP = 2
"""Cells between two columns of a table without lines."""

_NUMERIC = frozenset(
    {
        "amount", "available", "average_price", "balance", "close", "cum_quantity", "epoch", "fee",
        "high", "leaves_quantity", "limit_price", "low", "margin", "open", "position", "price",
        "quantity", "realised_profit", "reserved", "stop_price", "version", "volume",
    }
)  # fmt: skip


def print_json(value: object) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def print_rows(
    rows: Sequence[Row],
    columns: Sequence[str],
    *,
    as_json: bool,
    spare: Sequence[str] = (),
    folded: str | None = None,
) -> None:
    """Rows as a table of the given columns, or whole as JSON.

    On a terminal that is too narrow the ``spare`` columns are left out, first the first of them,
    then those at the end. No value is cut, and none but those of ``folded``, long texts in a last
    column, goes over several lines.
    """
    if as_json:
        print_json(list(rows))
        return
    if not rows:
        console.print("[dim]nothing yet[/dim]")
        return
    widths = {column: _width(rows, column) for column in columns}
    if folded is not None:
        widths[folded] = min(widths[folded], MIN_FOLDED)
    room = _room()
    shown = _fitting(widths, spare, room)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in shown:
        justify: JustifyMethod = "right" if column in _NUMERIC else "left"
        table.add_column(_title(column), justify=justify, no_wrap=column != folded, overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(row.get(column))) for column in shown))
    (console if room else Console(width=ENDLESS)).print(table)
    _tell_of_others(columns, shown)


def print_record(record: Row, *, as_json: bool) -> None:
    """One object, a line a field, or as JSON."""
    if as_json:
        print_json(record)
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in record.items():
        table.add_row(name.replace("_", " "), Text(_cell(value)))
    console.print(table)


def advise(text: str) -> None:
    """Say on standard error what can be done about what was printed."""
    errors.print(f"[dim]{text}[/dim]", highlight=False)


def fail(message: str, hint: str | None = None) -> None:
    """Say what went wrong, and what to do next, on standard error."""
    errors.print(f"[bold red]error[/bold red] {message}", highlight=False)
    if hint:
        advise(hint)


def _fitting(widths: dict[str, int], spare: Sequence[str], room: int | None) -> list[str]:
    """The columns that fit, the first one in any case."""
    shown = dict(widths)
    others = list(widths)[1:]
    order = [*spare, *(column for column in reversed(others) if column not in spare)]
    while room is not None and order and _total(shown) > room:
        del shown[order.pop(0)]
    return list(shown)


def _total(widths: dict[str, int]) -> int:
    return sum(widths.values()) + _GAP * (len(widths) - 1)


def _width(rows: Sequence[Row], column: str) -> int:
    return max(cell_len(_title(column)), *(cell_len(_cell(row.get(column))) for row in rows))


def _room() -> int | None:
    """None where a file or a program reads: it gets all."""
    is_limited = console.is_terminal or "COLUMNS" in os.environ
    return console.width if is_limited else None


def _title(column: str) -> str:
    return column.replace("_", " ")


def _tell_of_others(columns: Sequence[str], shown: Sequence[str]) -> None:
    others = [_title(column) for column in columns if column not in shown]
    if others:
        advise(f"also, with --json: {', '.join(others)}")


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
