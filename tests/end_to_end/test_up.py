"""``patriot up`` as a user meets it: orders fill, Ctrl-C ends all of it, a second start goes on."""

import signal
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.end_to_end.process import (
    ANSWER_SECONDS,
    Client,
    RunningCore,
    gone,
    patriot,
    running,
    until,
)
from tests.end_to_end.recording import EXCHANGE_INFO, FRAMES

DEPOSIT = Decimal(10_000)


class Market(NamedTuple):
    """A market to start a core on, and what is traded in it."""

    env: dict[str, str]
    symbol: str
    quantity: str


SYNTHETIC = Market({}, "BTCUSDT", "0.01")
RECORDED = Market(
    {"PATRIOT_MARKET": str(FRAMES), "PATRIOT_EXCHANGE_INFO": str(EXCHANGE_INFO)}, "SUSHIUSDT", "2"
)

markets = [pytest.param(SYNTHETIC, id="synthetic")]
if FRAMES.exists():
    markets.append(pytest.param(RECORDED, id=FRAMES.name))


class Trader:
    """One account and its orders."""

    def __init__(self, client: Client, market: Market) -> None:
        self._client = client
        self._market = market
        self.account_id = client.post("/v1/accounts", "open", {"client_id": "alice"})["account_id"]
        path = f"/v1/accounts/{self.account_id}/deposits"
        client.post(path, "deposit", {"asset": "USDT", "amount": str(DEPOSIT)})
        until(self._quoted, ANSWER_SECONDS, lambda: f"no market in {market.symbol}")

    def buy(self, key: str, **terms: str) -> str:
        return str(self._client.post("/v1/orders", key, self._order(terms))["order_id"])

    def _quoted(self) -> bool | None:
        """A candle stands as soon as there were trades; a quote comes with the first of them."""
        path = "/v1/market/candles"
        return bool(self._client.items(path, symbol=self._market.symbol, interval="1m")) or None

    def _order(self, terms: dict[str, str]) -> dict[str, str]:
        return {
            "account_id": self.account_id,
            "symbol": self._market.symbol,
            "side": "buy",
            "quantity": self._market.quantity,
            **terms,
        }


@pytest.mark.parametrize("market", markets)
def test_orders_live_across_a_restart(market: Market, data_dir: Path) -> None:
    with running(data_dir, market.env) as core:
        trader = Trader(core.client, market)
        bought = trader.buy("market-order", type="market")
        filled = core.client.await_status(bought, "filled")
        resting = trader.buy("limit-order", type="limit", limit_price=_below(core.client, filled))
        working = core.client.await_status(resting, "new")
        _require_readable_event_by_event(core.client, trader.account_id, bought)
        (money,) = core.client.items(f"/v1/accounts/{trader.account_id}/balances")
        assert Decimal(money["balance"]) == DEPOSIT - Decimal(filled["fees_paid"])
        assert Decimal(money["reserved"]) > 0
        servers = core.descendants()
        assert core.stop(signal.SIGINT) == 0
    assert gone(servers)

    with running(data_dir, market.env) as core:
        assert core.client.items(f"/v1/accounts/{trader.account_id}/balances") == [money]
        assert core.client.get(f"/v1/orders/{bought}") == filled
        assert core.client.get(f"/v1/orders/{resting}") == working
        core.client.cancel(resting, "cancel")
        core.client.await_status(resting, "cancelled")
        until(
            lambda: _reserved(core.client, trader.account_id) == 0 or None,
            ANSWER_SECONDS,
            lambda: "the cancelled order's money stays reserved",
        )
        servers = core.descendants()
        assert core.stop(signal.SIGTERM) == 0
    assert gone(servers)


def _below(client: Client, filled: dict[str, Any]) -> str:
    """A price on the tick that the market will not reach, within the price collar."""
    instrument = client.get(f"/v1/instruments/{filled['symbol']}")
    tick = Decimal(instrument["tick_size"])
    return f"{Decimal(filled['average_price']) * Decimal('0.96') // tick * tick:f}"


def _reserved(client: Client, account_id: str) -> Decimal:
    (money,) = client.items(f"/v1/accounts/{account_id}/balances")
    return Decimal(money["reserved"])


def _require_readable_event_by_event(client: Client, account_id: str, order_id: str) -> None:
    timeline = client.items(f"/v1/orders/{order_id}/timeline")
    assert [event["type"] for event in timeline[:2]] == ["OrderPlaced", "OrderSubmitting"]
    assert {event["type"] for event in timeline[2:]} == {"OrderAccepted", "OrderFilled"}

    events = client.items("/v1/events", stream=f"order-{order_id}", limit=500)
    assert [event["version"] for event in events] == list(range(1, len(events) + 1))
    assert [(event["version"], event["type"]) for event in events] == [
        (event["version"], event["type"]) for event in timeline
    ]
    correlations = {event["metadata"]["$correlationId"] for event in events}
    assert len(correlations) == 1

    account = client.items("/v1/events", stream=f"account-{account_id}", limit=500)
    assert [event["type"] for event in account[:4]] == [
        "AccountOpened",
        "FundsDeposited",
        "FundsReserved",
        "FillSettled",
    ]
    assert account[2]["position"] < timeline[0]["position"] < account[3]["position"]


def test_a_second_core_is_refused_and_so_is_a_taken_port(data_dir: Path) -> None:
    with running(data_dir) as core:
        second = patriot("up", "--port", "0", data_dir=data_dir)
        _require_clear(second, "running", "--data-dir")

        port = core.url.rpartition(":")[2]
        elsewhere = data_dir.with_name("elsewhere")
        clash = patriot("up", "--port", port, data_dir=elsewhere)
        _require_clear(clash, f"port {port}", "--port")

        assert core.client.get("/health/ready")["status"] == "ready"
        _await_lag(core)
        assert core.stop() == 0


def _require_clear(refused: Any, *words: str) -> None:
    assert refused.returncode == 1, refused
    assert "Traceback" not in refused.stderr
    for word in words:
        assert word in refused.stderr


def _await_lag(core: RunningCore) -> None:
    """The read models' distance to the log's head is measured, and is nothing when all is quiet."""

    def measured() -> bool | None:
        rows = core.client.items("/v1/projections")
        return all(row["lag_events"] == 0 for row in rows) or None

    until(measured, ANSWER_SECONDS, lambda: f"lag: {core.client.items('/v1/projections')}")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PATRIOT_MARKET", "no-such-file"),
        ("PATRIOT_TAKER_FEE", "NaN"),
        ("PATRIOT_PORT", "70000"),
        ("PATRIOT_TOKEN_SECRET", "short"),
        ("PATRIOT_NO_SUCH_SETTING", "1"),
    ],
)
def test_a_bad_setting_stops_the_start(name: str, value: str, data_dir: Path) -> None:
    refused = patriot("up", data_dir=data_dir, env={name: value})
    assert refused.returncode == 2
    assert name in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not data_dir.exists()


def test_a_secret_that_others_can_read_stops_the_start(data_dir: Path) -> None:
    data_dir.mkdir()
    secret = data_dir / "token_secret"
    secret.write_text("x" * 64)
    secret.chmod(0o644)
    refused = patriot("up", "--port", "0", data_dir=data_dir)
    assert refused.returncode == 2
    assert "PATRIOT_TOKEN_SECRET" in refused.stderr
    assert "Traceback" not in refused.stderr
