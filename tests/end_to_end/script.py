"""A fixed script of commands that takes an order's every way; after a crash it is resumed."""

import time
from collections.abc import Callable
from typing import Any

import httpx

from tests.end_to_end.load import SYMBOL, Answered, Command, send
from tests.end_to_end.process import POLL_SECONDS
from tests.end_to_end.tape import BETWEEN, FAR_BELOW

PATIENCE_SECONDS = 30.0
"""An order that was killed on its way stays unknown until it can no longer arrive."""

ENDED = frozenset({"filled", "cancelled", "rejected", "expired"})
RESTING = ENDED | {"new"}

EXPECTED = frozenset({201, 202, 409, 422})
"""Done, or refused for what the order has become after a crash (409) or the market is (422)."""

PASSING_REFUSALS = frozenset({"quote_missing", "quote_stale", "limits_unknown", "duplicate_order"})
"""A core that has just started may not have seen the market yet."""


class Script:
    """``play`` does what is left to do; every command has its key, so it may be sent again.

    ``answered`` are the promises that were given, as for Story.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.answered: list[Answered] = []
        self._steps: list[Callable[[httpx.Client], None]] = [
            self._open,
            self._deposit,
            self._limit,
            self._take,
            self._rest_until_filled,
            self._rest,
            self._amend,
            self._cancel,
            self._pair,
            self._rest_for_good,
            self._halt,
            self._try_while_halted,
            self._resume,
        ]
        self._account_id = ""
        self._resting = ""

    @property
    def is_done(self) -> bool:
        return not self._steps

    def play(self, http: httpx.Client) -> None:
        """Raises httpx.TransportError where the core dies."""
        while self._steps:
            self._steps[0](http)
            self._steps.pop(0)

    def _open(self, http: httpx.Client) -> None:
        answer = self._ask(http, "POST", "/v1/accounts", "open", client_id=self.name)
        self._account_id = answer.document["account_id"]

    def _deposit(self, http: httpx.Client) -> None:
        route = "/v1/accounts/{account_id}/deposits"
        path = route.format(account_id=self._account_id)
        self._ask(http, "POST", route, "deposit", path, asset="USDT", amount="100000")

    def _limit(self, http: httpx.Client) -> None:
        route = "/v1/risk/limits/{scope}"
        path = route.format(scope=f"account:{self._account_id}")
        self._ask(http, "PUT", route, "limits", path, limits={"max_open_orders": 9}, reason="drill")

    def _take(self, http: httpx.Client) -> None:
        self._place(http, "take", ENDED, quantity="0.010", type="market")

    def _rest_until_filled(self, http: httpx.Client) -> None:
        self._place(http, "cross", ENDED, quantity="0.005", type="limit", limit_price=BETWEEN)

    def _rest(self, http: httpx.Client) -> None:
        order = self._place(
            http, "rest", RESTING, quantity="0.004", type="limit", limit_price=FAR_BELOW
        )
        self._resting = order["order_id"]

    def _amend(self, http: httpx.Client) -> None:
        route = "/v1/orders/{order_id}"
        path = route.format(order_id=self._resting)
        self._ask(http, "PATCH", route, "amend", path, quantity="0.006")
        self._await(http, self._resting, lambda order: order["status"] in RESTING)

    def _cancel(self, http: httpx.Client) -> None:
        route = "/v1/orders/{order_id}"
        self._ask(http, "DELETE", route, "cancel", route.format(order_id=self._resting))
        self._await(http, self._resting, lambda order: order["status"] in ENDED)

    def _pair(self, http: httpx.Client) -> None:
        terms = {"type": "oco", "limit_price": BETWEEN, "stop_price": FAR_BELOW}
        limit = self._place(http, "pair", ENDED, side="sell", quantity="0.003", **terms)
        self._await(http, limit["linked_order_id"], lambda order: order["status"] in ENDED)

    def _rest_for_good(self, http: httpx.Client) -> None:
        self._place(http, "stay", RESTING, quantity="0.002", type="limit", limit_price=FAR_BELOW)

    def _halt(self, http: httpx.Client) -> None:
        self._ask(http, "POST", "/v1/risk/halt", "halt", scope="system", reason="drill")

    def _try_while_halted(self, http: httpx.Client) -> None:
        answer = self._order(http, "halted", quantity="0.001", type="market")
        assert answer.status == 422, answer

    def _resume(self, http: httpx.Client) -> None:
        self._ask(http, "POST", "/v1/risk/resume", "resume", scope="system", reason="drill")

    def _place(
        self, http: httpx.Client, step: str, until: frozenset[str], **terms: str
    ) -> dict[str, Any]:
        """An order, once it has one of the statuses; a refusal that passes is tried anew."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        attempt = 1
        while (answer := self._order(http, f"{step}/{attempt}", **terms)).status != 201:
            assert answer.document["code"] in PASSING_REFUSALS, answer
            assert time.monotonic() < deadline, answer
            attempt += 1
            time.sleep(POLL_SECONDS)
        order_id = answer.document["order_id"]
        return self._await(http, order_id, lambda order: order["status"] in until)

    def _order(self, http: httpx.Client, step: str, **terms: str) -> Answered:
        order = {"account_id": self._account_id, "symbol": SYMBOL, "side": "buy", **terms}
        return self._ask(http, "POST", "/v1/orders", step, **order)

    def _ask(
        self, http: httpx.Client, method: str, route: str, step: str, path: str = "", **body: Any
    ) -> Answered:
        """The answer, none that the script was not written for. A core that cannot give one yet is
        asked again."""
        command = Command(method, route, path or route, f"{self.name}/{step}", body or None)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (answer := send(http, command)).status >= 500:
            assert time.monotonic() < deadline, answer
            time.sleep(POLL_SECONDS)
        assert answer.status in EXPECTED, answer
        if all(known.command.key != command.key for known in self.answered):
            self.answered.append(answer)
        return answer

    def _await(
        self, http: httpx.Client, order_id: str, wanted: Callable[[dict[str, Any]], bool]
    ) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            response = http.get(f"/v1/orders/{order_id}")
            order: dict[str, Any] = response.json()
            if response.status_code == 200 and wanted(order):
                return order
            assert time.monotonic() < deadline, f"{self.name}: {order}"
            time.sleep(POLL_SECONDS)
