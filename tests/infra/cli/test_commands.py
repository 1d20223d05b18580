"""Each command prints what it says, as a table and as JSON, and exits 0, 1 or 2."""

import json
import re
from pathlib import Path

import pytest

from tests.end_to_end import process
from tests.end_to_end.process import ANSWER_SECONDS, RunningCore, until
from tests.infra.cli.running import CommandLine

NOBODY = "3c0f1f36-0000-4000-8000-000000000000"


def open_account(patriot: CommandLine, key: str) -> str:
    opened = patriot("account", "open", "--client", "alice", "--key", key, "--json").json
    patriot("account", "deposit", opened["account_id"], "10000", "--key", f"{key}-deposit")
    return str(opened["account_id"])


def test_an_order_from_the_command_line(at_core: CommandLine, core: RunningCore) -> None:
    account = open_account(at_core, "journey")
    placed = at_core("order", "place", account, "buy", "0.01", "BTCUSDT", "--json").json
    assert placed.keys() == {"order_id", "status", "linked_order_id", "position"}
    core.client.await_status(placed["order_id"], "filled")

    shown = at_core("order", "show", placed["order_id"], "--json").json
    assert shown["order"]["status"] == "filled"
    assert shown["timeline"][0]["type"] == "OrderPlaced"
    table = at_core("order", "show", placed["order_id"])
    assert "OrderFilled" in table.out

    listed = at_core("order", "list", "--account", account)
    assert placed["order_id"] in listed.out
    assert "filled" in listed.out
    assert max(len(line.rstrip()) for line in listed.out.splitlines()) <= 80
    assert "average price" in listed.err

    events = at_core("events", "show", f"order-{placed['order_id']}", "--json").json
    assert [event["version"] for event in events] == list(range(1, len(events) + 1))
    tail = at_core("events", "tail", "--limit", "500")
    assert f"order-{placed['order_id']}" in tail.out
    assert "…" not in tail.out


def test_money_is_shown_per_asset(at_core: CommandLine) -> None:
    account = open_account(at_core, "money")
    (balance,) = at_core("account", "show", account, "--json").json["balances"]
    assert balance["balance"] == "10000"
    assert "10000" in at_core("account", "show", account).out
    assert account in at_core("account", "list").out


def test_an_amended_and_cancelled_order(at_core: CommandLine, core: RunningCore) -> None:
    account = open_account(at_core, "amend")
    last = core.client.items("/v1/market/candles", symbol="BTCUSDT", interval="1m")[-1]
    price = f"{float(last['close']) * 0.97:.0f}"
    placed = at_core(
        *("order", "place", account, "buy", "0.01", "BTCUSDT", "--json"),
        *("--type", "limit", "--limit-price", price),
    ).json["order_id"]
    core.client.await_status(placed, "new")
    assert at_core("order", "amend", placed, "--quantity", "0.02").code == 0
    until(
        lambda: core.client.get(f"/v1/orders/{placed}")["quantity"] == "0.02" or None,
        ANSWER_SECONDS,
        lambda: "not amended",
    )
    assert at_core("order", "cancel", placed).code == 0
    core.client.await_status(placed, "cancelled")
    again = at_core("order", "cancel", placed)
    assert (again.code, "order_not_live" in again.err) == (1, True)


def test_a_stop_that_trails_by_profit_steps(at_core: CommandLine) -> None:
    account = open_account(at_core, "trail")
    order = ("order", "place", account, "sell", "0.01", "BTCUSDT", "--type", "trailing_stop")
    steps = ("--trailing-step", "1.5:1.5", "--trailing-step", "1.8:1.8", "--entry-price", "50000")
    placed = at_core(*order, *steps, "--client-order-id", "mine", "--json").json
    assert placed["status"] == "pending_new"
    assert at_core(*order, "--trailing-step", "1.5", "--entry-price", "50000").code == 2


def test_trading_is_halted_and_resumed(at_core: CommandLine, tmp_path: Path) -> None:
    account = open_account(at_core, "halt")
    halted = at_core("risk", "halt", "--reason", "lunch")
    assert halted.code == 0
    assert re.fullmatch(r"system halted, confirmed at position \d+\n", halted.out)
    shown = at_core("risk", "show", "--json").json
    assert (shown["state"], shown["halt_confirmed"]) == ("halted", True)
    assert re.search(r"trading +halted *\n", at_core("status").out)
    refused = at_core("order", "place", account, "buy", "0.01", "BTCUSDT")
    assert (refused.code, "trading_halted" in refused.err) == (1, True)
    again = at_core("risk", "halt", "--reason", "dinner", "--json").json
    assert again.keys() == {"scope", "change_id", "confirmed", "position"}
    assert at_core("risk", "resume", "--reason", "back").code == 0

    limits = at_core("risk", "show", "--json").json["limits"]
    file = tmp_path / "limits.json"
    file.write_text(json.dumps({**limits, "max_open_orders": 7}))
    assert at_core("risk", "set", "system", "--file", str(file), "--reason", "fewer").code == 0
    assert at_core("risk", "show", "--json").json["limits"]["max_open_orders"] == 7
    file.write_text("no JSON")
    assert at_core("risk", "set", "system", "--file", str(file), "--reason", "odd").code == 2


