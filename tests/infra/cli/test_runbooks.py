"""The runbooks, command by command, against a core that runs."""

from pathlib import Path

import pytest

from tests.end_to_end.process import RunningCore
from tests.infra.cli.running import CommandLine
from tests.infra.docs.pages import RUNBOOKS, console_lines, words

REFUSED = {"account acknowledge": "nothing_to_acknowledge"}
"""What a core that is well answers to remedies."""


def far_from_the_market(at_core: CommandLine, core: RunningCore, account: str) -> str:
    """A limit order that rests."""
    last = core.client.items("/v1/market/candles", symbol="BTCUSDT", interval="1m")[-1]
    price = f"{float(last['close']) * 0.97:.0f}"
    order = ("order", "place", account, "buy", "0.001", "BTCUSDT", "--json")
    placed = at_core(*order, "--type", "limit", "--limit-price", price).json["order_id"]
    core.client.await_status(placed, "new")
    return str(placed)


@pytest.mark.parametrize("page", RUNBOOKS, ids=[page.stem for page in RUNBOOKS])
def test_every_command_works(at_core: CommandLine, core: RunningCore, page: Path) -> None:
    account = at_core("account", "open", "--client", page.stem, "--json").json["account_id"]
    at_core("account", "deposit", account, "10000")
    order = far_from_the_market(at_core, core, account)
    lines = console_lines(page)
    for written in lines:
        line = written.replace("ACCOUNT", account).replace("ORDER", order)
        ended = at_core(*words(line))
        code = next((c for start, c in REFUSED.items() if line.startswith(f"patriot {start}")), "")
        assert ended.code == (1 if code else 0), (line, ended.err)
        assert code in ended.err
    assert lines
    assert at_core("risk", "show", "--json").json["state"] == "active"
