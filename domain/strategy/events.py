"""What can happen to a strategy."""

from typing import TYPE_CHECKING

from domain.event import Event, event_type

if TYPE_CHECKING:
    from domain.strategy.strategy import Strategy


class StrategyEvent(Event, frozen=True, kw_only=True):
    """Base of the events of a strategy stream."""

    def apply(self, aggregate: "Strategy") -> None:
        raise NotImplementedError


@event_type
class StrategyDefined(StrategyEvent, frozen=True, kw_only=True):
    """A strategy with its kind and parameters exists; it does nothing yet."""

    name: str
    kind: str
    parameters: dict[str, str]
    author: str

    def apply(self, aggregate: "Strategy") -> None:
        aggregate.name = self.name
        aggregate.kind = self.kind
        aggregate.parameters = self.parameters
        aggregate.author = self.author


@event_type
class StrategyParametersChanged(StrategyEvent, frozen=True, kw_only=True):
    """New parameters; a material change, so the strategy is inactive until it is reviewed again."""

    parameters: dict[str, str]
    previous: dict[str, str]
    author: str

    def apply(self, aggregate: "Strategy") -> None:
        aggregate.parameters = self.parameters
        aggregate.author = self.author
        aggregate.active = False


@event_type
class StrategyAssigned(StrategyEvent, frozen=True, kw_only=True):
    """The strategy may trade an account."""

    account_id: str

    def apply(self, aggregate: "Strategy") -> None:
        aggregate.accounts.add(self.account_id)


@event_type
class StrategyUnassigned(StrategyEvent, frozen=True, kw_only=True):
    """The strategy may not trade an account any more."""

    account_id: str

    def apply(self, aggregate: "Strategy") -> None:
        aggregate.accounts.discard(self.account_id)


@event_type
class StrategyActivated(StrategyEvent, frozen=True, kw_only=True):
    """A reviewer other than the author let it run (RTS 6 Articles 8 and 11)."""

    reviewer: str
    limits_version: int

    def apply(self, aggregate: "Strategy") -> None:
        aggregate.active = True


@event_type
class StrategyDeactivated(StrategyEvent, frozen=True, kw_only=True):
    """It signals nothing any more."""

    reason: str

    def apply(self, aggregate: "Strategy") -> None:
        aggregate.active = False
