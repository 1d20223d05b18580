"""A small market that moves by a seeded walk: three contracts, a quote and a trade at a time."""

from collections.abc import Callable
from decimal import Decimal
from random import Random

from domain.clock import Clock
from domain.instrument import Instrument
from domain.market_data import MarketEvent, Quote, Trade

INTERVAL = 1.0
"""Seconds between two moves of the market."""

JUMP = 0.06
"""How often a price jumps instead of moving by a few ticks: what sets stops off."""


def _instrument(symbol: str, tick: str) -> Instrument:
    return Instrument(
        symbol=symbol,
        base_asset=symbol.removesuffix("USDT"),
        quote_asset="USDT",
        settlement_asset="USDT",
        tick_size=Decimal(tick),
        min_price=Decimal(tick),
        max_price=Decimal(100_000),
        lot_size=Decimal("0.1"),
        min_quantity=Decimal("0.1"),
        max_quantity=Decimal(100),
        market_max_quantity=Decimal(100),
        min_notional=Decimal(5),
    )


TRADED = (_instrument("BTCUSDT", "0.5"), _instrument("ETHUSDT", "0.1"))
UNTRADED = "DOGEUSDT"
"""Listed by the venue, and not among the core's instruments."""

LISTED = (*TRADED, _instrument(UNTRADED, "0.1"))


class SimulatedInstruments:
    """The Instruments port over some contracts."""

    def __init__(self, listed: tuple[Instrument, ...]) -> None:
        self._by_symbol = {instrument.symbol: instrument for instrument in listed}

    def get(self, symbol: str) -> Instrument | None:
        return self._by_symbol.get(symbol)

    def all(self) -> tuple[Instrument, ...]:
        return tuple(self._by_symbol.values())


class Walk:
    """One contract's price in ticks; every move yields a quote and a trade at its touch."""

    def __init__(self, instrument: Instrument, dice: Random) -> None:
        self._instrument = instrument
        self._dice = dice
        self._ticks = 200 + dice.randrange(400)
        self._trades = 0
        self._back = 0

    def move(self, clock: Clock) -> tuple[Quote, Trade]:
        dice = self._dice
        self._ticks = max(self._ticks + self._step(), 50)
        quote = self._quote(clock, spread=dice.randrange(1, 4))
        return quote, self._trade(quote)

    def _step(self) -> int:
        """A few ticks; or a jump, and every other time the way back at once."""
        if self._back:
            back, self._back = self._back, 0
            return back
        if self._dice.random() >= JUMP:
            return self._dice.randrange(-3, 4)
        jump = self._dice.choice((-1, 1)) * max(self._ticks // 25, 1)
        self._back = self._dice.choice((0, -2 * jump))
        return jump

    def _quote(self, clock: Clock, spread: int) -> Quote:
        tick = self._instrument.tick_size
        return Quote(
            symbol=self._instrument.symbol,
            bid=self._ticks * tick,
            bid_quantity=self._lots(20),
            ask=(self._ticks + spread) * tick,
            ask_quantity=self._lots(20),
            at=clock.now(),
        )

    def _trade(self, quote: Quote) -> Trade:
        self._trades += 1
        sold = self._dice.random() < 0.5
        return Trade(
            symbol=quote.symbol,
            trade_id=self._trades,
            price=quote.bid if sold else quote.ask,
            quantity=self._lots(10),
            buyer_is_maker=sold,
            at=quote.at,
        )

    def _lots(self, most: int) -> Decimal:
        return self._dice.randint(1, most) * self._instrument.lot_size


class Market:
    """The newest quotes, for the desks to decide on and the venue to match against."""

    def __init__(self, instruments: SimulatedInstruments, dice: Random) -> None:
        self._walks = [Walk(each, Random(dice.getrandbits(64))) for each in instruments.all()]
        self._quotes: dict[str, Quote] = {}
        self.stands_still = False

    def quote(self, symbol: str) -> Quote | None:
        return self._quotes.get(symbol)

    def move(self, clock: Clock, listen: Callable[[MarketEvent], None]) -> None:
        """Every contract moves once, at the clock's present time."""
        for walk in self._walks:
            quote, trade = walk.move(clock)
            self._quotes[quote.symbol] = quote
            listen(quote)
            listen(trade)

    async def run(self, clock: Clock, listen: Callable[[MarketEvent], None]) -> None:
        """Until cancelled."""
        while True:
            if not self.stands_still:
                self.move(clock, listen)
            await clock.sleep(INTERVAL)
