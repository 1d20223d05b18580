"""A core's pulse: the few numbers that show that it lives."""

import msgspec

from infra.composition.everything import Everything
from infra.workers import sql


class Pulse(msgspec.Struct, frozen=True):
    """``head`` and ``lag`` in log positions."""

    head: int
    lag: int
    working_orders: int
    trading: str
    quotes: tuple[tuple[str, str], ...]


async def pulse(everything: Everything) -> Pulse:
    """Measured now."""
    machine = everything.machinery
    head = await machine.log.head()
    row = await machine.pool.fetchrow(sql.PULSE)
    assert row is not None
    seen = (everything.hub.quote(one.symbol) for one in machine.instruments.all())
    return Pulse(
        head=head,
        lag=max(head - row["projected"], 0),
        working_orders=row["working"],
        trading=everything.core.risk_book.scope("system").state.value,
        quotes=tuple((quote.symbol, f"{quote.bid:f}/{quote.ask:f}") for quote in seen if quote),
    )
