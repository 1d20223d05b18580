"""An independent reckoning of accounts and orders, in fractions, by the rules of the trade.

It knows nothing of the code under test: only what was asked for and what the venue said.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from math import ceil

Number = Decimal | Fraction | int

_SMALLEST = 10**8


def up(value: Fraction) -> Fraction:
    """To 8 decimals, never below."""
    return Fraction(ceil(value * _SMALLEST), _SMALLEST)


@dataclass
class Execution:
    sign: int
    symbol: str
    quantity: Fraction
    price: Fraction
    fee: Fraction
    fee_asset: str


@dataclass
class Book:
    """One account's money as a bookkeeper would keep it."""

    margin_rate: Fraction
    highest_fee: Fraction
    moved: dict[str, Fraction] = field(default_factory=dict)
    transfers: set[str] = field(default_factory=set)

    def move(self, asset: str, amount: Number) -> None:
        self.moved[asset] = self.moved.get(asset, Fraction(0)) + Fraction(amount)

    def worst_case(self, quantity: Fraction, price: Fraction, *, reduce_only: bool) -> Fraction:
        notional = quantity * price
        margin = Fraction(0) if reduce_only else up(notional * self.margin_rate)
        return margin + up(notional * self.highest_fee)


@dataclass
class Pending:
    """An amendment that the venue has not answered."""

    request_id: str
    quantity: Fraction
    limit: Fraction | None
    worst: Fraction


@dataclass
class Expected:
    """What must be true of one order."""

    order_id: str
    account_id: str
    symbol: str
    sign: int
    quantity: Fraction
    limit: Fraction | None
    stop: Fraction | None
    worst: Fraction
    reduce_only: bool
    end: str | None = None
    accepted: bool = False
    unknown: bool = False
    cancelling: str | None = None
    amending: Pending | None = None
    unanswered: Pending | None = None
    executions: dict[str, Execution] = field(default_factory=dict)
    busted: set[str] = field(default_factory=set)
    requests: dict[str, object] = field(default_factory=dict)

    @property
    def cum(self) -> Fraction:
        return sum((e.quantity for e in self.executions.values()), Fraction(0))

    @property
    def live(self) -> bool:
        return self.end is None

    @property
    def most(self) -> Fraction:
        """The most that can have been executed, given what the venue may have agreed to."""
        asked_for = self.amending or self.unanswered
        return max(self.quantity, asked_for.quantity if asked_for else Fraction(0))

    @property
    def status(self) -> str:
        if self.unknown:
            return "unknown"
        if self.cancelling:
            return "pending_cancel"
        if self.amending:
            return "pending_replace"
        if self.end and self.cum < self.quantity:
            return "cancelled" if self.end == "filled" else self.end
        return self._working_status

    @property
    def _working_status(self) -> str:
        if self.cum:
            return "filled" if self.cum == self.quantity else "partially_filled"
        return "new" if self.accepted else "pending_new"

    def finish(self, end: str) -> None:
        """The venue says that it is over; a filled order is over only for the amendment's part."""
        if self.live or self.amending:
            self.end = end
            self.unknown = False
            self.unanswered = self.amending or self.unanswered
            self.cancelling = self.amending = None

    def replaced(self) -> None:
        """The venue works it on the new terms; what has traded cannot be taken back."""
        assert self.amending is not None
        works = self.live or self.amending.quantity > self.quantity
        self.quantity = max(self.amending.quantity, self.cum)
        self.limit = self.amending.limit
        self.worst = self.amending.worst
        self.amending = None
        self.unknown = False
        self.end = None if works and self.cum < self.quantity else "filled"

    def answer_unsent(self) -> None:
        """What is not at the venue is amended and cancelled without it."""
        if self.amending:
            self.replaced()
        if self.live and self.cancelling:
            self.finish("cancelled")

    def executed(self, trade_id: str, execution: Execution) -> None:
        if self.cum + execution.quantity > self.quantity:
            if self.amending:
                self.replaced()
            else:
                self.quantity = self.cum + execution.quantity
                self.end = None
        self.executions[trade_id] = execution
        self.unknown = False
        if self.live and self.cum == self.quantity:
            self.end = "filled"

    def answer_pointless_requests(self) -> None:
        """A filled order has nothing left to cancel, nor to amend unless it is to be larger."""
        if self.live:
            return
        self.cancelling = None
        if self.amending and self.amending.quantity <= self.cum:
            self.amending = None

    def needs(self, book: Book) -> Fraction:
        """The worst case of what can still trade, on the present terms or on those asked for."""
        left = [self.quantity - self.cum] if self.live else []
        price = self.worst
        if self.amending and (self.live or self.amending.quantity > self.quantity):
            left.append(self.amending.quantity - self.cum)
            price = max(price, self.amending.worst)
        quantity = max(left, default=Fraction(0))
        if quantity <= 0:
            return Fraction(0)
        return book.worst_case(quantity, price, reduce_only=self.reduce_only)


@dataclass
class Ledger:
    """All accounts and orders."""

    books: dict[str, Book] = field(default_factory=dict)
    orders: dict[str, Expected] = field(default_factory=dict)

    def reserved(self, account_id: str) -> Fraction:
        book = self.books[account_id]
        return sum((o.needs(book) for o in self._orders(account_id)), Fraction(0))

    def position(self, account_id: str, symbol: str) -> Fraction:
        return sum(
            (e.sign * e.quantity for e in self._executions(account_id) if e.symbol == symbol),
            Fraction(0),
        )

    def cash(self, account_id: str, asset: str) -> Fraction:
        """Transfers, less what was paid for what was traded, less fees."""
        cash = self.books[account_id].moved.get(asset, Fraction(0))
        for each in self._executions(account_id):
            if asset == "USDT":
                cash -= each.sign * each.quantity * each.price
            if asset == each.fee_asset:
                cash -= each.fee
        return cash

    def _orders(self, account_id: str) -> list[Expected]:
        return [o for o in self.orders.values() if o.account_id == account_id]

    def _executions(self, account_id: str) -> list[Execution]:
        return [e for o in self._orders(account_id) for e in o.executions.values()]
