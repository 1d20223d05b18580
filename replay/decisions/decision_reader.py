"""From an event of an order to the decision it records, with its inputs rebuilt."""

from collections.abc import Callable, Mapping
from functools import partial

import msgspec

from domain.account.account import Account
from domain.command import DecisionInputs, Metadata, PendingEvent
from domain.decimals import ZERO
from domain.event import Event, UndecodableEvent, decode, format_time
from domain.instrument import Instrument, Instruments
from domain.instrument_digest import instrument_digest
from domain.log import EventLog, RecordedEvent
from domain.market_data import Quote
from domain.order.events import OrderAmendRequested, OrderPlaced, OrderRefused
from domain.order.order import Order
from domain.risk.limits import Limits
from domain.risk.risk_limits import RiskLimits
from domain.use_cases.decision import Circumstances
from domain.use_cases.proposal import Proposal, amended_order, new_order
from domain.venue import Amendment
from replay.decisions.not_replayable import NotReplayable
from replay.decisions.recorded_decision import PASSED, Identity, RecordedDecision
from replay.decisions.scope_versions import ScopeVersions
from replay.decisions.versions import at_version

DecisionEvent = OrderPlaced | OrderRefused | OrderAmendRequested

Asked = tuple[str, Callable[[Account], Proposal]]
"""A symbol, and the order that was asked for."""

DECISION_TYPES = frozenset({"OrderPlaced", "OrderRefused", "OrderAmendRequested"})

_metadata = msgspec.json.Decoder(Metadata)
_encode = msgspec.json.Encoder().encode


class DecisionReader:
    """``limits`` stand in for those that were in force in their scopes; the states stay.

    ``unused`` are the scopes of ``limits`` by which nothing that was read so far was bound.
    """

    def __init__(
        self, log: EventLog, instruments: Instruments, limits: Mapping[str, Limits]
    ) -> None:
        self._log = log
        self._instruments = instruments
        self._limits = limits
        self._scopes = ScopeVersions(log)
        self.unused = set(limits)

    async def read(self, recorded: RecordedEvent) -> tuple[Identity, RecordedDecision | str] | None:
        """The decision, or why it cannot be taken again.

        None for what decides nothing: a trailing stop moves without any control being asked.
        Raises UnknownEventType, UndecodableEvent, and what the log raises.
        """
        event = decode(recorded)
        if not isinstance(event, DecisionEvent):
            raise TypeError(f"{recorded.type} at position {recorded.position} decides nothing")
        metadata = _read_metadata(recorded)
        if _moves_by_itself(event, metadata.inputs):
            return None
        identity = _identity(event, recorded, metadata)
        try:
            return identity, await self._rebuild(identity, event, recorded, metadata.inputs)
        except NotReplayable as reason:
            return identity, str(reason)

    async def _rebuild(
        self,
        identity: Identity,
        event: DecisionEvent,
        recorded: RecordedEvent,
        inputs: DecisionInputs | None,
    ) -> RecordedDecision:
        if inputs is None:
            raise NotReplayable("it was recorded without its inputs")
        self.unused.difference_update(inputs.limits)
        symbol, proposed = await self._asked(event, inputs)
        return RecordedDecision(
            identity=identity,
            verdicts=event.verdicts,
            outcome=event.code if isinstance(event, OrderRefused) else PASSED,
            price=event.worst_price if inputs.verdicts_of is None else None,
            account_version=_version(inputs, Account.stream_of(event.account_id)),
            pending=tuple(_pending(each, recorded) for each in inputs.pending),
            proposed=proposed,
            circumstances=await self._circumstances(event, symbol, inputs),
        )

    async def _asked(self, event: DecisionEvent, inputs: DecisionInputs) -> Asked:
        if isinstance(event, OrderAmendRequested):
            order = Order.empty(event.originator_id)
            order = await at_version(self._log, order, _version(inputs, order.stream))
            amended = amended_order(order, event.amendment)
            return amended.terms.symbol, partial(_as_asked, amended)
        order_id, terms = event.originator_id, event.terms
        if inputs.verdicts_of is not None:
            order_id, terms = inputs.verdicts_of.order_id, inputs.verdicts_of.terms
        return terms.symbol, partial(new_order, order_id, terms)

    async def _circumstances(
        self, event: DecisionEvent, symbol: str, inputs: DecisionInputs
    ) -> Circumstances:
        if (
            inputs.limits_are_current is None
            or inputs.max_quote_age_ms is None
            or not inputs.instrument
        ):
            raise NotReplayable("it was recorded before decisions recorded all of their inputs")
        scopes = [await self._scope(name, version) for name, version in inputs.limits.items()]
        return Circumstances(
            instrument=self._instrument(symbol, inputs),
            quote=_quote(symbol, inputs),
            scopes=tuple(scopes),
            scopes_are_current=inputs.limits_are_current,
            now=event.timestamp,
            max_quote_age_ms=inputs.max_quote_age_ms,
        )

    async def _scope(self, name: str, version: int) -> RiskLimits:
        scope = await self._scopes.at(name, version)
        if name not in self._limits:
            return scope
        other = RiskLimits.empty(name)
        other.version, other.state = scope.version, scope.state
        other.limits = self._limits[name]
        return other

    def _instrument(self, symbol: str, inputs: DecisionInputs) -> Instrument:
        instrument = self._instruments.get(symbol)
        if instrument is None:
            raise NotReplayable(f"there is no instrument {symbol} today")
        if instrument_digest(instrument) != inputs.instrument:
            raise NotReplayable(f"the venue's filters of {symbol} were others then")
        return instrument


def _read_metadata(recorded: RecordedEvent) -> Metadata:
    try:
        return _metadata.decode(recorded.metadata)
    except msgspec.DecodeError as error:
        raise UndecodableEvent(recorded, f"metadata: {error}") from error


def _moves_by_itself(event: DecisionEvent, inputs: DecisionInputs | None) -> bool:
    """As a trailing stop does: no control is asked, and there are no inputs to record."""
    if not isinstance(event, OrderAmendRequested) or event.verdicts or inputs is not None:
        return False
    return event.amendment == Amendment(stop_price=event.amendment.stop_price)


def _identity(event: DecisionEvent, recorded: RecordedEvent, metadata: Metadata) -> Identity:
    return Identity(
        order_id=event.originator_id,
        account_id=event.account_id,
        type=recorded.type,
        position=recorded.position,
        decided_at=format_time(event.timestamp),
        code_version=metadata.code_version,
    )


def _as_asked(proposal: Proposal, _: Account) -> Proposal:
    return proposal


def _version(inputs: DecisionInputs, stream: str) -> int:
    if stream not in inputs.streams:
        raise NotReplayable(f"it does not say which version of {stream} it was taken on")
    return inputs.streams[stream]


def _quote(symbol: str, inputs: DecisionInputs) -> Quote | None:
    """No control looks at how much stands at the best prices: that is not recorded."""
    seen = inputs.quote
    return None if seen is None else Quote(symbol, seen.bid, ZERO, seen.ask, ZERO, seen.at)


def _pending(pending: PendingEvent, recorded: RecordedEvent) -> Event:
    stored = msgspec.structs.replace(
        recorded,
        type=pending.type,
        data=bytes(pending.data),
        metadata=_encode({"schema_version": pending.schema_version}),
    )
    return decode(stored)
