"""All policies from an order's events to its account."""

from collections.abc import Callable, Iterator

from domain.event import Event
from domain.policies.commands import AccountCommand
from domain.policies.release import release
from domain.policies.settlement import settlement

Policy = Callable[[Event], Iterator[AccountCommand]]

POLICIES: tuple[Policy, ...] = (settlement, release)


def commands_for(event: Event) -> tuple[AccountCommand, ...]:
    """What follows from an event, in the order it must be done."""
    return tuple(command for policy in POLICIES for command in policy(event))