def test_read_models_and_their_lag(at_core: CommandLine) -> None:
    def measured() -> bool | None:
        rows = at_core("projections", "status", "--json").json
        return all(row["lag_events"] == 0 for row in rows) or None

    until(measured, ANSWER_SECONDS, lambda: "no lag is measured")
    status = at_core("status")
    assert "order_timeline" in status.out
    assert "active" in status.out
    told = at_core("status", "--json").json
    (leader,) = told["leaders"]
    assert (leader["venue"], leader["epoch"] >= 1) == ("paper", True)
    watched = ("unknown_orders", "accounts_reducing", "accounts_halted")
    assert [told[name] for name in watched] == [0, 0, 0]
    assert told["problems_in_the_last_hour"] >= 0
    assert "unknown orders" in status.out
    rebuilt = at_core("projections", "rebuild", "orders", "--json")
    assert (rebuilt.code, rebuilt.json["name"]) == (0, "orders")
    unknown = at_core("projections", "rebuild", "nothing")
    assert (unknown.code, "'nothing'" in unknown.err) == (1, True)


def test_nothing_external_is_there_to_acknowledge(at_core: CommandLine) -> None:
    account = open_account(at_core, "external")
    assert (
        at_core("account", "show", account, "--json").json["account"]["trading_state"] == "active"
    )
    refused = at_core("account", "acknowledge", account, "--reason", "seen")
    assert (refused.code, "nothing_to_acknowledge" in refused.err) == (1, True)
    assert at_core("problems", "list", "--account", account, "--json").json == []
    assert "nothing yet" in at_core("problems", "list", "--account", account).out
    wrong = at_core("problems", "list", "--kind", "nothing")
    assert (wrong.code, "invalid_enum" in wrong.err) == (1, True)


def test_what_there_is_not(at_core: CommandLine) -> None:
    missing = at_core("order", "show", NOBODY)
    assert (missing.code, "order_not_found" in missing.err) == (1, True)
    assert at_core("order", "show").code == 2
    assert at_core("order", "place", NOBODY, "hold", "1", "BTCUSDT").code == 2
    assert at_core("no-such-command").code == 2


def test_without_a_core(patriot: CommandLine) -> None:
    patriot.set_environment(PATRIOT_URL="http://127.0.0.1:1")
    away = patriot("account", "list")
    assert (away.code, away.out) == (1, "")
    assert "make up" in away.err


def test_tokens(patriot: CommandLine) -> None:
    made = patriot("token", "create", "--role", "client", "--account", NOBODY, "--json").json
    assert made["token"].startswith("patriot1.")
    (line,) = patriot("token", "create", "--role", "operator").out.splitlines()
    assert line.startswith("patriot1.")
    homeless = patriot("token", "create", "--role", "client")
    assert (homeless.code, "--account" in homeless.err) == (1, True)


class TestDoctor:
    def test_finds_nothing_on_a_fresh_machine(self, patriot: CommandLine) -> None:
        findings = patriot("doctor", "--json").json
        assert [finding for finding in findings if not finding["ok"]] == []
        details = {finding["check"]: finding["detail"] for finding in findings}
        assert "PostgreSQL" in details["PostgreSQL"]
        assert "Valkey" in details["Redis"]
        assert details["core"] == "not running"
        assert patriot("doctor").code == 0

    def test_asks_the_servers_of_a_running_core(
        self, at_core: CommandLine, core: RunningCore
    ) -> None:
        findings = {row["check"]: row for row in at_core("doctor", "--json").json}
        assert findings["PostgreSQL"]["detail"].endswith("answers")
        assert findings["Redis"]["detail"].endswith("answers")
        assert core.url in findings["core"]["detail"]

    def test_names_what_is_wrong(self, patriot: CommandLine, tmp_path: Path) -> None:
        data = tmp_path / "data"
        data.mkdir()
        (data / "token_secret").write_text("x" * 64)
        (data / "token_secret").chmod(0o644)
        patriot.set_environment(
            PATRIOT_REDIS_URL="redis://:hidden@127.0.0.1:1",
            PATRIOT_POSTGRES_DSN="postgresql://patriot:hidden@127.0.0.1:1/patriot",
        )
        ended = patriot("doctor", "--json")
        assert ended.code == 1
        wrong = {row["check"] for row in ended.json if not row["ok"]}
        assert wrong == {"token secret", "PostgreSQL", "Redis"}
        assert "hidden" not in ended.out

    def test_warns_of_failpoints(self, patriot: CommandLine) -> None:
        patriot.set_environment(PATRIOT_FAILPOINT="kill:1")
        ended = patriot("doctor", "--json")
        wrong = {row["check"]: row["detail"] for row in ended.json if not row["ok"]}
        assert ended.code == 1
        assert wrong.keys() == {"failpoints"}
        assert "kill:1" in wrong["failpoints"]

    def test_a_bad_setting_is_wrong_usage(self, patriot: CommandLine) -> None:
        patriot.set_environment(PATRIOT_TAKER_FEE="NaN")
        ended = patriot("doctor")
        assert (ended.code, "PATRIOT_TAKER_FEE" in ended.err) == (2, True)


def test_benchmarks_are_named(tmp_path: Path) -> None:
    listed = process.patriot("bench", "--list", data_dir=tmp_path)
    assert listed.returncode == 0
    assert "append_postgres" in listed.stdout


def test_benchmarks_are_missing_outside_a_checkout(
    patriot: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("infra.cli.bench.CHECKOUT", tmp_path)
    ended = patriot("bench")
    assert (ended.code, "checkout" in ended.err) == (1, True)
