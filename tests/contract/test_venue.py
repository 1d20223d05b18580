"""What every venue must do, whatever it is made of: how it presents itself.

The rest of the suite is in the files beside this one: submit, amend, cancel, fills, questions,
reports, ambiguity and reconciliation. Most of it also runs with a bad network in between, behind
which everything must come to the same end.
"""

from datetime import timedelta

from domain.venue import Capabilities
from tests.contract.venues import INSTRUMENT, VenueUnderTest


async def test_it_has_a_name_and_says_what_it_does_by_itself(on: VenueUnderTest) -> None:
    assert on.venue.name
    assert isinstance(on.venue.capabilities, Capabilities)


async def test_its_status_has_its_time(on: VenueUnderTest) -> None:
    before = on.clock.now()
    health = await on.trader.ask(on.venue.status)
    assert health.trading
    assert before <= health.at <= on.clock.now()


async def test_its_time_goes_on(direct: VenueUnderTest) -> None:
    before = await direct.venue.status()
    await direct.clock.advance(60)
    assert (await direct.venue.status()).at - before.at == timedelta(seconds=60)


async def test_it_lists_what_it_trades(on: VenueUnderTest) -> None:
    assert INSTRUMENT in await on.trader.ask(on.venue.instruments)
