"""Tables that a narrow terminal makes smaller, and never wrong."""

import io
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from infra.cli import output
from infra.cli.output import print_rows
from tests.infra.cli.running import CommandLine

COLUMNS = ("order_id", "symbol", "quantity", "status")
ROW = {"order_id": "x" * 36, "symbol": "BTCUSDT", "quantity": "0.01", "status": "filled"}


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (80, ["order id", "symbol", "quantity", "status"]),
        (60, ["order id", "quantity", "status"]),
        (47, ["order id", "quantity"]),
        (20, ["order id"]),
    ],
)
def test_whole_columns_go(
    width: int, shown: list[str], patriot: CommandLine, capsys: pytest.CaptureFixture[str]
) -> None:
    patriot.set_width(width)
    print_rows([ROW], COLUMNS, as_json=False, spare=("symbol",))
    captured = capsys.readouterr()
    head = captured.out.splitlines()[0]
    titles = [column.replace("_", " ") for column in COLUMNS]
    assert [title for title in titles if title in head] == shown
    missing = [title for title in titles if title not in shown]
    assert all(title in captured.err for title in missing)


words = st.text(
    st.characters(codec="ascii", exclude_categories=("C", "Z")), min_size=1, max_size=60
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.fixed_dictionaries(dict.fromkeys("abcd", words)), min_size=1, max_size=5),
    width=st.integers(10, 120),
)
def test_no_value_is_cut(
    rows: list[dict[str, str]], width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.StringIO()
    screen = Console(file=written, width=width)
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr(output, "console", screen)
    monkeypatch.setattr(output, "errors", Console(file=io.StringIO()))
    print_rows(rows, "abcd", as_json=False)
    head, *lines = written.getvalue().splitlines()
    shown = head.split()
    widest = max(len(row["a"]) for row in rows)
    if widest <= width:
        assert shown[0] == "a"
        assert [line.split() for line in lines] == [[row[name] for name in shown] for row in rows]


def test_json_has_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([{**ROW, "more": None}], COLUMNS[:1], as_json=True)
    assert json.loads(capsys.readouterr().out) == [{**ROW, "more": None}]


def test_nothing_is_said_to_be_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([], COLUMNS, as_json=False)
    assert "nothing yet" in capsys.readouterr().out
