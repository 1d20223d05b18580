"""Who asks for what, and what a decision was taken on: the metadata of every event."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID, uuid5

import msgspec

from domain.order.terms import OrderTerms

_NAMESPACE = UUID("5b9a1a0e-6f0c-5d43-9c5e-0c7f3b6f0a11")


class ActorType(StrEnum):
    HUMAN = "human"
    ALGO = "algo"
    SYSTEM = "system"
    VENUE = "venue"


class Actor(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Who acted, for whom, and through which door (api, cli, telegram, policy, venue…)."""

    type: ActorType
    id: str
    channel: str
    on_behalf_of: str | None = None


class CommandContext(msgspec.Struct, frozen=True):
    """What comes with a command whatever it asks for.

    The ids of all events a command makes derive from ``command_id``, so a command tried again is
    the same command. ``causation_id`` is the event or request that led to it.
    """

    command_id: UUID
    correlation_id: str
    actor: Actor
    causation_id: str | None = None
    traceparent: str | None = None

    def event_id(self, stream: str, event_type: str, data: bytes) -> UUID:
        """The id of an event of this command; ``data`` holds its version, and so its index.

        A retry after a lost answer makes the same append. A command decided anew, by another
        process or after a lost race, makes another: the log must not take the second for the
        first, or its maker would go on with a state that the log does not hold.
        """
        return uuid5(self.command_id, f"{stream}/{event_type}/{data.decode()}")

    def derived_id(self, name: str) -> str:
        """A stable identifier for something this command creates."""
        return str(uuid5(self.command_id, name))

    def caused(self, step: str) -> "CommandContext":
        """The context of a further step of the same command, with event ids of its own."""
        return msgspec.structs.replace(self, command_id=uuid5(self.command_id, step))


def command_id_for(*parts: str) -> UUID:
    """The command id of a request that names itself: an idempotency key with its owner."""
    return uuid5(_NAMESPACE, "\x1f".join(parts))


class QuoteEvidence(msgspec.Struct, frozen=True, gc=False):
    """The quote a decision was taken on, and its age in milliseconds then."""

    bid: Decimal
    ask: Decimal
    at: datetime
    age_ms: int


class PendingEvent(msgspec.Struct, frozen=True):
    """An event that was decided and not yet in the log; ``data`` as it would be stored."""

    type: str
    schema_version: int
    data: msgspec.Raw


class LinkedOrder(msgspec.Struct, frozen=True):
    """The other order of a pair that is placed or refused as one."""

    order_id: str
    terms: OrderTerms


class DecisionInputs(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a decision read: enough to take it again on exactly the same.

    ``streams`` are versions in the log, ``pending`` what the same request had decided on top of
    them before. ``instrument`` is the digest of the venue's filters. ``verdicts_of`` is set where
    an order is refused for its linked order's sake: verdicts and inputs are then that order's.
    Events of before these were recorded have None.
    """

    streams: dict[str, int]
    limits: dict[str, int]
    quote: QuoteEvidence | None
    limits_are_current: bool | None = None
    max_quote_age_ms: int | None = None
    instrument: str | None = None
    pending: tuple[PendingEvent, ...] = ()
    verdicts_of: LinkedOrder | None = None


class Metadata(
    msgspec.Struct,
    frozen=True,
    omit_defaults=True,
    rename={"correlation_id": "$correlationId", "causation_id": "$causationId"},
):
    """The metadata of a stored event; the two ``$`` names are EventStoreDB's own."""

    correlation_id: str
    command_id: UUID
    actor: Actor
    schema_version: int
    code_version: str
    causation_id: str | None = None
    traceparent: str | None = None
    inputs: DecisionInputs | None = None
    leader_epoch: int | None = None
