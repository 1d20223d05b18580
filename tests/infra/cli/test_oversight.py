"""What the command line says when something is not as it should be, and what it advises."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.infra.cli.answering import Api, answering
from tests.infra.cli.running import CommandLine

ACCOUNT = "3c0f1f36-0000-4000-8000-000000000000"
HALT = {"scope": "system", "change_id": "c", "position": 41}


def account(state: str, unacknowledged: int = 0, failure: str | None = None) -> dict[str, Any]:
    return {
        "account_id": ACCOUNT,
        "client_id": "alice",
        "venue": "paper",
        "margin_rate": "1",
        "trading_state": state,
        "unacknowledged": unacknowledged,
        "reconciliation_failure": failure,
    }


def a_page(*items: dict[str, Any]) -> dict[str, Any]:
    return {"items": list(items), "next_cursor": None}


def a_problem(**fields: Any) -> dict[str, Any]:
    return {
        "position": 12,
        "at": "2026-03-02T12:00:00.000000Z",
        "kind": "external_position",
        "stream": f"account-{ACCOUNT}",
        "account_id": ACCOUNT,
        "code": None,
        "reason": "BTCUSDT: believed 0, found 2",
        "raw": None,
        **fields,
    }


@pytest.fixture
def api(patriot: CommandLine) -> Iterator[Api]:
    with answering({}) as api:
        patriot.set_environment(PATRIOT_URL=api.url, PATRIOT_TOKEN="t")
        yield api


def one_line(text: str) -> str:
    """As it was before the terminal's width broke it."""
    return " ".join(text.split())


class TestHalt:
    def test_confirmed(self, patriot: CommandLine, api: Api) -> None:
        api.answers["POST /v1/risk/halt"] = {**HALT, "confirmed": True}
        ended = patriot("risk", "halt", "--reason", "drill")
        assert ended.out == "system halted, confirmed at position 41\n"
        assert (ended.code, ended.err) == (0, "")
        assert api.sent == [{"scope": "system", "reason": "drill"}]

    def test_not_yet_confirmed_says_what_to_do(self, patriot: CommandLine, api: Api) -> None:
        api.answers["POST /v1/risk/halt"] = {**HALT, "confirmed": False}
        ended = patriot("risk", "halt", "--reason", "drill")
        assert one_line(ended.out) == (
            "system halt in force; not yet confirmed: no execution worker leads"
        )
        assert "patriot status" in one_line(ended.err)
        assert "patriot risk show system" in one_line(ended.err)
        assert ended.code == 0

    def test_as_json_nothing_is_added(self, patriot: CommandLine, api: Api) -> None:
        document = {**HALT, "confirmed": False}
        api.answers["POST /v1/risk/halt"] = document
        ended = patriot("risk", "halt", "--reason", "drill", "--json")
        assert (ended.json, ended.err) == (document, "")


class TestAccount:
    @pytest.fixture
    def shown(self, api: Api) -> Api:
        for part in ("balances", "positions"):
            api.answers[f"GET /v1/accounts/{ACCOUNT}/{part}"] = a_page()
        return api

    @pytest.mark.parametrize(
        ("document", "advice"),
        [
            (account("active"), None),
            (account("reducing", 2), f"patriot account acknowledge {ACCOUNT} --reason"),
            (account("halted", 0, "no answer"), "tried again"),
        ],
    )
    def test_show_says_why_it_does_not_trade(
        self, patriot: CommandLine, shown: Api, document: dict[str, Any], advice: str | None
    ) -> None:
        shown.answers[f"GET /v1/accounts/{ACCOUNT}"] = document
        ended = patriot("account", "show", ACCOUNT)
        for name in ("trading_state", "unacknowledged", "reconciliation_failure"):
            value = "–" if document[name] is None else document[name]
            assert f"{name.replace('_', ' '):22}  {value}" in ended.out
        assert advice is None or advice in one_line(ended.err)
        assert (advice is None) == (ended.err == "")

    def test_list_shows_the_trading_state(self, patriot: CommandLine, api: Api) -> None:
        api.answers["GET /v1/accounts"] = a_page(account("reducing", 1))
        lines = patriot("account", "list").out.splitlines()
        assert "trading state" in lines[0]
        assert lines[1].rstrip().endswith("reducing")

    def test_acknowledge(self, patriot: CommandLine, api: Api) -> None:
        path = f"/v1/accounts/{ACCOUNT}/acknowledgements"
        document = {"account_id": ACCOUNT, "request_id": "r", "position": 7}
        api.answers[f"POST {path}"] = document
        ended = patriot("account", "acknowledge", ACCOUNT, "--reason", "my own trade", "--json")
        assert ended.json == document
        assert api.sent == [{"reason": "my own trade"}]
        assert patriot("account", "acknowledge", ACCOUNT).code == 2


class TestProblems:
    def test_list(self, patriot: CommandLine, api: Api) -> None:
        long = "the venue works order e-1 (no client id), buy 1 BTCUSDT limit, 0 filled, and so on"
        api.answers["GET /v1/problems"] = a_page(a_problem(reason=long), a_problem())
        ended = patriot("problems", "list", "--account", ACCOUNT, "--kind", "external_order")
        assert max(len(line.rstrip()) for line in ended.out.splitlines()) <= 80
        assert "external_position" in ended.out
        assert "so on" in ended.out
        (asked,) = api.asked
        assert f"account_id={ACCOUNT}" in asked
        assert "kind=external_order" in asked

    def test_json_has_the_venue_s_own_words(self, patriot: CommandLine, api: Api) -> None:
        problem = a_problem(kind="venue_data", raw='{"qty": NaN}')
        api.answers["GET /v1/problems"] = a_page(problem)
        assert patriot("problems", "list", "--json").json == [problem]


class TestStatus:
    @pytest.fixture
    def core(self, api: Api) -> Api:
        api.answers |= {
            "GET /health/ready": {"status": "ready", "checks": {}},
            "GET /v1/risk/limits/system": {"state": "halted", "halt_confirmed": False},
            "GET /v1/orders": a_page({}, {}),
            "GET /v1/accounts": a_page({}),
            "GET /v1/problems": a_page(*[{}] * 500),
            "GET /v1/leaders": a_page(
                {"venue": "paper", "epoch": 3, "started_at": "2026-03-02T12:00:00.000000Z"},
                {"venue": "paper", "epoch": 2, "started_at": "2026-03-01T12:00:00.000000Z"},
            ),
            "GET /v1/projections": a_page({"name": "orders", "version": 2, "state": "active"}),
        }
        return api

    def test_tells_what_needs_an_eye(self, patriot: CommandLine, core: Api) -> None:
        out = patriot("status").out
        for line in (
            "trading                    halted, not yet confirmed",
            "unknown orders             2",
            "accounts reducing          1",
            "problems in the last hour  500 or more",
            "paper      3  2026-03-02T12:00:00.000000Z",
        ):
            assert line in out, out
        assert "2026-03-01" not in out
        assert any("status=unknown" in asked for asked in core.asked)
        assert any("trading_state=halted" in asked for asked in core.asked)
        assert any("since=" in asked for asked in core.asked)

    def test_as_json(self, patriot: CommandLine, core: Api) -> None:
        told = patriot("status", "--json").json
        assert (told["unknown_orders"], told["accounts_halted"]) == (2, 1)
        assert [leader["epoch"] for leader in told["leaders"]] == [3]
