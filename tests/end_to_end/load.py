"""Clients that trade for as long as the core lives, and remember every answer they were given."""

import threading
from collections.abc import Sequence
from decimal import Decimal
from random import Random
from typing import Any

import httpx
import msgspec

from tests.end_to_end.process import ANSWER_SECONDS, api_client

SYMBOL = "BTCUSDT"
TICK = Decimal("0.10")
LOT = Decimal("0.001")


class Command(msgspec.Struct, frozen=True):
    """A request that names itself: sent again, it is the same one. ``route`` is its template."""

    method: str
    route: str
    path: str
    key: str
    body: dict[str, Any] | None = None


class Answered(msgspec.Struct, frozen=True):
    """What the core promised."""

    command: Command
    status: int
    position: int | None
    document: dict[str, Any]

    @property
    def is_promise(self) -> bool:
        """Whether there is anything in the log to keep."""
        return self.position is not None


class Trader:
    """One account's client; seeded, so that it does the same as far as the answers are the same."""

    def __init__(self, name: str, seed: int) -> None:
        self._name = name
        self._random = Random(seed)
        self._count = 0
        self._account_id: str | None = None
        self._orders: list[str] = []
        self._unanswered: Command | None = None
        self.answered: list[Answered] = []

    @property
    def is_waiting(self) -> bool:
        return self._unanswered is not None

    def step(self, http: httpx.Client, price: Decimal) -> None:
        """Send the next command, or again the one that got no answer.

        Raises httpx.TransportError if there is none again.
        """
        command = self._unanswered or self._next(price)
        self._unanswered = command
        answer = send(http, command)
        if answer.status < 500:
            self._unanswered = None
            self.answered.append(answer)
            self._learn(answer)

    def _next(self, price: Decimal) -> Command:
        if self._account_id is None:
            return self._command("POST", "/v1/accounts", client_id=self._name)
        if self._count < 2:
            return self._deposit("1000000")
        kinds = (self._market, self._near, self._resting, self._cancel, self._amend)
        (make,) = self._random.choices(kinds, (3, 2, 3, 3, 1))
        if self._random.random() < 0.1:
            return self._deposit(str(self._random.randint(1, 1_000)))
        return make(price)

    def _learn(self, answer: Answered) -> None:
        if "order_id" in answer.document and answer.status == 201:
            self._orders.append(answer.document["order_id"])
        elif self._account_id is None:
            self._account_id = answer.document["account_id"]

    def _deposit(self, amount: str) -> Command:
        route = "/v1/accounts/{account_id}/deposits"
        path = route.format(account_id=self._account_id)
        return self._command("POST", route, path, asset="USDT", amount=amount)

    def _market(self, price: Decimal) -> Command:
        return self._order(type="market")

    def _near(self, price: Decimal) -> Command:
        """Fills at once, or in a while."""
        offset = Decimal(self._random.randint(-5, 5)) * TICK
        return self._order(type="limit", limit_price=_on_tick(price + offset))

    def _resting(self, price: Decimal) -> Command:
        """Two to four per cent away: stays."""
        away = price * Decimal(self._random.randint(20, 40)) / 1_000
        return self._order("buy", type="limit", limit_price=_on_tick(price - away))

    def _cancel(self, price: Decimal) -> Command:
        if not self._orders:
            return self._market(price)
        route = "/v1/orders/{order_id}"
        return self._command(
            "DELETE", route, route.format(order_id=self._random.choice(self._orders))
        )

    def _amend(self, price: Decimal) -> Command:
        if not self._orders:
            return self._market(price)
        route = "/v1/orders/{order_id}"
        path = route.format(order_id=self._random.choice(self._orders))
        return self._command("PATCH", route, path, quantity=self._quantity())

    def _order(self, side: str | None = None, **terms: str) -> Command:
        return self._command(
            "POST",
            "/v1/orders",
            account_id=self._account_id,
            symbol=SYMBOL,
            side=side or self._random.choice(("buy", "sell")),
            quantity=self._quantity(),
            **terms,
        )

    def _quantity(self) -> str:
        return str(self._random.randint(1, 60) * LOT)

    def _command(self, method: str, route: str, path: str | None = None, **body: Any) -> Command:
        self._count += 1
        return Command(method, route, path or route, f"{self._name}-{self._count}", body or None)


class Load:
    """All traders at once, each in a thread, until the core is gone or enough was answered."""

    def __init__(self, traders: Sequence[Trader]) -> None:
        self._traders = traders
        self._stop = threading.Event()
        self._counted = threading.Condition()
        self._count = 0
        self._threads: list[threading.Thread] = []

    @property
    def answered(self) -> list[Answered]:
        return [answer for trader in self._traders for answer in trader.answered]

    @property
    def count(self) -> int:
        """Answers since the start."""
        return self._count

    def start(self, url: str, token: str, price: Decimal) -> None:
        self._stop.clear()
        self._count = 0
        self._threads = [
            threading.Thread(target=self._trade, args=(trader, url, token, price))
            for trader in self._traders
        ]
        for thread in self._threads:
            thread.start()

    def await_answers(self, count: int) -> None:
        """Until so many commands were answered since the start."""
        with self._counted:
            assert self._counted.wait_for(lambda: self._count >= count, ANSWER_SECONDS), (
                f"{self._count} answers, not {count}"
            )

    def join(self) -> None:
        """Until every trader has noticed that the core is gone, or has had its last answer."""
        self._stop.set()
        for thread in self._threads:
            thread.join(ANSWER_SECONDS * 2)
            assert not thread.is_alive()

    def _trade(self, trader: Trader, url: str, token: str, price: Decimal) -> None:
        with api_client(url, token) as http:
            while not self._stop.is_set() or trader.is_waiting:
                try:
                    trader.step(http, price)
                except httpx.TransportError:
                    return
                with self._counted:
                    self._count += 1
                    self._counted.notify_all()


def send(http: httpx.Client, command: Command) -> Answered:
    """Raises httpx.TransportError if there is no answer."""
    headers = {"Idempotency-Key": command.key}
    response = http.request(command.method, command.path, json=command.body, headers=headers)
    position = response.headers.get("Log-Position")
    return Answered(
        command,
        response.status_code,
        int(position) if position else None,
        {} if response.is_server_error else response.json(),
    )


def _on_tick(price: Decimal) -> str:
    return f"{price // TICK * TICK:f}"
