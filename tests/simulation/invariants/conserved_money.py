"""Money is conserved to the last decimal.

However profit and the cost of what is left are rounded against each other, the balance less the
cost of all positions is what went in, less what trades and fees took out: counted here in
fractions, apart from the account's own arithmetic and from the venue's.
"""

from collections.abc import Iterator
from fractions import Fraction

from domain.account.account import Account
from domain.account.events import AccountEvent
from projections.projection import Fact
from tests.simulation.story import Story


def on_event(story: Story, fact: Fact) -> Iterator[str]:
    """The account adds up to what its own events say."""
    if isinstance(fact.event, AccountEvent):
        account = story.accounts[fact.event.originator_id]
        for asset in account.balances:
            if _worth(account, asset) != story.flows[account.id, asset]:
                yield f"account {account.id} has {_worth(account, asset)} {asset} at cost, not "
                yield f"the {story.flows[account.id, asset]} that its events add up to"


def at_rest(story: Story) -> Iterator[str]:
    """The account has what it has at the venue."""
    for account in story.accounts.values():
        for asset in account.balances:
            at_venue = story.venue.flows[account.id, asset]
            if _worth(account, asset) != at_venue:
                yield (
                    f"account {account.id} has {float(_worth(account, asset))} {asset} at cost, "
                    f"at the venue {float(at_venue)}"
                )
        for symbol in sorted({s for a, s in story.venue.positions if a == account.id}):
            held = Fraction(account.position_quantity(symbol))
            at_venue = story.venue.positions[account.id, symbol]
            if held != at_venue:
                yield f"account {account.id} holds {held} {symbol}, at the venue {at_venue}"


def _worth(account: Account, asset: str) -> Fraction:
    cost = sum(
        (Fraction(p.cost) for p in account.positions.values() if p.settlement_asset == asset),
        Fraction(),
    )
    return Fraction(account.balance(asset)) - cost
