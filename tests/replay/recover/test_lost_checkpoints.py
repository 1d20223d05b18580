"""Workers that have lost where they stood go through the whole log again, and repeat nothing."""

import json
import signal
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from tests.end_to_end.process import ANSWER_SECONDS, Client, RunningCore, patriot, running, until
from tests.replay.recover.test_drill import destroy_workers

WORKERS = {"execution", "halts", "policies", "paper-funding", "orphans", "amendments"}


class Seen(NamedTuple):
    """Types of the log's events, all that the venue has in its journal, and where workers stand."""

    events: list[str]
    journal: list[tuple[Any, ...]]
    places: dict[str, int]


def look(core: RunningCore) -> Seen:
    dsn = json.loads((core.data_dir / "run.json").read_text())["postgres_dsn"]
    with psycopg.connect(dsn) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        events = connection.execute("SELECT type FROM log.events ORDER BY position").fetchall()
        journal = "SELECT sequence, kind, entry::text FROM paper_venue.journal ORDER BY 1"
        places = connection.execute("SELECT worker, position FROM workers.checkpoint").fetchall()
        return Seen(
            [kind for (kind,) in events], connection.execute(journal).fetchall(), dict(places)
        )


def live(client: Client) -> None:
    """Something for every worker: money moved, orders filled, cancelled, amended, a halt."""
    account = client.post("/v1/accounts", "open", {"client_id": "alice"})["account_id"]
    for key in ("first", "second"):
        money = {"asset": "USDT", "amount": "10000"}
        client.post(f"/v1/accounts/{account}/deposits", key, money)
    terms = {"account_id": account, "symbol": "BTCUSDT", "side": "buy", "quantity": "0.01"}
    until(
        lambda: client.items("/v1/market/candles", symbol="BTCUSDT", interval="1m") or None,
        ANSWER_SECONDS,
        lambda: "no market",
    )
    bought = client.post("/v1/orders", "buy", {**terms, "type": "market"})["order_id"]
    price = float(client.await_status(bought, "filled")["average_price"])
    far = {**terms, "type": "limit", "limit_price": f"{price * 0.96:.0f}"}
    resting = client.post("/v1/orders", "resting", far)["order_id"]
    other = {**far, "quantity": "0.03"}
    cancelled = client.post("/v1/orders", "cancelled", other)["order_id"]
    for order in (resting, cancelled):
        client.await_status(order, "new")
    client.cancel(cancelled, "cancel")
    client.await_status(cancelled, "cancelled")
    amended = client.send(
        "PATCH",
        f"/v1/orders/{resting}",
        json={"quantity": "0.02"},
        headers={"Idempotency-Key": "amend"},
    )
    assert amended.status_code == 202, amended.text
    # A halt that comes before it is sent stops it.
    until(lambda: _has_quantity(client, resting, "0.02"), ANSWER_SECONDS, lambda: "not amended")
    halted = client.send(
        "POST",
        "/v1/risk/halt",
        json={"scope": f"account:{account}", "reason": "drill"},
        headers={"Idempotency-Key": "halt"},
    )
    assert halted.status_code == 202, halted.text


def _has_quantity(client: Client, order: str, quantity: str) -> bool | None:
    answer = client.send("GET", f"/v1/orders/{order}")
    return answer.json().get("quantity") == quantity or None


def test_the_whole_log_again_changes_nothing(data_dir: Path) -> None:
    with running(data_dir) as core:
        live(core.client)
        before = until(lambda: _settled(core), ANSWER_SECONDS, lambda: str(look(core)))
        assert core.stop(signal.SIGINT) == 0
    assert before.places.keys() >= WORKERS

    destroy_workers(data_dir)
    recovered = patriot("recover", data_dir=data_dir)
    assert recovered.returncode == 0, recovered.stderr

    with running(data_dir) as core:
        after = until(lambda: _past(core, before), ANSWER_SECONDS, lambda: str(look(core).places))
        assert core.stop(signal.SIGINT) == 0
    assert after.journal == before.journal
    assert after.events == [*before.events, "LeaderEpochStarted"]


def _settled(core: RunningCore) -> Seen | None:
    """Once the last of what was asked for is done and everybody has handled it."""
    seen = look(core)
    done = {"OrderAmended", "OrderCancelled", "FillSettled", "TradingHalted"} <= set(seen.events)
    lag = [row["lag_events"] for row in core.client.items("/v1/projections")]
    return seen if done and seen.places.keys() >= WORKERS and set(lag) == {0} else None


def _past(core: RunningCore, before: Seen) -> Seen | None:
    """Once every worker stands where it stood."""
    seen = look(core)
    stands = all(seen.places.get(name, 0) >= place for name, place in before.places.items())
    return seen if stands else None
